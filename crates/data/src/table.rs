//! A table in memory.

use crate::error::shown;
use crate::values::{Column, Values};
use crate::{Encoding, Missing, Source, Timestamps};
use std::path::{Path, PathBuf};

/// Named columns of equal length, held compactly: a byte for each whole number up to 255.
#[derive(Clone, Debug)]
pub struct Table {
    pub(crate) columns: Vec<Column>,
    /// Digest of each row's cells.
    pub(crate) digests: Vec<u64>,
    /// Line of each row in its file (of each image its number), from 1.
    pub(crate) lines: Vec<u32>,
    /// Files, each with its first row.
    pub(crate) files: Vec<(usize, PathBuf)>,
    /// How the first file is written; of images nothing.
    pub(crate) format: Option<Format>,
    pub(crate) missing: Missing,
    pub(crate) timestamps: Option<Timestamps>,
    /// What was guessed in reading.
    pub(crate) remarks: Vec<String>,
}

/// How a CSV file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The character encoding.
    pub encoding: Encoding,
    /// Character between two cells; a space: runs of spaces.
    pub delimiter: char,
    /// Decimal point.
    pub decimal: char,
    /// Lines above the data, of which the first holds the names.
    pub header_rows: usize,
}

impl Table {
    pub(crate) fn empty(source: &Source) -> Self {
        Self {
            columns: Vec::new(),
            digests: Vec::new(),
            lines: Vec::new(),
            files: Vec::new(),
            format: None,
            missing: source.missing,
            timestamps: source.timestamps.clone(),
            remarks: Vec::new(),
        }
    }

    /// How the first file is written; `None` of images.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The files that it was read from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path)| path.as_path())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.digests.len()
    }

    /// Memory that its cells take, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let column = |column: &Column| match &column.values {
            Values::Bytes(bytes) => bytes.len(),
            Values::Numbers(numbers) => 8 * numbers.len(),
            Values::Times(times) => 8 * times.len(),
            Values::Text { codes, dictionary } | Values::Names { codes, dictionary, .. } => {
                4 * codes.len() + dictionary.iter().map(String::len).sum::<usize>()
            }
            Values::Unusable(_) => 0,
        };
        let cells: usize = self.columns.iter().map(column).sum();
        (cells + 8 * self.digests.len() + 4 * self.lines.len()) as u64
    }

    /// Names of the columns, in the file's order.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// Whether a row is held out for scores. It depends only on the row's content: the same row is held out permanently,
    /// on every machine and at every place in a file; copies of a row are treated alike.
    pub fn held_out(&self, row: usize, held_out_per_10000: u16) -> bool {
        self.digests.get(row).is_some_and(|digest| digest % 10_000 < u64::from(held_out_per_10000))
    }

    /// `a.csv line 7`.
    pub(crate) fn place(&self, row: usize) -> String {
        let file = self.files.iter().rev().find(|(first, _)| *first <= row);
        let line = self.lines.get(row).copied().unwrap_or_default();
        format!("{} line {line}", file.map_or("table".into(), |(_, path)| path.display().to_string()))
    }

    /// `a.csv (delimiter ';')`.
    pub(crate) fn label(&self) -> String {
        let file = self.files.first().map_or("table".into(), |(_, path)| path.display().to_string());
        match self.format.map(|format| format.delimiter) {
            Some(delimiter) => format!("{file} (delimiter '{}')", shown(delimiter)),
            None => file,
        }
    }
}
