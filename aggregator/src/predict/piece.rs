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

/// Reads rows and encodes them for a model. Without a header, `header` is `None`.
pub(crate) fn read(header: Option<&[u8]>, rows: &[&[u8]], job: &Job) -> Result<(Table, Inputs), Trouble> {
    let header_rows = usize::from(header.is_some());
    let mut text = Vec::new();
    for line in header.iter().chain(rows) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    let source = Source { header_rows: Some(header_rows), ..Source::new(NAME) };
    let trouble = |error| trouble(header_rows, error);
    let table = Table::from_bytes(&source, vec![(PathBuf::from(NAME), text)]).map_err(trouble)?;
    if table.rows() != rows.len() {
        return Err(Trouble::Row("a quote is missing, or all its cells are empty".into()));
    }
    let inputs = table.encode_inputs(job).map_err(trouble)?;
    Ok((table, inputs))
}

fn trouble(header_rows: usize, error: DataError) -> Trouble {
    use DataError::{Delimiter, DuplicateColumn, Empty, MissingColumn, NumbersAsHeader, TooMuch};
    match error {
        Delimiter { .. } | DuplicateColumn { .. } | MissingColumn { .. } | NumbersAsHeader { .. } | TooMuch { .. } => {
            Trouble::Table(error)
        }
        Empty { .. } => Trouble::Row("all its cells are empty".into()),
        _ => Trouble::Row(error.to_string().replace(&format!("{NAME} line {}", 1 + header_rows), "it")),
    }
}
