//! Which columns and rows of a table a job uses.

use crate::table::{Column, Table, Values};
use crate::{DataError, Missing, SkipReason, Usage};
use heijunka_wire::document::{HeldOut, Job, Task};

/// Rows of a table by their use, in order.
#[derive(Debug)]
pub(crate) struct Division {
    pub(crate) train: Vec<usize>,
    pub(crate) held_out: Vec<usize>,
    pub(crate) usage: Usage,
}

impl Table {
    /// Rows that the job would use, and why others are left out.
    pub fn usage(&self, job: &Job) -> Result<Usage, DataError> {
        let target = self.target(job)?;
        Ok(self.divide(&self.inputs(job)?, Some(target), &job.held_out)?.usage)
    }

    /// The column of that name, whatever it holds.
    fn named(&self, name: &str) -> Result<&Column, DataError> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| DataError::MissingColumn {
            column: name.to_owned(),
            table: self.label(),
            hint: self.hint(name),
        })
    }

    /// The column of that name, if it can be used.
    pub(crate) fn usable(&self, name: &str) -> Result<&Column, DataError> {
        let column = self.named(name)?;
        match &column.values {
            Values::Unusable(why) => Err(self.unusable(name, why)),
            _ => Ok(column),
        }
    }

    pub(crate) fn unusable(&self, column: &str, why: &str) -> DataError {
        DataError::UnusableColumn { column: column.to_owned(), table: self.label(), why: why.to_owned() }
    }

    /// `closest: 'Luminosity'`, or the names that there are.
    fn hint(&self, name: &str) -> String {
        let wanted = name.to_lowercase();
        let scored = self.column_names().map(|name| (strsim::jaro_winkler(&wanted, &name.to_lowercase()), name));
        match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((score, closest)) if score >= 0.75 => format!("closest: '{closest}'"),
            _ => {
                let names: Vec<&str> = self.column_names().take(12).collect();
                let more = if names.len() < self.columns.len() { ", …" } else { "" };
                format!("there are: {}{more}", names.join(", "))
            }
        }
    }

    /// The job's input columns in the file's order. Without a list in the job: all that can be used.
    pub(crate) fn inputs(&self, job: &Job) -> Result<Vec<&Column>, DataError> {
        job.ignore.iter().try_for_each(|name| self.named(name).map(|_| ()))?;
        job.inputs.iter().try_for_each(|name| self.usable(name).map(|_| ()))?;
        let mark = match &job.held_out {
            HeldOut::ByColumn(name) => Some(name),
            HeldOut::ByHash(_) => None,
        };
        let wanted = |column: &&Column| {
            let listed = if job.inputs.is_empty() {
                !matches!(column.values, Values::Unusable(_))
            } else {
                job.inputs.contains(&column.name)
            };
            listed && column.name != job.target && Some(&column.name) != mark && !job.ignore.contains(&column.name)
        };
        let inputs: Vec<&Column> = self.columns.iter().filter(wanted).collect();
        if inputs.is_empty() {
            return Err(DataError::NoInputs { table: self.label(), target: job.target.clone() });
        }
        Ok(inputs)
    }

    /// The target column, which must hold numbers for a regression.
    pub(crate) fn target(&self, job: &Job) -> Result<&Column, DataError> {
        let column = self.usable(&job.target)?;
        if let (Task::Regression, Values::Text { codes, dictionary }) = (job.task, &column.values) {
            let text = dictionary.iter().position(|text| text.parse::<f64>().is_err());
            let row = text.and_then(|text| codes.iter().position(|code| *code as usize == text));
            let (text, row) = (text.unwrap_or_default(), row.unwrap_or_default());
            let text = dictionary.get(text).map_or("", String::as_str);
            let why = format!("holds the text '{text}' ({}), and a regression needs numbers", self.place(row));
            return Err(self.unusable(&column.name, &why));
        }
        Ok(column)
    }

    /// Divides the rows into those to train on, those held out, and those left out for an empty cell.
    pub(crate) fn divide(
        &self,
        inputs: &[&Column],
        target: Option<&Column>,
        held_out: &HeldOut,
    ) -> Result<Division, DataError> {
        let mark = match held_out {
            HeldOut::ByHash(_) => None,
            HeldOut::ByColumn(name) => Some(self.usable(name)?),
        };
        let mut left_out = vec![false; self.rows()];
        let mut usage = Usage::default();
        for column in target.into_iter().chain(inputs.iter().copied()) {
            let is_target = target.is_some_and(|target| target.name == column.name);
            if self.missing == Missing::Mean && !is_target {
                continue;
            }
            let mut rows = 0;
            let mut first = None;
            for (row, left_out) in left_out.iter_mut().enumerate() {
                if !*left_out && column.values.is_missing(row) {
                    *left_out = true;
                    rows += 1;
                    first.get_or_insert(row);
                }
            }
            let Some(first) = first.map(|row| self.place(row)) else { continue };
            if self.missing == Missing::Error {
                return Err(DataError::EmptyCell { place: first, column: column.name.clone() });
            }
            usage.skipped.push(SkipReason { column: column.name.clone(), rows, first });
        }
        let kept = left_out.iter().enumerate().filter(|(_, left_out)| !**left_out).map(|(row, _)| row);
        let (held_out, train): (Vec<_>, Vec<_>) = kept.partition(|row| match (held_out, mark) {
            (HeldOut::ByHash(per_10000), _) => self.held_out(*row, *per_10000),
            (HeldOut::ByColumn(_), mark) => mark.is_some_and(|column| column.values.marks(*row)),
        });
        (usage.train, usage.held_out) = (train.len() as u64, held_out.len() as u64);
        Ok(Division { train, held_out, usage })
    }
}
