//! One CSV file: its text, how it is written, and its rows.

use crate::dialect::{self, SAMPLE_ROWS};
use crate::encoding::{self, Decoded};
use crate::{DataError, Encoding, Source, above, cell, foreign};
use csv::StringRecord;
use heijunka_wire::limits::{COLUMNS_MAX, TEXT_BYTES_MAX};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// One file and how it is written.
pub(crate) struct Sheet {
    pub(crate) path: PathBuf,
    text: String,
    pub(crate) encoding: Encoding,
    pub(crate) delimiter: u8,
    pub(crate) decimal: char,
    pub(crate) header_rows: usize,
    pub(crate) names: Vec<String>,
    /// Their line, from 1.
    names_line: u64,
    /// What was guessed and should be known.
    pub(crate) notes: Vec<String>,
    /// Where the last line begins, if it is not complete.
    cut: Option<u64>,
}

impl Sheet {
    pub(crate) fn new(source: &Source, path: &Path, bytes: Vec<u8>) -> Result<Self, DataError> {
        foreign::refuse(path, &bytes)?;
        let Decoded { mut text, encoding, stranger } = encoding::decode(bytes);
        if source.whole_lines {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        }
        let above = above::clear(&mut text, source);
        let delimiter = source.delimiter.or(above.delimiter).unwrap_or_else(|| dialect::find_delimiter(&text));
        if delimiter == ' ' {
            text = dialect::collapse_spaces(&text);
        }
        let delimiter = u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or(DataError::Delimiter { delimiter })?;
        let mut sheet = Self {
            path: path.to_owned(),
            text,
            encoding,
            delimiter,
            decimal: source.decimal.unwrap_or('.'),
            header_rows: source.header_rows.unwrap_or(1),
            names: Vec::new(),
            names_line: 1,
            notes: Vec::new(),
            cut: None,
        };
        sheet.note(stranger, above.titles);
        sheet.read_names()?;
        sheet.cut = sheet.find_cut();
        sheet.detect(source)?;
        Ok(sheet)
    }

    /// Notes the first line that is not UTF-8, and the first title with its line.
    fn note(&mut self, stranger: Option<u64>, titles: Option<(usize, String)>) {
        let path = self.path.display();
        let encoding = stranger
            .map(|line| format!("{path} is not UTF-8 (line {line} is the first that is not); read as Windows-1252"));
        let titles = titles.map(|(line, title)| {
            format!(
                "{path} line {line} ('{title}') is taken as a title above the names; header_rows = 1 if it holds them"
            )
        });
        self.notes.extend(encoding.into_iter().chain(titles));
    }

    /// Detects what only rows show: the decimal point, and whether the first row holds units.
    fn detect(&mut self, source: &Source) -> Result<(), DataError> {
        let rows = self.sample()?;
        if source.decimal.is_none() {
            self.decimal = dialect::find_decimal(&rows, self.delimiter);
        }
        if source.header_rows.is_none() && dialect::has_units(&rows, self.decimal) {
            self.header_rows = 2;
            let units: Vec<&str> = rows.first().into_iter().flat_map(StringRecord::iter).take(4).collect();
            self.notes.push(format!(
                "the line below the names of {} is taken as units ({}, …); header_rows = 1 if it is a row",
                self.path.display(),
                units.join(", ")
            ));
        }
        Ok(())
    }

    fn records(&self) -> csv::Reader<&[u8]> {
        csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text.as_bytes())
    }

    /// Column names from the first line that is not an annotation (InfluxDB writes `#datatype` and the like above).
    fn read_names(&mut self) -> Result<(), DataError> {
        let mut records = self.records();
        let mut record = StringRecord::new();
        let more = loop {
            let more = records.read_record(&mut record).map_err(|error| self.broken(&error))?;
            if !(more && is_annotation(&record)) {
                break more;
            }
        };
        // A delimiter at each line's end is not a column.
        let ended = record.len() > 1 && record.iter().next_back().is_some_and(|name| name.trim().is_empty());
        let columns = record.len() - usize::from(ended && self.rows_end_early(record.len())?);
        let names = record.iter().take(columns).enumerate().map(|(column, name)| match name.trim() {
            name if self.header_rows > 0 && !name.is_empty() => name.to_owned(),
            _ => format!("col{column}"),
        });
        let names: Vec<String> = if more { names.collect() } else { Vec::new() };
        let byte = record.position().map_or(0, csv::Position::byte);
        self.names_line = Lines::default().line_of(&self.text, byte);
        self.check_names(&names)?;
        self.names = names;
        Ok(())
    }

    /// Whether all of the first rows have nothing in the last column.
    fn rows_end_early(&self, columns: usize) -> Result<bool, DataError> {
        let mut records = self.records();
        let mut record = StringRecord::new();
        for _ in 0..SAMPLE_ROWS {
            if !records.read_record(&mut record).map_err(|error| self.broken(&error))? {
                break;
            }
            if record.get(columns - 1).is_some_and(|cell| !cell.trim().is_empty()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn check_names(&self, names: &[String]) -> Result<(), DataError> {
        let (path, line) = (|| self.path.clone(), self.names_line);
        if names.len() > COLUMNS_MAX {
            return Err(DataError::TooMuch { path: path(), line, what: "more columns", most: COLUMNS_MAX });
        }
        if names.iter().any(|name| name.len() > TEXT_BYTES_MAX) {
            let what = "a longer column name in bytes";
            return Err(DataError::TooMuch { path: path(), line, what, most: TEXT_BYTES_MAX });
        }
        let is_number = |name: &String| cell::number(name, '.').or_else(|| cell::number(name, ',')).is_some();
        if self.header_rows > 0 && !names.is_empty() && names.iter().all(is_number) {
            return Err(DataError::NumbersAsHeader { path: path(), line });
        }
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(twice) => Err(DataError::DuplicateColumn { path: path(), line, column: twice.clone() }),
            None => Ok(()),
        }
    }

    /// Where the last line begins, if it has no end yet and cells are missing: a program is still writing it.
    fn find_cut(&self) -> Option<u64> {
        let last = self.text.rfind('\n')? + 1;
        let line = self.text.get(last..).filter(|line| !line.trim().is_empty())?;
        let mut reader = csv::ReaderBuilder::new();
        let mut records = reader.delimiter(self.delimiter).has_headers(false).from_reader(line.as_bytes());
        let mut record = StringRecord::new();
        let read = records.read_record(&mut record).is_ok();
        (read && record.len() < self.names.len()).then_some(last as u64)
    }

    /// The first rows below the header, ragged ones left out.
    fn sample(&self) -> Result<Vec<StringRecord>, DataError> {
        let mut rows = Vec::new();
        self.each(|_, record| {
            rows.push(record.clone());
            Ok(rows.len() < SAMPLE_ROWS)
        })?;
        rows.retain(|row| row.len() >= self.names.len());
        Ok(rows)
    }

    /// Calls `see` with the line and cells of every row below the header. Rows in which all cells are empty are skipped.
    pub(crate) fn visit(&self, mut see: impl FnMut(u64, &StringRecord)) -> Result<(), DataError> {
        let mut lines = Lines::default();
        self.each(|byte, record| {
            let line = lines.line_of(&self.text, byte);
            self.check_length(line, record)?;
            see(line, record);
            Ok(true)
        })
    }

    /// Calls `see` with where each row begins and its cells, until it says no.
    fn each(&self, mut see: impl FnMut(u64, &StringRecord) -> Result<bool, DataError>) -> Result<(), DataError> {
        let mut records = self.records();
        let mut record = StringRecord::new();
        let mut header_rows = self.header_rows;
        while records.read_record(&mut record).map_err(|error| self.broken(&error))? {
            if is_annotation(&record) || record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            let byte = record.position().map_or(0, csv::Position::byte);
            if header_rows > 0 {
                header_rows -= 1;
            } else if self.cut.is_some_and(|cut| byte >= cut) || !see(byte, &record)? {
                break;
            }
        }
        Ok(())
    }

    /// One empty cell too many is the mark of a delimiter at the line's end.
    fn check_length(&self, line: u64, record: &StringRecord) -> Result<(), DataError> {
        let (found, expected) = (record.len(), self.names.len());
        let delimiter_at_end = found == expected + 1 && record.get(expected).is_some_and(|cell| cell.trim().is_empty());
        if found == expected || delimiter_at_end {
            return Ok(());
        }
        let delimiter = char::from(self.delimiter);
        Err(DataError::Ragged { path: self.path.clone(), line, found, expected, delimiter })
    }

    fn broken(&self, error: &csv::Error) -> DataError {
        DataError::Csv { path: self.path.clone(), line: error.position().map_or(1, csv::Position::line) }
    }
}

/// Counts lines. The csv crate's own count lags behind after blank lines and `\r\n`.
struct Lines {
    byte: usize,
    line: u64,
}

impl Default for Lines {
    fn default() -> Self {
        Self { byte: 0, line: 1 }
    }
}

impl Lines {
    /// The line of the record that follows `byte`, which never decreases.
    fn line_of(&mut self, text: &str, byte: u64) -> u64 {
        let rest = text.as_bytes().get(self.byte..).unwrap_or_default();
        let before = usize::try_from(byte).unwrap_or(usize::MAX).saturating_sub(self.byte);
        let ends = rest.iter().skip(before).take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = rest.get(..before.saturating_add(ends)).unwrap_or(rest);
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.byte += passed.len();
        self.line
    }
}

fn is_annotation(record: &StringRecord) -> bool {
    matches!(record.get(0), Some("#datatype" | "#group" | "#default"))
}
