//! Which rows of a table train, which are held out, and which are left out.

use crate::groups::Group;
use crate::marks::{Fate, Marks};
use crate::table::Table;
use crate::usage::Tally;
use crate::values::Column;
use crate::windows::Windows;
use crate::{DataError, Missing, Skip, Usage};
use heijunka_wire::document::{HeldOut, Job, Task};

/// A table's examples, each called by its last row, in the table's order.
#[derive(Debug)]
pub(crate) struct Division {
    pub(crate) train: Vec<usize>,
    pub(crate) held_out: Vec<usize>,
    /// Of examples of several rows.
    pub(crate) windows: Option<Windows>,
    pub(crate) usage: Usage,
}

impl Division {
    /// Rows whose inputs are trained on, each once.
    pub(crate) fn train_rows(&self) -> &[usize] {
        self.windows.as_ref().map_or(&self.train, |windows| &windows.covered)
    }
}

impl Table {
    /// Rows that the job would use, and why others are left out.
    pub fn usage(&self, job: &Job) -> Result<Usage, DataError> {
        let target = self.target(job)?;
        Ok(self.divide(&self.inputs(job)?, target, job)?.usage)
    }

    /// Divides the rows into those to train on, those held out, and those left out.
    pub(crate) fn divide(&self, inputs: &[&Column], target: Option<&Column>, job: &Job) -> Result<Division, DataError> {
        let grouped = job.group.is_some() || job.window.is_some() || matches!(job.held_out, HeldOut::Last(_));
        let groups = if grouped { self.groups(job.group.as_deref())? } else { Vec::new() };
        let mut tally = Tally::default();
        let mut marks = Marks::new(self.rows());
        self.mark_empty(inputs, target, job, &mut marks, &mut tally)?;
        marks.set_fates(self.fates(&job.held_out, job.group.is_some(), &groups)?);
        if let (Task::Anomaly { .. }, Some(target)) = (&job.task, target) {
            // What is not normal is scored, and never trained on, nor are windows that hold it.
            marks.train_only(self.normal_rows(job, target));
        }
        let mut division = Division { train: vec![], held_out: vec![], windows: None, usage: Usage::default() };
        if let Some(window) = job.window {
            marks.set_pauses(self.pauses(&groups)?);
            let mut windows = Windows::new(window, &groups, &marks, &mut tally);
            division.train = std::mem::take(&mut windows.train.rows);
            division.held_out = std::mem::take(&mut windows.held_out.rows);
            division.windows = Some(windows);
        } else {
            division.take_rows(self.rows(), &marks, &mut tally);
        }
        division.usage = Usage {
            train: division.train.len() as u64,
            held_out: division.held_out.len() as u64,
            window_rows: job.window_rows(),
            skipped: tally.reasons(|row| self.place(row)),
        };
        Ok(division)
    }

    fn mark_empty(
        &self,
        inputs: &[&Column],
        target: Option<&Column>,
        job: &Job,
        marks: &mut Marks,
        tally: &mut Tally,
    ) -> Result<(), DataError> {
        // Without them a row has no place in the order.
        let place = [self.group_column(job.group.as_deref())?, self.clock()?.map(|(column, _)| column)];
        let places = || place.iter().flatten().copied();
        let targets = target.into_iter().map(|column| (column, true));
        for (column, is_target) in targets.chain(inputs.iter().copied().chain(places()).map(|column| (column, false))) {
            if self.missing == Missing::Mean && !is_target && places().all(|place| place.name != column.name) {
                continue;
            }
            for row in (0..self.rows()).filter(|row| column.values.is_missing(*row)) {
                if self.missing == Missing::Error {
                    return Err(DataError::EmptyCell { place: self.place(row), column: column.name.clone() });
                }
                if !marks.lacks_input(row) && !marks.lacks_target(row) {
                    tally.add(Skip::EmptyCell(column.name.clone()), row);
                }
                marks.set_empty(row, is_target);
            }
        }
        Ok(())
    }

    fn fates(&self, held_out: &HeldOut, grouped: bool, groups: &[Group]) -> Result<Vec<Fate>, DataError> {
        let fate = |held_out: bool| if held_out { Fate::HeldOut } else { Fate::Train };
        let rows = 0..self.rows();
        Ok(match held_out {
            HeldOut::ByColumn(name) => {
                let column = self.usable(name)?;
                rows.map(|row| column.values.fate(row)).collect()
            }
            HeldOut::ByHash(per_10000) if !grouped => rows.map(|row| fate(self.held_out(row, *per_10000))).collect(),
            HeldOut::ByHash(per_10000) => {
                by_group(self.rows(), groups, |group| if group.held_out(*per_10000) { group.rows.len() } else { 0 })
            }
            HeldOut::Last(per_10000) => by_group(self.rows(), groups, |group| {
                ((group.rows.len() as u64 * u64::from(*per_10000) + 5_000) / 10_000) as usize
            }),
        })
    }

    fn pauses(&self, groups: &[Group]) -> Result<Vec<bool>, DataError> {
        let gap = self.timestamps.as_ref().and_then(|timestamps| timestamps.gap);
        let (Some((_, times)), Some(gap)) = (self.clock()?, gap) else { return Ok(Vec::new()) };
        let gap = i64::try_from(gap.as_millis()).unwrap_or(i64::MAX);
        let mut pauses = vec![false; self.rows()];
        for (before, row) in groups.iter().flat_map(|group| group.rows.iter().zip(group.rows.iter().skip(1))) {
            let time = |row: usize| times.get(row).copied().unwrap_or_default();
            let is_long = time(*row).saturating_sub(time(*before)) > gap;
            pauses.get_mut(*row).into_iter().for_each(|pause| *pause = is_long);
        }
        Ok(pauses)
    }
}

impl Division {
    /// Each row an example.
    fn take_rows(&mut self, rows: usize, marks: &Marks, tally: &mut Tally) {
        for row in (0..rows).filter(|row| !marks.lacks_input(*row) && !marks.lacks_target(*row)) {
            match marks.fate(row) {
                Fate::Train => self.train.push(row),
                Fate::HeldOut => self.held_out.push(row),
                Fate::Context => tally.add(Skip::Context, row),
            }
        }
    }
}

/// Fates where the last rows of each group are held out, so many of them.
fn by_group(rows: usize, groups: &[Group], held_out: impl Fn(&Group) -> usize) -> Vec<Fate> {
    let mut fates = vec![Fate::Train; rows];
    for group in groups {
        for row in group.rows.iter().rev().take(held_out(group)) {
            fates.get_mut(*row).into_iter().for_each(|fate| *fate = Fate::HeldOut);
        }
    }
    fates
}
