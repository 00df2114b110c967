//! A few rows read as a table of their own, with everything that tables may have (delimiters, decimal commas, quotes).

use heijunka_data::{DataError, Inputs, Source, Table};
use heijunka_wire::document::Job;
use std::path::PathBuf;

/// What errors call the piece.
const NAME: &str = "the table";

/// Why rows could not be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Each of its rows would meet the same.
    Table(DataError),
    /// Some row of it, and why in words about that row.
    Row(String),
}

/// Reads rows below `head` (names, a separator, both, or nothing) as the source says, and encodes them for a model.
pub(crate) fn read(head: &[u8], rows: &[&[u8]], job: &Job, source: &Source) -> Result<(Table, Inputs), Trouble> {
    let mut text = Vec::new();
    for line in Some(head).filter(|head| !head.is_empty()).iter().chain(rows) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let header_rows = source.header_rows.unwrap_or(1).min(1);
    let source = Source { header_rows: Some(header_rows), skip_lines: 0, ..source.clone() };
    let lines_above = head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let trouble = |error| trouble(lines_above, error);
    let table = Table::from_bytes(&source, vec![(PathBuf::from(NAME), text)]).map_err(trouble)?;
    if table.rows() != rows.len() {
        return Err(Trouble::Row("a quote is missing, or all its cells are empty".into()));
    }
    let inputs = table.encode_inputs(job).map_err(trouble)?;
    Ok((table, inputs))
}

fn trouble(lines_above: usize, error: DataError) -> Trouble {
    use DataError::{Clock, Delimiter, DuplicateColumn, Empty, MissingColumn, NumbersAsHeader, TooMuch};
    match error {
        Delimiter { .. } | DuplicateColumn { .. } | MissingColumn { .. } | NumbersAsHeader { .. } | TooMuch { .. } => {
            Trouble::Table(error)
        }
        Clock { .. } => Trouble::Row(format!("{error}; --timestamp-format says how times are written")),
        Empty { .. } => Trouble::Row("all its cells are empty".into()),
        _ => Trouble::Row(error.to_string().replace(&format!("{NAME} line {}", 1 + lines_above), "it")),
    }
}
