//! Which rows of a table train, which are held out, and which of them make windows.

use crate::groups::Group;
use crate::table::{Column, Table};
use crate::usage::Tally;
use crate::{DataError, Missing, Skip, Usage};
use heijunka_wire::document::{HeldOut, Job, Task, Window};

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Train,
    HeldOut,
    /// Neither, but part of windows.
    Context,
}

/// A table's examples, each called by its last row, in the table's order.
#[derive(Debug)]
pub(crate) struct Division {
    pub(crate) train: Vec<usize>,
    pub(crate) held_out: Vec<usize>,
    /// Of examples of several rows.
    pub(crate) windows: Option<Windows>,
    pub(crate) usage: Usage,
}

/// Where examples of several rows lie.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Rows that can be part of windows, group by group: a window's rows stand side by side.
    pub(crate) base: Vec<usize>,
    /// For each example to train on, where it begins in `base`.
    pub(crate) train: Vec<u32>,
    pub(crate) held_out: Vec<u32>,
    /// Rows that examples to train on hold, each once.
    covered: Vec<usize>,
}

impl Division {
    /// Rows whose inputs are trained on, each once.
    pub(crate) fn train_rows(&self) -> &[usize] {
        self.windows.as_ref().map_or(&self.train, |windows| &windows.covered)
    }
}

/// Rows with a cell that is empty.
struct Empty {
    input: Vec<bool>,
    target: Vec<bool>,
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
        let empty = self.empty(inputs, target, job, &mut tally)?;
        let mut fates = self.fates(&job.held_out, job.group.is_some(), &groups)?;
        if let (Task::Anomaly { .. }, Some(target)) = (&job.task, target) {
            // What is not normal is scored, and never trained on, nor are windows that hold it.
            let is_normal = self.normal_rows(job, target);
            let trained = fates.iter_mut().enumerate().filter(|(_, fate)| **fate == Fate::Train);
            trained.filter(|(row, _)| !is_normal(*row)).for_each(|(_, fate)| *fate = Fate::HeldOut);
        }
        let mut division = match job.window {
            Some(window) => self.windows(window, &groups, &fates, &empty, &mut tally),
            None => self.single_rows(&fates, &empty, &mut tally),
        };
        let usage = &mut division.usage;
        (usage.train, usage.held_out) = (division.train.len() as u64, division.held_out.len() as u64);
        usage.window_rows = job.window_rows();
        usage.skipped = tally.reasons(|row| self.place(row));
        Ok(division)
    }

    fn empty(
        &self,
        inputs: &[&Column],
        target: Option<&Column>,
        job: &Job,
        tally: &mut Tally,
    ) -> Result<Empty, DataError> {
        let mut empty = Empty { input: vec![false; self.rows()], target: vec![false; self.rows()] };
        let group = self.group_column(job.group.as_deref())?;
        let targets = target.into_iter().map(|column| (column, true));
        for (column, is_target) in targets.chain(inputs.iter().copied().chain(group).map(|column| (column, false))) {
            if self.missing == Missing::Mean && !is_target && group.is_none_or(|group| group.name != column.name) {
                continue;
            }
            for row in (0..self.rows()).filter(|row| column.values.is_missing(*row)) {
                if self.missing == Missing::Error {
                    return Err(DataError::EmptyCell { place: self.place(row), column: column.name.clone() });
                }
                let is = |marks: &[bool]| marks.get(row).copied().unwrap_or(true);
                if !is(&empty.input) && !is(&empty.target) {
                    tally.add(Skip::EmptyCell(column.name.clone()), row);
                }
                let marks = if is_target { &mut empty.target } else { &mut empty.input };
                marks.get_mut(row).into_iter().for_each(|mark| *mark = true);
            }
        }
        Ok(empty)
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

    fn single_rows(&self, fates: &[Fate], empty: &Empty, tally: &mut Tally) -> Division {
        let (mut train, mut held_out) = (Vec::new(), Vec::new());
        for (row, (fate, empty)) in fates.iter().zip(empty.input.iter().zip(&empty.target)).enumerate() {
            match fate {
                _ if *empty.0 || *empty.1 => {}
                Fate::Train => train.push(row),
                Fate::HeldOut => held_out.push(row),
                Fate::Context => tally.add(Skip::Context, row),
            }
        }
        Division { train, held_out, windows: None, usage: Usage::default() }
    }

    fn windows(&self, window: Window, groups: &[Group], fates: &[Fate], empty: &Empty, tally: &mut Tally) -> Division {
        let (rows, every) = (usize::from(window.rows).max(1), usize::from(window.every).max(1));
        let mut windows = Windows::default();
        let (mut train, mut held_out) = (Vec::new(), Vec::new());
        for group in groups {
            let (mut run, mut since_held_out) = (0, usize::MAX);
            for row in &group.rows {
                let at = |marks: &[bool]| marks.get(*row).copied().unwrap_or(true);
                if at(&empty.input) {
                    run = 0;
                    continue;
                }
                let fate = fates.get(*row).copied().unwrap_or(Fate::Context);
                (run, since_held_out) = (run + 1, since_held_out.saturating_add(1));
                windows.base.push(*row);
                if fate == Fate::HeldOut {
                    since_held_out = 0;
                }
                let start = windows.base.len() - rows.min(windows.base.len());
                match fate {
                    Fate::Context => tally.add(Skip::Context, *row),
                    _ if at(&empty.target) => {}
                    _ if run < rows => tally.add(Skip::FewBefore(rows - 1), *row),
                    Fate::HeldOut => held_out.push((*row, start as u32)),
                    Fate::Train if since_held_out < rows => tally.add(Skip::BesideHeldOut, *row),
                    Fate::Train if (run - rows).is_multiple_of(every) => train.push((*row, start as u32)),
                    Fate::Train => {}
                }
            }
        }
        windows.cover(&train, rows);
        let sorted = |mut ends: Vec<(usize, u32)>| -> (Vec<usize>, Vec<u32>) {
            ends.sort_unstable();
            ends.into_iter().unzip()
        };
        let (train, held_out) = (sorted(train), sorted(held_out));
        (windows.train, windows.held_out) = (train.1, held_out.1);
        Division { train: train.0, held_out: held_out.0, windows: Some(windows), usage: Usage::default() }
    }
}

impl Windows {
    /// Notes the rows of the examples to train on, which come in the order of the base.
    fn cover(&mut self, train: &[(usize, u32)], rows: usize) {
        let mut covered = 0;
        for (_, start) in train {
            let (start, end) = (*start as usize, *start as usize + rows);
            self.covered.extend(self.base.get(start.max(covered)..end).unwrap_or_default());
            covered = end;
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
