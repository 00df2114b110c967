//! What is detected in files: delimiters, units, headers, times, columns in another order, files that grow.

use crate::help::{job, read, read_with, shown};
use heijunka_data::{DataError, Encoding, Source, Table, Timestamps};
use heijunka_wire::document::{HeldOut, Job, Task, Window};
use proptest::prelude::*;
use std::path::PathBuf;
use std::time::Duration;

fn names(table: &Table) -> Vec<&str> {
    table.column_names().collect()
}

#[test]
fn spaces_stand_between_cells_if_nothing_else_does() {
    let table =
        read_with(b"1 1 -0.7  100.0  \n1 2 0.19  99.5  \n2 1 0.5  98.0  \n", |source| source.header_rows = Some(0));
    let table = table.unwrap();
    assert_eq!((names(&table), table.rows()), (vec!["col0", "col1", "col2", "col3"], 3));
    assert_eq!(table.format().map(|format| format.delimiter), Some(' '));
    let named = read("time  speed load\n 1   2.5  3\n 2   4.5  6\n");
    assert_eq!((names(&named), named.rows()), (vec!["time", "speed", "load"], 2));
}

#[test]
fn a_header_of_numbers_is_refused() {
    for text in ["1,2.5,3\n4,5,6\n", "1,1,1\n2,2,2\n", "1;2,5\n3;4\n"] {
        let error = read_with(text.as_bytes(), |_| ()).unwrap_err();
        assert_eq!(shown(&error), "a.csv line 1 holds only numbers where column names are expected");
        assert!(error.fix().contains("header = false"));
    }
    assert_eq!(names(&read("2019,target\n1,2\n")), ["2019", "target"]);
}

#[test]
fn a_row_of_units_is_detected_and_noted() {
    let table = read("time;speed;pressure\ns;1/min;bar\n1;1200;2,5\n2;1210;2,6\n");
    assert_eq!(table.rows(), 2);
    let notes = table.notes();
    assert!(
        notes[0].starts_with("the line below the names of ") && notes[0].contains("taken as units (s, 1/min, bar, …)"),
        "{notes:?}"
    );
    let kept = read_with(b"time;speed\ns;bar\n1;1200\n", |source| source.header_rows = Some(1)).unwrap();
    assert_eq!(kept.rows(), 2);
}

#[test]
fn what_a_spreadsheet_writes_above_the_names_is_passed_over() {
    let table = read("sep=;\nReport of press 7;;\n\ntime;T;p\n1;2,5;3\n2;2,6;4\n");
    assert_eq!((names(&table), table.rows()), (vec!["time", "T", "p"], 2));
    let notes = table.notes();
    assert!(
        notes[0].ends_with(
            "a.csv line 2 ('Report of press 7') is taken as a title above the names; header_rows = 1 if it holds them"
        ),
        "{notes:?}"
    );
    let ragged = |text: &str| shown(&read_with(text.as_bytes(), |_| ()).unwrap_err());
    assert_eq!(
        ragged("sep=;\nReport\nt;T\n1;2\n2;3\n2\n"),
        "a.csv line 6 has 1 cell instead of 2 (delimiter ';')",
        "lines keep their numbers"
    );
    let preamble = read_with(b"machine;7;x\ndate;1;y\nt;p\n1;2\n", |source| source.skip_lines = 2).unwrap();
    assert_eq!((names(&preamble), preamble.rows()), (vec!["t", "p"], 1));
}

#[test]
fn windows_texts_are_noted() {
    let table = read_with(b"Gr\xf6\xdfe;T \xb0C\n1;2\n", |_| ()).unwrap();
    assert_eq!((names(&table), table.format().unwrap().encoding), (vec!["Größe", "T °C"], Encoding::Windows1252));
    let notes = table.notes();
    assert!(
        notes[0].ends_with("a.csv is not UTF-8 (line 1 is the first that is not); read as Windows-1252"),
        "{notes:?}"
    );
    let growing = "Größe;x\n1;ä\n2;ä".as_bytes();
    let cut = read_with(&growing[..growing.len() - 1], |_| ()).unwrap();
    assert_eq!(
        (names(&cut), cut.rows(), cut.notes().len()),
        (vec!["Größe", "x"], 1, 0),
        "the last line is being written"
    );
}

#[test]
fn files_that_are_not_text_are_named_for_what_they_are() {
    for (bytes, text, fix) in [
        (
            &b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0xxxxxxxxxxxx\x13\0\x08\x02[Content_Types].xml"[..],
            "is a workbook, not CSV",
            "CSV UTF-8",
        ),
        (b"PK\x03\x04\x14\0\0\0\x08\0a.csv", "is an archive, not CSV", "unpack it"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "is a workbook, not CSV", "CSV UTF-8"),
        (b"<html><table>", "is a workbook, not CSV", "CSV UTF-8"),
        (b"\x28\xb5\x2f\xfd\0", "is an archive, not CSV", ".gz is the only"),
        (b"a,b\n1,\0\n", "is not text", "export CSV"),
    ] {
        let error = read_with(bytes, |_| ()).unwrap_err();
        assert_eq!(shown(&error), format!("a.csv {text}"));
        assert!(error.fix().contains(fix), "{}", error.fix());
    }
}

#[test]
fn marked_thousands_are_numbers_where_they_can_be_nothing_else() {
    let columns = |text: &str, decimal| {
        let table = read_with(text.as_bytes(), |source| source.decimal = decimal).unwrap();
        let report = table.inspect(None).unwrap();
        let max = report.columns.iter().map(|column| column.max.unwrap_or(f64::NAN)).collect::<Vec<_>>();
        (max, table.format().unwrap().decimal, table.notes())
    };
    let (max, decimal, notes) = columns("a;b;c\n1.234,56;1.234;2,5\n7;2.000;3\n", None);
    assert!((max[0], decimal) == (1234.56, ',') && max[1].is_nan() && max[2] == 3.0, "{max:?}");
    assert_eq!(notes[0], "column 'a' has marks of thousands: '1.234,56' (line 2) is read as 1234.56");
    let unclear =
        "a.csv line 2) means; set decimal = \",\" in [data] if it marks thousands, decimal = \".\" if decimals";
    assert!(notes[1].starts_with("column 'b' is taken as text: it is not certain what '.' in '1.234' ("), "{notes:?}");
    assert!(notes[1].ends_with(unclear), "{notes:?}");
    let (max, _, notes) = columns("a;b;c\n1.234,56;1.234;2,5\n7;2.000;3\n", Some(','));
    assert_eq!((max, notes.len()), (vec![1234.56, 2000.0, 3.0], 2));
    let (max, decimal, _) = columns("a,b\n\"1,234.56\",\"1,234,567\"\n7,8\n", None);
    assert_eq!((max, decimal), (vec![1234.56, 1_234_567.0], '.'));
    let (max, decimal, notes) = columns("a;b\n1,234;2\n2,345;3\n", None);
    assert_eq!((max, decimal, notes), (vec![2.345, 3.0], ',', vec![]), "three decimals are not thousands");
    let (max, _, notes) = columns("a,b\n\"1,234\",2\n\"2,345\",3\n", None);
    assert!(max[0].is_nan() && notes[0].contains("set decimal = \".\" in [data] if it marks thousands"), "{notes:?}");
    let (max, decimal, _) = columns("a,b\n\"2,5\",1\n\"3,5\",2\n", None);
    assert_eq!((max, decimal), (vec![3.5, 2.0], ','), "cells in quotes may hold the delimiter");
    let (max, _, notes) = columns("a;b\n1.234,5;x\n2,5;1\nnone;2\n1,0;3\n", None);
    assert!(max[0].is_nan() && notes[0].contains("taken as text: it holds 'none' ("), "{notes:?}");
    let (max, decimal, _) = columns("a;b\n1.234;2.345\n7.5;8\n", None);
    assert_eq!((max, decimal), (vec![7.5, 8.0], '.'), "a point that marks decimals somewhere does so everywhere");
}

#[test]
fn a_delimiter_at_the_end_of_every_line_is_not_a_column() {
    assert_eq!(names(&read("a;b;\n1;2;\n3;4;\n")), ["a", "b"]);
    assert_eq!(names(&read("a;b;\n1;2;x\n3;4;\n")), ["a", "b", "col2"]);
}

#[test]
fn wide_texts_need_no_mark() {
    let bytes: Vec<u8> = "ab;b\n1;2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let table = read_with(&bytes, |_| ()).unwrap();
    assert_eq!((names(&table), table.format().map(|format| format.encoding)), (vec!["ab", "b"], Some(Encoding::Utf16)));
}

#[test]
fn times_are_not_inputs() {
    let table = read("when,x,y\n2026-11-24 16:00:01,1,0\n2026-11-24 16:00:02,2,1\n,3,1\n");
    assert_eq!(
        table.notes(),
        ["column 'when' is left out: it holds times (2026-11-24 16:00:01 to 2026-11-24 16:00:02)"]
    );
    assert_eq!(table.survey(&job(Task::Classification, "y")).unwrap().inputs.len(), 1);
    let asked = Job { inputs: vec!["when".into()], ..job(Task::Classification, "y") };
    assert_eq!(
        shown(&table.survey(&asked).unwrap_err()),
        "column 'when' in a.csv (delimiter ',') holds times, which cannot be an input"
    );
}

fn timed(text: &str, format: Option<&str>, gap: Option<u64>) -> Result<Table, DataError> {
    let gap = gap.map(Duration::from_secs);
    let timestamps = Timestamps { column: "t".into(), format: format.map(str::to_owned), gap };
    read_with(text.as_bytes(), |source| source.timestamps = Some(timestamps))
}

/// Windows of two rows, by machine.
fn pairs() -> Job {
    Job { window: Some(Window { rows: 2, every: 1 }), group: Some("m".into()), ..job(Task::Regression, "x") }
}

#[test]
fn rows_are_put_in_the_order_of_time() {
    let text = "t,m,x,z\n24.11.2026 10:00:30,a,3,1\n24.11.2026 10:00:10,a,1,2\n24.11.2026 10:00:20,b,9,3\n24.11.2026 10:00:20,a,2,4\n";
    let last = Job { held_out: HeldOut::Last(3_300), window: None, ..pairs() };
    let held_out = |table: &Table| table.survey(&last).unwrap().target.max;
    assert_eq!(held_out(&timed(text, None, None).unwrap()), 9.0, "b has a single row, a's last one is its first");
    let (usage, late) = (
        timed(text, None, None).unwrap().usage(&pairs()).unwrap(),
        timed(text, None, Some(5)).unwrap().usage(&pairs()).unwrap(),
    );
    assert_eq!((usage.train, late.train), (2, 0), "no window goes across a longer pause");
    assert_eq!(timed(text, None, Some(10)).unwrap().usage(&pairs()).unwrap().train, 2);
}

#[test]
fn unix_times_and_given_formats_are_times() {
    let unix = timed("t,m,x,z\n1795536001,a,1,1\n1795536002,a,2,2\n", None, Some(1)).unwrap();
    assert_eq!(unix.usage(&pairs()).unwrap().train, 1);
    let numbers = timed("t,m,x,z\n20261124,a,1,1\n20261130,a,2,2\n", Some("%Y%m%d"), Some(60)).unwrap();
    assert_eq!(numbers.usage(&pairs()).unwrap().train, 0);
    let error = |text: &str, format| shown(&timed(text, format, None).unwrap_err());
    assert_eq!(
        error("t,m,x,z\nlater,a,1,1\n", None),
        "the timestamp column 't' in a.csv (delimiter ',') holds 'later' (line 2), which is not a known form of time"
    );
    let ambiguous = timed("t,m,x,z\n01/02/2026 10:00,a,1,1\n", None, None).unwrap_err().to_string();
    assert!(ambiguous.ends_with("holds times in which day and month could be confused ('01/02/2026 10:00' in line 2)"));
    assert_eq!(
        error("t,m,x,z\n24.11.26,a,1,1\n", Some("%Y-%m-%d")),
        "the timestamp column 't' in a.csv (delimiter ',') holds '24.11.26' (line 2), which does not match timestamp_format"
    );
    let absent = read_with(b"a,b\nx,1\n", |source| {
        source.timestamps = Some(Timestamps { column: "t".into(), format: None, gap: None });
    });
    assert_eq!(shown(&absent.unwrap_err()), "column 't' missing in a.csv (delimiter ','); there are: a, b");
}

#[test]
fn a_row_without_a_time_has_no_place() {
    let table = timed("t,m,x,z\n2026-11-24 10:00,a,1,1\n,a,2,2\n2026-11-24 10:01,a,3,3\n", None, None).unwrap();
    assert_eq!(
        shown_usage(&table),
        "2 rows used (0 held out), 1 skipped: 1 with an empty cell in 't' (first: a.csv line 3)"
    );
}

fn shown_usage(table: &Table) -> String {
    let usage = table.usage(&Job { window: None, ..pairs() }).unwrap();
    let text = usage.to_string();
    let cut = text.rfind("(first: ").zip(text.rfind('/'));
    cut.map_or_else(|| text.clone(), |(open, slash)| format!("{}(first: {}", &text[..open], &text[slash + 1..]))
}

#[test]
fn names_of_many_parts_group_rows_but_are_not_inputs() {
    let rows: String = (0..600).map(|row| format!("part-{},{row},{}\n", row / 2, row % 3)).collect();
    let table = read(&format!("m,x,y\n{rows}"));
    assert_eq!(table.usage(&pairs()).unwrap().train, 300);
    assert!(table.notes()[0].starts_with("column 'm' is left out: it has more than 256 different texts"));
}

fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
    let source = Source::new(folder.path().join("*.csv"));
    (folder, source)
}

#[test]
fn a_pattern_takes_all_files_with_their_columns_in_any_order() {
    let (folder, source) =
        folder(&[("b.csv", "y;x\n4;3\n"), ("a.csv", "x,y\n1,2\n"), ("c.csv", "\n"), ("d.txt", "no")]);
    let table = Table::read(&source).unwrap();
    let survey = table.survey(&job(Task::Regression, "y")).unwrap();
    assert_eq!((survey.rows, survey.inputs[0].max, survey.target.max), (2, 3.0, 4.0));
    let read: Vec<_> = table.files().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(read, ["a.csv", "b.csv"], "in the order of names; one that has just begun is passed over");
    std::fs::write(folder.path().join("e.csv"), "x,z\n1,2\n").unwrap();
    assert_eq!(shown(&Table::read(&source).unwrap_err()), "e.csv has different columns from a.csv: 'z' differs");
    let nothing = Table::read(&Source::new(folder.path().join("*.tsv"))).unwrap_err();
    assert_eq!(shown(&nothing), "*.tsv cannot be read: no file matches the pattern");
    let whole = Table::read(&Source::new(folder.path())).unwrap_err();
    assert!(whole.to_string().ends_with("is a folder") && whole.fix().contains("*.csv"));
}

#[test]
fn the_last_line_may_not_be_there_yet() {
    assert_eq!(read("x,y\n1,2\n3").rows(), 1, "a cell is missing and so is the line's end");
    assert_eq!(read("x,y\n1,2\n3,4").rows(), 2);
    let growing = read_with(b"x,y\n1,2\n3,4", |source| source.whole_lines = true).unwrap();
    assert_eq!(growing.rows(), 1, "4 may become 45");
}

#[test]
fn memory_is_bounded() {
    let error = read_with("x,y\n1,2\n".repeat(300).as_bytes(), |source| source.bytes_max = 2048).unwrap_err();
    assert_eq!(shown(&error), "with a.csv the data exceed 2 KiB");
    let (_folder, mut source) = folder(&[("a.csv", "x,y\n1,2\n"), ("b.csv", "x,y\n1,2\n")]);
    source.bytes_max = 12;
    assert_eq!(shown(&Table::read(&source).unwrap_err()), "with b.csv the data exceed 12 bytes");
}

proptest! {
    #[test]
    fn any_bytes_are_safe(bytes in proptest::collection::vec(any::<u8>(), 0..300), header_rows in proptest::option::of(0..3_usize)) {
        let source = Source { header_rows, ..Source::new("") };
        let _ = Table::from_bytes(&source, vec![(PathBuf::from("a.csv"), bytes)]).map(|table| table.notes());
    }

    #[test]
    fn any_cells_are_safe(text in "[0-9a-c;,. \\t\"\\n|:-]{0,200}", clock in any::<bool>()) {
        let timestamps = clock.then(|| Timestamps { column: "a".into(), format: None, gap: None });
        let source = Source { timestamps, ..Source::new("") };
        let bytes = format!("a;b;c\n{text}").into_bytes();
        if let Ok(table) = Table::from_bytes(&source, vec![(PathBuf::from("a.csv"), bytes)]) {
            let _ = (table.notes(), table.survey(&pairs()), table.usage(&job(Task::Classification, "b")));
        }
    }
}
