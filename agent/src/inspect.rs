//! `inspect`: shows what a data file is understood to hold, before there are any settings.

use crate::failure::data_failure;
use clap::Args;
use heijunka_data::{ColumnReport, DataError, Report, Source, Table, Timestamps, Written};
use heijunka_settings::{Exit, Failure};
use heijunka_units::counted;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

/// Columns that are shown, unless all are asked for.
const COLUMNS_MAX: usize = 40;
/// Longest name or value that is shown whole, in characters.
const TEXT_CHARS_MAX: usize = 28;
/// Longest line, in characters.
const LINE_CHARS_MAX: usize = 120;

/// Options of `inspect`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// CSV files, a pattern in quotes ('data/*.csv'), or an idx file of images.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Labels of an idx file.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Rows above the data, of which the first holds the names; found out if left out.
    #[arg(long, value_name = "N")]
    header_rows: Option<usize>,
    /// Lines at the top that are passed over; titles of one cell are found out.
    #[arg(long, value_name = "N", default_value_t)]
    skip_lines: usize,
    /// What separates cells; found out if left out.
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// Decimal point; found out if left out.
    #[arg(long, value_name = "CHARACTER")]
    decimal: Option<char>,
    /// Column that says when a row was measured.
    #[arg(long, value_name = "COLUMN")]
    timestamp_column: Option<String>,
    /// How its times are written, as in strftime.
    #[arg(long, value_name = "FORMAT", requires = "timestamp_column")]
    timestamp_format: Option<String>,
    /// Column to predict: its classes are counted.
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Shows all columns, however many.
    #[arg(long)]
    all: bool,
    /// Prints everything as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints what is understood of the files.
pub(crate) fn inspect(arguments: &Arguments) -> Result<(), Failure> {
    let (source, table) = read(arguments)?;
    let mut report = table.inspect(arguments.target.as_deref()).map_err(data_failure)?;
    if source.header_rows == Some(0) && arguments.header_rows.is_none() {
        report.notes.insert(0, "the first row holds numbers alone: the file is taken as one without names".to_owned());
    }
    let text = if arguments.json {
        let json = serde_json::to_string_pretty(&report);
        json.map_err(|error| Failure::new(Exit::Config, error.to_string()))? + "\n"
    } else {
        let columns_max = if arguments.all { usize::MAX } else { COLUMNS_MAX };
        describe(&report, columns_max) + &settings(arguments, &report)
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Unavailable, "cannot write to standard output").why(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Reads the files; those whose first row cannot be names as files without.
fn read(arguments: &Arguments) -> Result<(Source, Table), Failure> {
    let mut source = Source::new("");
    source.paths.clone_from(&arguments.files);
    source.labels.clone_from(&arguments.labels);
    (source.header_rows, source.skip_lines) = (arguments.header_rows, arguments.skip_lines);
    (source.delimiter, source.decimal) = (arguments.delimiter, arguments.decimal);
    source.timestamps = arguments.timestamp_column.as_ref().map(|column| Timestamps {
        column: column.clone(),
        format: arguments.timestamp_format.clone(),
        gap: None,
    });
    let mut table = Table::read(&source);
    if source.header_rows.is_none() && matches!(table, Err(DataError::NumbersAsHeader { .. })) {
        source.header_rows = Some(0);
        table = Table::read(&source);
    }
    Ok((source, table.map_err(data_failure)?))
}

fn describe(report: &Report, columns_max: usize) -> String {
    let mut text = String::new();
    let (files, columns) = (report.files.len(), report.columns.len());
    if let Some((first, _)) = report.files.first() {
        let more = if files > 1 { format!(" and {}", counted(files - 1, "more file")) } else { String::new() };
        let _ = writeln!(text, "{first}{more}: {}, {}", counted(report.rows, "row"), counted(columns, "column"));
    }
    if let Some(written) = &report.format {
        let _ = writeln!(text, "{}", how(written));
    }
    let name_chars = report.columns.iter().map(|column| short(&column.name).chars().count()).max().unwrap_or_default();
    for column in report.columns.iter().take(columns_max) {
        let line = format!("  {:name_chars$}  {:7}  {}", short(&column.name), column.kind, what(column));
        let _ = writeln!(text, "{}", cut(line.trim_end(), LINE_CHARS_MAX));
    }
    if columns > columns_max {
        let _ = writeln!(text, "  … and {} (--all shows all)", counted(columns - columns_max, "more column"));
    }
    if let Some(classes) = &report.classes {
        let _ = writeln!(text, "classes:");
        for (class, rows) in classes {
            let percent = *rows as f64 * 100.0 / report.rows.max(1) as f64;
            let _ = writeln!(text, "  {:TEXT_CHARS_MAX$}  {}, {percent:.2} %", short(class), counted(*rows, "row"));
        }
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

/// `UTF-8, cells between ';', decimal ',', 2 header rows`.
fn how(written: &Written) -> String {
    let delimiter = match written.delimiter {
        '\t' => "tabs".to_owned(),
        ' ' => "spaces".to_owned(),
        other => format!("'{other}'"),
    };
    let header = match written.header_rows {
        0 => "no header".to_owned(),
        1 => "names in the first row".to_owned(),
        rows => format!("{rows} header rows, names in the first"),
    };
    format!("{}, cells between {delimiter}, decimal '{}', {header}", written.encoding, written.decimal)
}

/// What a column holds, in a few words.
fn what(column: &ColumnReport) -> String {
    let mut words = Vec::new();
    if let (Some(min), Some(mean), Some(max)) = (column.min, column.mean, column.max) {
        words.push(format!("{} .. {}, mean {}", brief(min), brief(max), brief(mean)));
    }
    if let (Some(from), Some(to)) = (&column.from, &column.to) {
        words.push(format!("{from} .. {to}"));
        words.extend(column.usual_step_s.map(|step| format!("usually {} s apart", brief(step))));
    }
    if column.constant {
        words.push("always the same".to_owned());
    } else if let Some(different) = column.different {
        let values: Vec<String> = column.top.iter().map(|(value, rows)| format!("{} ({rows})", short(value))).collect();
        let more = if different > values.len() { ", …" } else { "" };
        words.push(format!("{}: {}{more}", counted(different, "value"), values.join(", ")));
    }
    if column.missing > 0 {
        words.insert(0, format!("{} empty", column.missing));
    }
    words.join("; ")
}

/// Six digits, without zeros at the end.
fn brief(number: f64) -> String {
    let digits = if number == 0.0 { 0 } else { (5 - number.abs().log10().floor() as i32).clamp(0, 9) };
    let text = format!("{number:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn short(text: &str) -> String {
    cut(text, TEXT_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

/// What to write in the settings for such files.
fn settings(arguments: &Arguments, report: &Report) -> String {
    let path = match arguments.files.as_slice() {
        [only] => only.display().to_string(),
        // A shell has resolved the pattern.
        [first, ..] => first.with_file_name("*").with_extension("csv").display().to_string(),
        [] => String::new(),
    };
    let mut lines = format!("\n[data]\npath = '{path}'\n");
    if let Some(labels) = &arguments.labels {
        let _ = writeln!(lines, "labels = '{}'", labels.display());
    }
    match report.format.as_ref().map(|written| written.header_rows) {
        Some(0) => lines += "header = false\n",
        Some(rows @ 2..) => {
            let _ = writeln!(lines, "header_rows = {rows}");
        }
        _ => {}
    }
    if arguments.skip_lines > 0 {
        let _ = writeln!(lines, "skip_lines = {}", arguments.skip_lines);
    }
    for (key, given) in [("delimiter", arguments.delimiter), ("decimal", arguments.decimal)] {
        if let Some(character) = given {
            let _ = writeln!(lines, "{key} = {:?}", character.to_string());
        }
    }
    let clock = report.columns.iter().find(|column| column.kind == "times");
    if let Some(column) = clock {
        let _ = writeln!(lines, "timestamp_column = {:?}", column.name);
    }
    if let Some(format) = &arguments.timestamp_format {
        let _ = writeln!(lines, "timestamp_format = {format:?}");
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspected(text: &str, change: impl FnOnce(&mut Arguments)) -> (Report, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, text).unwrap();
        let mut arguments = Arguments {
            files: vec![path],
            labels: None,
            header_rows: None,
            skip_lines: 0,
            delimiter: None,
            decimal: None,
            timestamp_column: None,
            timestamp_format: None,
            target: None,
            all: false,
            json: false,
        };
        change(&mut arguments);
        let (_, table) = read(&arguments).unwrap();
        let report = table.inspect(arguments.target.as_deref()).unwrap();
        let text = describe(&report, COLUMNS_MAX) + &settings(&arguments, &report);
        (report, text.replace(&format!("{}/", folder.path().display()), ""))
    }

    #[test]
    fn a_table_is_told_in_plain_words() {
        let rows = "24.11.2026 10:00:00;20,5;gut;7\n24.11.2026 10:00:10;;gut;7\n24.11.2026 10:00:20;22;schlecht;7\n";
        let (_, text) = inspected(&format!("Zeit;Temperatur;Zustand;Linie\n{rows}"), |arguments| {
            arguments.target = Some("Zustand".into());
        });
        let expected = "\
a.csv: 3 rows, 4 columns
UTF-8, cells between ';', decimal ',', names in the first row
  Zeit        times    2026-11-24 10:00:00 .. 2026-11-24 10:00:20; usually 10 s apart
  Temperatur  numbers  1 empty; 20.5 .. 22, mean 21.25; 2 values: 20.5 (1), 22 (1)
  Zustand     texts    2 values: gut (2), schlecht (1)
  Linie       numbers  7 .. 7, mean 7; always the same
classes:
  gut                           2 rows, 66.67 %
  schlecht                      1 row, 33.33 %
note: column 'Zeit' is left out: it holds times (2026-11-24 10:00:00 to 2026-11-24 10:00:20)

[data]
path = 'a.csv'
timestamp_column = \"Zeit\"
";
        assert_eq!(text, expected);
    }

    #[test]
    fn lines_and_columns_are_bounded() {
        let header: Vec<String> = (0..60).map(|column| format!("{column}-{}", "n".repeat(60))).collect();
        let row = "v".repeat(200);
        let (_, text) = inspected(&format!("{}\n{}\n", header.join(","), [row.as_str(); 60].join(",")), |_| ());
        assert!(text.contains("… and 20 more columns"), "{text}");
        assert!(text.lines().skip(2).all(|line| line.chars().count() <= LINE_CHARS_MAX), "{text}");
    }

    #[test]
    fn files_without_names_are_known_by_their_numbers() {
        let (report, text) = inspected("1  2.5\n2  3.5\n", |_| ());
        assert_eq!((report.rows, report.columns.len()), (2, 2));
        assert!(text.contains("cells between spaces, decimal '.', no header"), "{text}");
        assert!(text.ends_with("header = false\n"), "{text}");
    }

    #[test]
    fn numbers_are_brief() {
        let pairs =
            [(0.0, "0"), (1_234_567.8, "1234568"), (0.000_123_456_7, "0.000123457"), (-2.5, "-2.5"), (100.0, "100")];
        for (number, text) in pairs {
            assert_eq!(brief(number), text);
        }
    }
}
