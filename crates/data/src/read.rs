//! Makes tables from files, or from the bytes of files.

use crate::table::Table;
use crate::{DataError, Source, bytes, csv_file, idx};
use std::path::{Path, PathBuf};

impl Table {
    /// Reads a table. Errors name file, line and column.
    pub fn read(source: &Source) -> Result<Self, DataError> {
        let mut room = source.bytes_max;
        let mut read = |path: &PathBuf| {
            let bytes = bytes::read(path, source.bytes_max, room)?;
            room = room.saturating_sub(bytes.len() as u64);
            Ok((path.clone(), bytes))
        };
        let mut files: Vec<(PathBuf, Vec<u8>)> = source.files()?.iter().map(&mut read).collect::<Result<_, _>>()?;
        if let Some((path, head)) = files.first().filter(|(_, head)| idx::is_idx(head) || source.labels.is_some()) {
            return filled(idx::read(source, path, head)?, path);
        }
        // A file of a pattern may have just begun.
        if files.len() > 1 {
            files.retain(|(_, bytes)| !bytes.trim_ascii().is_empty());
        }
        Self::from_bytes(source, files)
    }

    /// Makes a table from the bytes of CSV files; the source says how to read them, its paths do not matter.
    pub fn from_bytes(source: &Source, files: Vec<(PathBuf, Vec<u8>)>) -> Result<Self, DataError> {
        let first = files.first().map(|(path, _)| path.clone()).ok_or(DataError::NoFile)?;
        let table = csv_file::read(source, files)?;
        table.clock()?;
        filled(table, &first)
    }
}

fn filled(table: Table, first: &Path) -> Result<Table, DataError> {
    if table.rows() == 0 { Err(DataError::Empty { path: first.to_owned() }) } else { Ok(table) }
}
