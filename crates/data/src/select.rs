//! Which columns of a table a job uses.

use crate::DataError;
use crate::table::Table;
use crate::values::{Column, Values};
use heijunka_wire::document::{HeldOut, Job, Task};

impl Table {
    /// The column of that name, whatever it holds.
    pub(crate) fn named(&self, name: &str) -> Result<&Column, DataError> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| DataError::MissingColumn {
            column: name.to_owned(),
            table: self.label(),
            hint: self.hint(name),
        })
    }

    /// The column of that name, if it can be used.
    pub(crate) fn usable(&self, name: &str) -> Result<&Column, DataError> {
        let column = self.named(name)?;
        match column.values.unfit() {
            Some(why) => Err(self.unusable(name, why)),
            None => Ok(column),
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

    /// The job's input columns in the file's order. Without a list in the job: all that can be used, except those that say
    /// which rows are held out or belong together.
    pub(crate) fn inputs(&self, job: &Job) -> Result<Vec<&Column>, DataError> {
        job.ignore.iter().try_for_each(|name| self.named(name).map(|_| ()))?;
        job.inputs.iter().try_for_each(|name| self.usable(name).map(|_| ()))?;
        let mark = match &job.held_out {
            HeldOut::ByColumn(name) => Some(name),
            HeldOut::ByHash(_) | HeldOut::Last(_) => None,
        };
        let wanted = |column: &&Column| {
            let listed = if job.inputs.is_empty() {
                column.values.unfit().is_none() && job.group.as_ref() != Some(&column.name)
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

    /// The target column, which must hold numbers for a regression; none where anomalies are looked for without one.
    pub(crate) fn target(&self, job: &Job) -> Result<Option<&Column>, DataError> {
        if matches!(job.task, Task::Anomaly { .. }) && job.target.is_empty() {
            return Ok(None);
        }
        let column = self.usable(&job.target)?;
        if let (Task::Regression, Values::Text { codes, dictionary }) = (&job.task, &column.values) {
            let text = dictionary.iter().position(|text| text.parse::<f64>().is_err());
            let row = text.and_then(|text| codes.iter().position(|code| *code as usize == text));
            let (text, row) = (text.unwrap_or_default(), row.unwrap_or_default());
            let text = dictionary.get(text).map_or("", String::as_str);
            let why = format!("holds the text '{text}' ({}), and a regression needs numbers", self.place(row));
            return Err(self.unusable(&column.name, &why));
        }
        Ok(Some(column))
    }
}
