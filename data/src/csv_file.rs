//! CSV files.

use crate::cell::{self, Cell};
use crate::table::{Column, NO_TEXT, Table, Values};
use crate::{DataError, Source, bytes};
use csv::StringRecord;
use heijunka_wire::digest;
use heijunka_wire::limits::{CLASSES_MAX, COLUMNS_MAX, TEXT_BYTES_MAX};
use std::collections::{HashMap, HashSet};
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
        while records.read_record(&mut record).map_err(|error| self.broken(&error))? {
            if is_annotation(&record) || record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if header_rows > 0 {
                header_rows -= 1;
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
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

fn is_annotation(record: &StringRecord) -> bool {
    matches!(record.get(0), Some("#datatype" | "#group" | "#default"))
}

/// `;`, tab or `,`, the first that stands outside quotes in the first line.
fn find_delimiter(text: &str) -> char {
    let line = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#")).unwrap_or_default();
    let outside: String = line.split('"').step_by(2).collect();
    [';', '\t', ','].into_iter().find(|candidate| outside.contains(*candidate)).unwrap_or(',')
}

/// What a column's cells have in common.
#[derive(Debug, Default)]
struct Kind {
    filled: bool,
    missing: bool,
    not_bytes: bool,
    /// The first text, with its line.
    text: Option<(u64, String)>,
}

impl Kind {
    fn see(&mut self, cell: Cell<'_>, line: u64) {
        self.filled |= cell != Cell::Missing;
        match cell {
            Cell::Missing => self.missing = true,
            Cell::Number(number) => self.not_bytes |= byte(number).is_none(),
            Cell::Text(text) if self.text.is_none() => self.text = Some((line, text.chars().take(40).collect())),
            Cell::Text(_) => {}
        }
    }

    fn builder(&self) -> Builder {
        match self {
            Self { filled: false, .. } => Builder::Nothing,
            Self { text: Some(_), .. } => {
                Builder::Text { codes: Vec::new(), dictionary: Vec::new(), known: HashMap::new() }
            }
            Self { missing: false, not_bytes: false, .. } => Builder::Bytes(Vec::new()),
            _ => Builder::Numbers(Vec::new()),
        }
    }
}

fn byte(number: f64) -> Option<u8> {
    let byte = number as u8;
    (f64::from(byte) == number).then_some(byte)
}

enum Builder {
    Nothing,
    Bytes(Vec<u8>),
    Numbers(Vec<f64>),
    Text { codes: Vec<u32>, dictionary: Vec<String>, known: HashMap<String, u32> },
    TooManyTexts,
}

impl Builder {
    fn push(&mut self, cell: Cell<'_>) {
        match self {
            Self::Nothing | Self::TooManyTexts => {}
            Self::Bytes(bytes) => bytes.extend(number(cell).and_then(byte)),
            Self::Numbers(numbers) => numbers.push(number(cell).unwrap_or(f64::NAN)),
            Self::Text { codes, dictionary, known } => {
                let text = match cell {
                    Cell::Missing => return codes.push(NO_TEXT),
                    Cell::Number(number) => cell::shortest(number),
                    Cell::Text(text) => text.to_owned(),
                };
                let next = dictionary.len();
                let code = *known.entry(text).or_insert_with_key(|text| {
                    dictionary.push(text.clone());
                    next as u32
                });
                codes.push(code);
                if dictionary.len() > CLASSES_MAX || dictionary.last().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
                    *self = Self::TooManyTexts;
                }
            }
        }
    }

    fn finish(self, kind: &Kind) -> Values {
        match self {
            Self::Nothing => Values::Unusable("is empty".to_owned()),
            Self::Bytes(bytes) => Values::Bytes(bytes),
            Self::Numbers(numbers) => Values::Numbers(numbers),
            Self::Text { codes, dictionary, .. } => Values::Text { codes, dictionary },
            Self::TooManyTexts => {
                let (line, text) = kind.text.clone().unwrap_or_default();
                Values::Unusable(format!(
                    "has more than {CLASSES_MAX} different texts (the first in line {line}: '{text}')"
                ))
            }
        }
    }
}

fn number(cell: Cell<'_>) -> Option<f64> {
    if let Cell::Number(number) = cell { Some(number) } else { None }
}
