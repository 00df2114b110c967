//! A few rows read as a table of their own, with everything that tables may have (delimiters, decimal commas, quotes).

use heijunka_data::{DataError, Inputs, Source, Table};
use heijunka_wire::document::Job;
use std::io::{self, Seek, Write};
use tempfile::NamedTempFile;

/// Reads pieces by way of a file that is written anew for each.
pub(crate) struct Pieces {
    file: NamedTempFile,
    has_header: bool,
}

/// Why rows could not be read.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The piece could not be written.
    Io(io::Error),
    /// Each of its rows would meet the same.
    Table(DataError),
    /// Some row of it, and why in words about that row.
    Row(String),
}

impl Pieces {
    pub(crate) fn new(has_header: bool) -> io::Result<Self> {
        Ok(Self { file: NamedTempFile::new()?, has_header })
    }

    /// Reads rows and encodes them for a model.
    pub(crate) fn read(&mut self, header: &[u8], rows: &[&[u8]], job: &Job) -> Result<(Table, Inputs), Trouble> {
        self.write(header, rows).map_err(Trouble::Io)?;
        let mut source = Source::new(self.file.path());
        source.header_rows = usize::from(self.has_header);
        let table = Table::read(&source).map_err(|error| self.trouble(error))?;
        if table.rows() != rows.len() {
            return Err(Trouble::Row("a quote is missing, or all its cells are empty".into()));
        }
        let inputs = table.encode_inputs(job).map_err(|error| self.trouble(error))?;
        Ok((table, inputs))
    }

    fn write(&mut self, header: &[u8], rows: &[&[u8]]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in self.has_header.then_some(header).iter().chain(rows) {
            text.extend_from_slice(line);
            text.push(b'\n');
        }
        let file = self.file.as_file_mut();
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&text)
    }

    fn trouble(&self, error: DataError) -> Trouble {
        use DataError::{Delimiter, DuplicateColumn, Empty, MissingColumn, TooMuch};
        let path = self.file.path().display().to_string();
        match error {
            Delimiter { .. } | DuplicateColumn { .. } | MissingColumn { .. } | TooMuch { .. } => Trouble::Table(error),
            Empty { .. } => Trouble::Row("all its cells are empty".into()),
            _ => {
                let line = format!("{path} line {}", 1 + usize::from(self.has_header));
                Trouble::Row(error.to_string().replace(&line, "it").replace(&path, "the table"))
            }
        }
    }
}
