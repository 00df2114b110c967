//! A table in memory.

use crate::divide::Fate;
use crate::error::shown;
use crate::times::{self, Millis};
use crate::{DataError, Encoding, Missing, Source, Timestamps, bytes, cell, csv_file, idx};
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
    /// How bytes stand for characters.
    pub encoding: Encoding,
    /// Character between two cells; a space: runs of spaces.
    pub delimiter: char,
    /// Decimal point.
    pub decimal: char,
    /// Lines above the data, of which the first holds the names.
    pub header_rows: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) values: Values,
}

#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Whole numbers from 0 to 255, none missing.
    Bytes(Vec<u8>),
    /// Numbers; NaN where one is missing.
    Numbers(Vec<f64>),
    /// Places in the dictionary; [`NO_TEXT`] where the text is missing.
    Text { codes: Vec<u32>, dictionary: Vec<String> },
    /// Milliseconds since 1970; [`NO_TIME`] where one is missing.
    Times(Vec<Millis>),
    /// More texts than an input may have, and so in words; rows can still be grouped by them.
    Names { codes: Vec<u32>, dictionary: Vec<String>, why: String },
    /// Nothing to learn from, and why.
    Unusable(String),
}

/// Texts of a column that says which rows are held out.
const HELD_OUT_MARKS: [&str; 5] = ["test", "held_out", "held-out", "validation", "true"];
/// Those of rows that neither train nor are scored.
const CONTEXT_MARKS: [&str; 3] = ["context", "ignore", "unused"];

/// A missing time.
pub(crate) const NO_TIME: Millis = Millis::MIN;

/// Code of a missing text.
pub(crate) const NO_TEXT: u32 = u32::MAX;

impl Values {
    /// The number in a row, NaN if there is none.
    pub(crate) fn number(&self, row: usize) -> f64 {
        let number = match self {
            Self::Bytes(bytes) => bytes.get(row).map(|byte| f64::from(*byte)),
            Self::Numbers(numbers) => numbers.get(row).copied(),
            Self::Text { .. } | Self::Times(_) | Self::Names { .. } | Self::Unusable(_) => None,
        };
        number.unwrap_or(f64::NAN)
    }

    /// Whether the cell is empty.
    pub(crate) fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Numbers(numbers) => numbers.get(row).is_none_or(|number| number.is_nan()),
            Self::Text { codes, .. } | Self::Names { codes, .. } => codes.get(row).is_none_or(|code| *code == NO_TEXT),
            Self::Times(times) => times.get(row).is_none_or(|time| *time == NO_TIME),
            Self::Unusable(_) => true,
        }
    }

    /// What the cell says becomes of its row.
    pub(crate) fn fate(&self, row: usize) -> Fate {
        let Self::Text { codes, dictionary } = self else {
            let number = self.number(row);
            return if number.is_nan() || number == 0.0 { Fate::Train } else { Fate::HeldOut };
        };
        let text = codes.get(row).and_then(|code| dictionary.get(*code as usize)).map_or("", |text| text.trim());
        let is = |marks: &[&str]| marks.iter().any(|mark| text.eq_ignore_ascii_case(mark));
        match () {
            () if is(&HELD_OUT_MARKS) => Fate::HeldOut,
            () if is(&CONTEXT_MARKS) => Fate::Context,
            () => Fate::Train,
        }
    }

    /// Why it cannot be an input or target; `None` if it can.
    pub(crate) fn unfit(&self) -> Option<&str> {
        match self {
            Self::Unusable(why) | Self::Names { why, .. } => Some(why),
            Self::Times(_) => Some("holds times, which are no input"),
            Self::Bytes(_) | Self::Numbers(_) | Self::Text { .. } => None,
        }
    }

    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, Self::Bytes(_) | Self::Numbers(_))
    }
}

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

    /// Makes a table of bytes as they stand in CSV files; the source says how to read them, its paths do not matter.
    pub fn from_bytes(source: &Source, files: Vec<(PathBuf, Vec<u8>)>) -> Result<Self, DataError> {
        let first = files.first().map(|(path, _)| path.clone()).ok_or(DataError::NoFile)?;
        let table = csv_file::read(source, files)?;
        table.clock()?;
        filled(table, &first)
    }

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

    /// What people should know about columns: those that cannot be inputs, and those taken as text although most of
    /// their values are numbers.
    pub fn notes(&self) -> Vec<String> {
        let clock = self.timestamps.as_ref().map(|timestamps| timestamps.column.as_str());
        let note = |column: &Column| match &column.values {
            Values::Times(_) if clock == Some(column.name.as_str()) => None,
            Values::Times(times) => {
                let times = || times.iter().filter(|time| **time != NO_TIME);
                let (from, to) = (times().min().copied()?, times().max().copied()?);
                let (name, from, to) = (&column.name, times::shown(from), times::shown(to));
                Some(format!("column '{name}' is left out: it holds times ({from} to {to})"))
            }
            Values::Unusable(why) | Values::Names { why, .. } => {
                Some(format!("column '{}' is left out: it {why}", column.name))
            }
            Values::Text { codes, dictionary } => self.why_text(&column.name, codes, dictionary),
            Values::Bytes(_) | Values::Numbers(_) => None,
        };
        self.remarks.iter().cloned().chain(self.columns.iter().filter_map(note)).collect()
    }

    /// Why a column is text although most of its values are numbers.
    fn why_text(&self, name: &str, codes: &[u32], dictionary: &[String]) -> Option<String> {
        let decimal = self.format.map_or('.', |format| format.decimal);
        let is_plain = |text: &String| text.parse::<f64>().is_ok();
        let is_grouped = |text: &String| cell::grouped(text, decimal).is_some();
        let numbers = dictionary.iter().filter(|text| is_plain(text) || is_grouped(text)).count();
        let place = |text: usize| Some(self.place(codes.iter().position(|code| *code as usize == text)?));
        if let Some(stranger) = dictionary.iter().position(|text| !is_plain(text) && !is_grouped(text)) {
            let (text, place) = (dictionary.get(stranger)?, place(stranger)?);
            let among_numbers = numbers * 2 > dictionary.len();
            return among_numbers
                .then(|| format!("column '{name}' is taken as text: it holds '{text}' ({place}) among numbers"));
        }
        let unclear = dictionary.iter().position(is_grouped)?;
        let (text, place) = (dictionary.get(unclear)?, place(unclear)?);
        let mark = text.chars().find(|c| !c.is_ascii_digit() && !matches!(c, '-' | '+'))?;
        let (point, or) = match mark {
            '.' => (',', ", decimal = \".\" if decimals"),
            ',' => ('.', ", decimal = \",\" if decimals"),
            _ => ('.', ""),
        };
        Some(format!(
            "column '{name}' is taken as text: it is not certain what '{mark}' in '{text}' ({place}) stands for; set decimal = \
             \"{point}\" in [data] if it marks thousands{or}"
        ))
    }

    /// Whether a row is held out for scores. It depends on the row's content alone: the same row is held out for ever,
    /// on every machine, wherever it stands; copies of a row share its fate.
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

fn filled(table: Table, first: &Path) -> Result<Table, DataError> {
    if table.rows() == 0 { Err(DataError::Empty { path: first.to_owned() }) } else { Ok(table) }
}
