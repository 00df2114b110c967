//! What a table's columns are like, for the aggregator.

use crate::DataError;
use crate::cell::shortest;
use crate::table::Table;
use crate::values::{Column, NO_TEXT, Values};
use heijunka_wire::document::{Column as Summary, Job, Survey, Task};
use heijunka_wire::limits::CLASSES_MAX;
use std::collections::BTreeMap;

impl Table {
    /// Describes the job's columns over the rows to train on, the target over the examples. A class that only held-out rows have is listed with 0 rows,
    /// so that it has a name when they are scored.
    pub fn survey(&self, job: &Job) -> Result<Survey, DataError> {
        let (inputs, target) = (self.inputs(job)?, self.target(job)?);
        let division = self.divide(&inputs, target, job)?;
        let target = match (&job.task, target) {
            (_, None) => Summary::default(),
            (Task::Regression, Some(target)) => numbers(target, &division.train),
            (Task::Classification | Task::Anomaly { .. }, Some(target)) => {
                let all = division.train.iter().map(|row| (*row, 1));
                let classes = texts(target, all.chain(division.held_out.iter().map(|row| (*row, 0))));
                classes.ok_or_else(|| DataError::TooManyClasses { column: target.name.clone(), most: CLASSES_MAX })?
            }
        };
        let rows = division.train_rows();
        let describe = |column: &&Column| match column.values {
            Values::Text { .. } => texts(column, rows.iter().map(|row| (*row, 1))).unwrap_or_default(),
            _ => numbers(column, rows),
        };
        Ok(Survey { rows: division.train.len() as u64, inputs: inputs.iter().map(describe).collect(), target })
    }
}

/// Count, mean, spread and extremes of the numbers in `rows`.
fn numbers(column: &Column, rows: &[usize]) -> Summary {
    let cells = || rows.iter().map(|row| column.values.number(*row)).filter(|number| !number.is_nan());
    let count = cells().count();
    if count == 0 {
        return Summary { name: column.name.clone(), ..Summary::default() };
    }
    let mean = cells().sum::<f64>() / count as f64;
    Summary {
        name: column.name.clone(),
        count: count as u64,
        mean,
        m2: cells().map(|number| (number - mean) * (number - mean)).sum(),
        min: cells().fold(f64::INFINITY, f64::min),
        max: cells().fold(f64::NEG_INFINITY, f64::max),
        values: Vec::new(),
    }
}

/// Mean of a column's numbers in `rows`.
pub(crate) fn mean(column: &Column, rows: &[usize]) -> Option<f64> {
    let summary = numbers(column, rows);
    (summary.count > 0).then_some(summary.mean)
}

/// The column's texts in order with the sums of their rows' counts; `None` if there are more than the limit.
fn texts(column: &Column, rows: impl Iterator<Item = (usize, u64)>) -> Option<Summary> {
    let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
    for (row, count) in rows {
        let Some(key) = Key::of(&column.values, row) else { continue };
        *counts.entry(key).or_default() += count;
        if counts.len() > CLASSES_MAX {
            return None;
        }
    }
    let mut values: Vec<(String, u64)> =
        counts.into_iter().filter_map(|(key, count)| Some((key.text(&column.values)?, count))).collect();
    values.sort();
    Some(Summary { name: column.name.clone(), values, ..Summary::default() })
}

/// What identifies a cell's text: a place in the dictionary, or a number's bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    Code(u32),
    Bits(u64),
}

impl Key {
    pub(crate) fn of(values: &Values, row: usize) -> Option<Self> {
        match values {
            Values::Text { codes, .. } | Values::Names { codes, .. } => {
                codes.get(row).copied().filter(|code| *code != NO_TEXT).map(Self::Code)
            }
            _ => Some(values.number(row)).filter(|number| !number.is_nan()).map(|number| Self::Bits(number.to_bits())),
        }
    }

    pub(crate) fn text(self, values: &Values) -> Option<String> {
        match (self, values) {
            (Self::Bits(bits), _) => Some(shortest(f64::from_bits(bits))),
            (Self::Code(code), Values::Text { dictionary, .. } | Values::Names { dictionary, .. }) => {
                dictionary.get(code as usize).cloned()
            }
            (Self::Code(_), _) => None,
        }
    }
}
