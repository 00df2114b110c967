//! CSV as it is: byte order marks, delimiters, decimal commas, quotes, empty cells, ragged rows.

use crate::help::{job, read, read_with, sample, shown};
use heijunka_data::{DataError, Missing, Source, Table};
use heijunka_wire::document::Task;

fn error(text: &str) -> String {
    shown(&read_with(text.as_bytes(), |_| ()).unwrap_err())
}

#[test]
fn a_german_spreadsheet_is_understood() {
    let table = Table::read(&Source::new(sample("german.csv"))).unwrap();
    assert_eq!(table.column_names().collect::<Vec<_>>(), ["Zeit", "Temperatur, °C", "Luminosity", "Zustand"]);
    assert_eq!(table.rows(), 5, "a line of empty cells is not a row");
    let survey = table.survey(&job(Task::Classification, "Zustand")).unwrap();
    let temperature = &survey.inputs[1];
    assert_eq!((survey.rows, temperature.count), (4, 4), "the row with an empty cell is left out");
    assert_eq!((temperature.min, temperature.max, temperature.mean), (-15.0, 21.25, 11.4375));
    assert_eq!(survey.target.values, [("gut".to_owned(), 3), ("sehr; schlecht".to_owned(), 1)]);
    let usage = table.usage(&job(Task::Classification, "Zustand")).unwrap();
    assert_eq!(
        usage.to_string().replace("tests/samples/", ""),
        "4 rows used (0 held out), 1 skipped: 1 with an empty cell in 'Temperatur, °C' (first: german.csv line 4)"
    );
}

#[test]
fn the_same_rows_are_held_out_however_they_are_written_and_wherever_they_stand() {
    let german = Table::read(&Source::new(sample("german.csv"))).unwrap();
    let tabs = Table::read(&Source::new(sample("same.tsv"))).unwrap();
    let fate = |table: &Table, row| (0..10_000).find(|per_10000| table.held_out(row, *per_10000));
    let place_in_tabs = [4, 2, 3, 1, 0];
    let fates: Vec<_> = (0..5).map(|row| fate(&german, row)).collect();
    assert_eq!(fates, place_in_tabs.map(|row| fate(&tabs, row)));
    assert_eq!(fates, [Some(2724), Some(7070), Some(6470), Some(980), Some(9133)], "pinned");
}

#[test]
fn about_as_many_rows_are_held_out_as_asked_for_and_copies_share_their_fate() {
    let rows: String = (0..4_000).map(|row| format!("{row},{}\n", row % 7)).collect();
    let table = read(&format!("a,b\n{rows}{rows}"));
    let held_out = |row: &usize| table.held_out(*row, 2_000);
    assert!((700..900).contains(&(0..4_000).filter(held_out).count()));
    assert!((0..4_000).all(|row| held_out(&row) == held_out(&(row + 4_000))));
    assert_eq!((0..8_000).filter(|row| table.held_out(*row, 0)).count(), 0);
}

#[test]
fn ragged_rows_are_named() {
    let error = Table::read(&Source::new(sample("ragged.csv"))).unwrap_err();
    assert_eq!(shown(&error), "ragged.csv line 4 has 2 cells instead of 3 (delimiter ',')");
    assert!(matches!(error, DataError::Ragged { line: 4, found: 2, expected: 3, .. }));
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    let line = |text: &str| match read_with(text.as_bytes(), |_| ()) {
        Err(DataError::Ragged { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line("a,b\r\n1,2\r\n3\r\n"), 3);
    assert_eq!(line("\n\na,b\n\n1,2\n\n\n3\n"), 8);
    assert_eq!(line("a,b\n\"one\ntwo\",2\n3\n"), 4);
}

#[test]
fn a_delimiter_at_the_end_of_a_row_is_ignored() {
    assert_eq!(read("a;b\n1;2;\n3;4;\n").rows(), 2);
}

#[test]
fn without_a_header_columns_are_numbered() {
    let mut source = Source::new(sample("no_header.csv"));
    source.header_rows = Some(0);
    let table = Table::read(&source).unwrap();
    assert_eq!((table.rows(), table.column_names().last()), (3, Some("col3")));
}

#[test]
fn several_header_rows_and_annotations_are_passed_over() {
    let table = read_with(b"speed,load\nrpm,%\n1200,5\n", |source| source.header_rows = Some(2)).unwrap();
    assert_eq!((table.rows(), table.column_names().next()), (1, Some("speed")));
    let influx = Table::read(&Source::new(sample("influx.csv"))).unwrap();
    assert_eq!(influx.column_names().collect::<Vec<_>>(), ["col0", "speed", "load"]);
    assert_eq!((influx.rows(), influx.notes()), (2, vec!["column 'col0' is left out: it is empty".to_owned()]));
}

#[test]
fn other_encodings_are_understood() {
    let latin = read_with(b"Gr\xf6\xdfe;y\n1;2\n", |_| ()).unwrap();
    assert_eq!(latin.column_names().next(), Some("Größe"));
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("ä\tb\n1\t2\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert_eq!(read_with(&utf16, |_| ()).unwrap().column_names().next(), Some("ä"));
}

#[test]
fn delimiter_and_decimal_can_be_set() {
    let table = read_with(b"a|b\n1,5|2\n2,5|4\n", |source| {
        (source.delimiter, source.decimal) = (Some('|'), Some(','));
    });
    let survey = table.unwrap().survey(&job(Task::Regression, "b")).unwrap();
    assert_eq!(survey.inputs[0].mean, 2.0);
    let refused = read_with(b"a\n1\n", |source| source.delimiter = Some('→')).unwrap_err();
    assert_eq!(shown(&refused), "'→' cannot be a delimiter");
}

#[test]
fn files_of_one_table_are_read_one_below_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("1.csv"), "a,b\n1,x\n2,y\n").unwrap();
    std::fs::write(path("2.csv"), "a;b\n1,5;x\n;z\n").unwrap();
    std::fs::write(path("3.csv"), "a,c\n1,2\n").unwrap();
    let source = |last: &str| Source { paths: vec![path("1.csv"), path(last)], ..Source::new("") };
    let table = Table::read(&source("2.csv")).unwrap();
    let usage = table.usage(&job(Task::Classification, "b")).unwrap();
    assert_eq!((table.rows(), usage.train), (4, 3));
    assert!(usage.skipped[0].first.ends_with("2.csv line 3"));
    let other = Table::read(&source("3.csv")).unwrap_err();
    assert_eq!(shown(&other), "3.csv has different columns from 1.csv: 'c' differs");
}

#[test]
fn empty_cells_may_be_filled_or_refused() {
    let text = b"x,y\n1,1\n,2\n3,3\nNaN,4\n2,\n";
    let train = |missing| {
        let table = read_with(text, |source| source.missing = missing).unwrap();
        table.usage(&job(Task::Regression, "y")).map(|usage| usage.train)
    };
    assert_eq!(train(Missing::SkipRow).unwrap(), 2);
    assert_eq!(train(Missing::Mean).unwrap(), 4, "but a row without a target cannot be learned from");
    assert_eq!(shown(&train(Missing::Error).unwrap_err()), "a.csv line 6 has an empty cell in column 'y'");
}

#[test]
fn errors_of_files() {
    let absent = Table::read(&Source::new("nowhere.csv")).unwrap_err();
    assert!(matches!(absent, DataError::Unreadable { .. }));
    assert_eq!(absent.fix(), "check that the file exists and that this user may read it");
    assert_eq!(error(""), "a.csv has no rows");
    assert_eq!(error("a,b\n"), "a.csv has no rows");
    assert_eq!(error("a,b,a\n1,2,3\n"), "a.csv line 1 has two columns named 'a'");
    assert_eq!(
        error(&format!("{}\n1\n", "n".repeat(300))),
        "a.csv line 1 has a longer column name in bytes than the limit of 256"
    );
}
