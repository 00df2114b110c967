//! CSV files.

use crate::cell;
use crate::column::{Builder, Kind};
use crate::table::{Column, Table};
use crate::{DataError, Source, bytes};
use csv::StringRecord;
use heijunka_wire::digest;
use heijunka_wire::limits::{COLUMNS_MAX, TEXT_BYTES_MAX};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Rows whose numbers decide on the decimal point.
const SAMPLE_ROWS: usize = 200;

/// One file and how it is written.
struct Sheet {
    path: PathBuf,
    text: String,
    delimiter: u8,
    decimal: char,
    header_rows: usize,
    names: Vec<String>,
}

/// Reads the files one below the other; `text` is the first one's.
pub(crate) fn read(source: &Source, first: &Path, text: String) -> Result<Table, DataError> {
    let mut sheets = vec![Sheet::new(source, first, text)?];
    for path in source.paths.iter().skip(1) {
        sheets.push(Sheet::new(source, path, bytes::text(bytes::read(path)?))?);
    }
    let names = same_names(&sheets)?;
    let mut kinds: Vec<Kind> = names.iter().map(|_| Kind::default()).collect();
    for sheet in &sheets {
        sheet.visit(|line, record| {
            kinds.iter_mut().zip(record).for_each(|(kind, cell)| kind.see(cell::read(cell, sheet.decimal), line));
            Ok(())
        })?;
    }
    let mut table = Table {
        columns: Vec::new(),
        digests: Vec::new(),
        lines: Vec::new(),
        files: Vec::new(),
        delimiter: sheets.first().map(|sheet| char::from(sheet.delimiter)),
        missing: source.missing,
    };
    let mut builders: Vec<Builder> = kinds.iter().map(Kind::builder).collect();
    let mut canonical = Vec::new();
    for sheet in &sheets {
        table.files.push((table.digests.len(), sheet.path.clone()));
        sheet.visit(|line, record| {
            canonical.clear();
            for (builder, cell) in builders.iter_mut().zip(record) {
                let cell = cell::read(cell, sheet.decimal);
                cell.write_canonical(&mut canonical);
                builder.push(cell);
            }
            table.digests.push(digest(&canonical));
            table.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
            Ok(())
        })?;
    }
    let columns = names.into_iter().zip(builders).zip(kinds);
    table.columns = columns.map(|((name, builder), kind)| Column { name, values: builder.finish(&kind) }).collect();
    Ok(table)
}

fn same_names(sheets: &[Sheet]) -> Result<Vec<String>, DataError> {
    let Some((first, others)) = sheets.split_first() else { return Ok(Vec::new()) };
    for sheet in others {
        let length = first.names.len().max(sheet.names.len());
        let differs = (0..length).find(|i| first.names.get(*i) != sheet.names.get(*i));
        if let Some(name) = differs.and_then(|i| sheet.names.get(i).or(first.names.get(i))) {
            return Err(DataError::OtherColumns {
                path: sheet.path.clone(),
                first: first.path.clone(),
                column: name.clone(),
            });
        }
    }
    Ok(first.names.clone())
}

impl Sheet {
    fn new(source: &Source, path: &Path, text: String) -> Result<Self, DataError> {
        let delimiter = source.delimiter.unwrap_or_else(|| find_delimiter(&text));
        let delimiter = u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or(DataError::Delimiter { delimiter })?;
        let mut sheet = Self {
            path: path.to_owned(),
            text,
            delimiter,
            decimal: source.decimal.unwrap_or('.'),
            header_rows: source.header_rows,
            names: Vec::new(),
        };
        sheet.names = sheet.read_names()?;
        if source.decimal.is_none() {
            sheet.decimal = sheet.find_decimal()?;
        }
        Ok(sheet)
    }

    fn records(&self) -> csv::Reader<&[u8]> {
        csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text.as_bytes())
    }

    /// Column names from the first line that is not an annotation (InfluxDB writes `#datatype` and the like above).
    fn read_names(&self) -> Result<Vec<String>, DataError> {
        let mut records = self.records();
        let mut record = StringRecord::new();
        let more = loop {
            let more = records.read_record(&mut record).map_err(|error| self.broken(&error))?;
            if !(more && is_annotation(&record)) {
                break more;
            }
        };
        let names = record.iter().enumerate().map(|(column, name)| match name.trim() {
            name if self.header_rows > 0 && !name.is_empty() => name.to_owned(),
            _ => format!("col{column}"),
        });
        let names: Vec<String> = if more { names.collect() } else { Vec::new() };
        self.check_names(&names)?;
        Ok(names)
    }

    fn check_names(&self, names: &[String]) -> Result<(), DataError> {
        let path = || self.path.clone();
        if names.len() > COLUMNS_MAX {
            return Err(DataError::TooMuch { path: path(), what: "more columns", most: COLUMNS_MAX });
        }
        if names.iter().any(|name| name.len() > TEXT_BYTES_MAX) {
            return Err(DataError::TooMuch {
                path: path(),
                what: "a longer column name in bytes",
                most: TEXT_BYTES_MAX,
            });
        }
        let mut seen = HashSet::new();
        match names.iter().find(|name| !seen.insert(name.as_str())) {
            Some(twice) => Err(DataError::DuplicateColumn { path: path(), column: twice.clone() }),
            None => Ok(()),
        }
    }

    fn find_decimal(&self) -> Result<char, DataError> {
        let (mut points, mut commas, mut rows) = (0_usize, 0_usize, 0_usize);
        self.visit(|_, record| {
            rows += 1;
            if rows <= SAMPLE_ROWS && self.delimiter != b',' {
                let is =
                    |cell: &str, decimal: char| cell.contains(decimal) && cell::number(cell.trim(), decimal).is_some();
                points += record.iter().filter(|cell| is(cell, '.')).count();
                commas += record.iter().filter(|cell| is(cell, ',')).count();
            }
            Ok(())
        })?;
        Ok(if commas > points { ',' } else { '.' })
    }

    /// Calls `see` with the line and cells of every row below the header. Rows of empty cells alone are passed over.
    fn visit(&self, mut see: impl FnMut(u64, &StringRecord) -> Result<(), DataError>) -> Result<(), DataError> {
        let mut records = self.records();
        let mut record = StringRecord::new();
        let mut header_rows = self.header_rows;
        let mut lines = Lines::default();
        while records.read_record(&mut record).map_err(|error| self.broken(&error))? {
            if is_annotation(&record) || record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if header_rows > 0 {
                header_rows -= 1;
                continue;
            }
            let line = lines.line_of(&self.text, record.position().map_or(0, csv::Position::byte));
            self.check_length(line, &record)?;
            see(line, &record)?;
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
        DataError::Csv { path: self.path.clone(), why: error.to_string() }
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

/// `;`, tab or `,`, the first that stands outside quotes in the first line.
fn find_delimiter(text: &str) -> char {
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#")).unwrap_or_default();
    let outside: String = line.split('"').step_by(2).collect();
    [';', '\t', ','].into_iter().find(|candidate| outside.contains(*candidate)).unwrap_or(',')
}
