//! What a table looks like to a person who has yet to write settings for it.

use crate::survey::Key;
use crate::table::Table;
use crate::times::{self, Millis};
use crate::values::{Column, NO_TIME, Values};
use crate::{DataError, Format};
use serde::Serialize;
use std::collections::BTreeMap;

/// Values of a column that are named.
const TOP_MAX: usize = 5;
/// Of a column of numbers with no more different ones, they are counted as if they were texts.
const FEW_NUMBERS: usize = 10;
/// Classes of a target that are named.
const CLASSES_SHOWN_MAX: usize = 50;

/// What was understood of a table.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Files with their rows.
    pub files: Vec<(String, u64)>,
    /// How the first file is written; null: images.
    pub format: Option<Written>,
    /// Rows of all files.
    pub rows: u64,
    /// Columns in order.
    pub columns: Vec<ColumnReport>,
    /// Values of the target that was asked for with their rows, the most frequent first; none if it is a quantity.
    pub classes: Option<Vec<(String, u64)>>,
    /// What people should know.
    pub notes: Vec<String>,
}

/// How a file is written.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// `UTF-8`, `UTF-16` or `Windows-1252`.
    pub encoding: String,
    /// The delimiter between cells; a space: runs of spaces.
    pub delimiter: char,
    /// Decimal point.
    pub decimal: char,
    /// Rows above the data.
    pub header_rows: usize,
}

/// What a column holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ColumnReport {
    /// Its name.
    pub name: String,
    /// `numbers`, `texts`, `times`, `names` (more texts than an input may have) or `nothing`.
    pub kind: &'static str,
    /// Empty cells.
    pub missing: u64,
    /// Whether all cells are the same: nothing can be learned from it.
    pub constant: bool,
    /// Smallest number.
    pub min: Option<f64>,
    /// Their mean.
    pub mean: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// Different values, of texts and of few numbers.
    pub different: Option<usize>,
    /// The most frequent of them with their rows.
    pub top: Vec<(String, u64)>,
    /// First time.
    pub from: Option<String>,
    /// Last time.
    pub to: Option<String>,
    /// Time between two rows that half of them do not exceed, in seconds.
    pub usual_step_s: Option<f64>,
    /// Why it cannot be an input, if it cannot.
    pub no_input: Option<String>,
}

impl From<Format> for Written {
    fn from(format: Format) -> Self {
        let Format { encoding, delimiter, decimal, header_rows } = format;
        Self { encoding: encoding.to_string(), delimiter, decimal, header_rows }
    }
}

impl Table {
    /// Describes all columns, and the classes of a target.
    pub fn inspect(&self, target: Option<&str>) -> Result<Report, DataError> {
        let ends = self.files.iter().skip(1).map(|(first, _)| *first).chain([self.rows()]);
        let files = self.files.iter().zip(ends);
        let target = target.map(|name| self.named(name)).transpose()?;
        let classes = target.and_then(|column| {
            let is_text = !column.values.is_numeric();
            let counts = counts(column, self.rows(), CLASSES_SHOWN_MAX, !is_text)?;
            Some(counts.into_iter().take(CLASSES_SHOWN_MAX).collect())
        });
        Ok(Report {
            files: files.map(|((first, path), end)| (path.display().to_string(), (end - first) as u64)).collect(),
            format: self.format.map(Written::from),
            rows: self.rows() as u64,
            columns: self.columns.iter().map(|column| self.describe(column)).collect(),
            classes,
            notes: self.notes(),
        })
    }

    fn describe(&self, column: &Column) -> ColumnReport {
        let rows = self.rows();
        let missing = (0..rows).filter(|row| column.values.is_missing(*row)).count() as u64;
        let mut report = ColumnReport {
            name: column.name.clone(),
            kind: kind(&column.values),
            missing,
            no_input: column.values.unfit().map(str::to_owned),
            ..ColumnReport::default()
        };
        match &column.values {
            Values::Times(times) => report.add_times(times),
            Values::Unusable(_) => {}
            Values::Bytes(_) | Values::Numbers(_) => {
                report.add_numbers(&column.values, rows);
                report.add_counts(counts(column, rows, FEW_NUMBERS, true));
            }
            Values::Text { .. } | Values::Names { .. } => report.add_counts(counts(column, rows, usize::MAX, false)),
        }
        report
    }
}

impl ColumnReport {
    fn add_numbers(&mut self, values: &Values, rows: usize) {
        let numbers = || (0..rows).map(|row| values.number(row)).filter(|number| !number.is_nan());
        let (min, max) = (numbers().fold(f64::INFINITY, f64::min), numbers().fold(f64::NEG_INFINITY, f64::max));
        let count = numbers().count();
        if count > 0 {
            (self.min, self.max, self.constant) = (Some(min), Some(max), min >= max);
            self.mean = Some(numbers().map(|number| number / count as f64).sum());
        }
    }

    fn add_counts(&mut self, counts: Option<Vec<(String, u64)>>) {
        let Some(counts) = counts else { return };
        self.constant = counts.len() == 1 && self.missing == 0;
        self.different = Some(counts.len());
        self.top = counts.into_iter().take(TOP_MAX).collect();
    }

    fn add_times(&mut self, times: &[Millis]) {
        let known: Vec<Millis> = times.iter().copied().filter(|time| *time != NO_TIME).collect();
        let mut steps: Vec<u64> = known.iter().zip(known.iter().skip(1)).map(|(a, b)| a.abs_diff(*b)).collect();
        let middle = steps.len() / 2;
        if !steps.is_empty() {
            self.usual_step_s = Some(*steps.select_nth_unstable(middle).1 as f64 / 1000.0);
        }
        self.from = known.iter().min().map(|time| times::shown(*time));
        self.to = known.iter().max().map(|time| times::shown(*time));
    }
}

fn kind(values: &Values) -> &'static str {
    match values {
        Values::Bytes(_) | Values::Numbers(_) => "numbers",
        Values::Text { .. } => "texts",
        Values::Names { .. } => "names",
        Values::Times(_) => "times",
        Values::Unusable(_) => "nothing",
    }
}

/// The column's values with their rows, the most frequent first; `None` if there are more than `most` and `strict` says so.
fn counts(column: &Column, rows: usize, most: usize, strict: bool) -> Option<Vec<(String, u64)>> {
    let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
    for key in (0..rows).filter_map(|row| Key::of(&column.values, row)) {
        *counts.entry(key).or_default() += 1;
        if strict && counts.len() > most {
            return None;
        }
    }
    let named = counts.into_iter().filter_map(|(key, count)| Some((key.text(&column.values)?, count)));
    let mut counts: Vec<(String, u64)> = named.collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Some(counts)
}
