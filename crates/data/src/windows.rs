//! Examples of several rows: which rows of a group end one.

use crate::Skip;
use crate::groups::Group;
use crate::marks::{Fate, Marks};
use crate::usage::Tally;
use heijunka_wire::document::Window;

/// Where examples of several rows lie.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// Rows that can be part of windows, group by group: a window's rows follow one another.
    pub(crate) base: Vec<usize>,
    /// Examples to train on.
    pub(crate) train: Ends,
    pub(crate) held_out: Ends,
    /// Rows that examples to train on hold, each once.
    pub(crate) covered: Vec<usize>,
}

/// Examples in the table's order: of each the last row, and where it begins in the base.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub(crate) rows: Vec<usize>,
    pub(crate) starts: Vec<u32>,
}

impl Ends {
    fn new(mut ends: Vec<(usize, u32)>) -> Self {
        ends.sort_unstable();
        let (rows, starts) = ends.into_iter().unzip();
        Self { rows, starts }
    }
}

/// Rows one after another without a break.
#[derive(Default)]
struct Run {
    rows: usize,
    /// Of them, those since the last one that is held out; more than any window has if there is none.
    since_held_out: usize,
}

impl Windows {
    /// Finds the windows of all groups, and tallies the rows that end none.
    pub(crate) fn new(window: Window, groups: &[Group], marks: &Marks, tally: &mut Tally) -> Self {
        let (rows, every) = (usize::from(window.rows).max(1), usize::from(window.every).max(1));
        let mut windows = Self::default();
        let (mut train, mut held_out) = (Vec::new(), Vec::new());
        for group in groups {
            let mut run = Run::default();
            for row in &group.rows {
                if !run.extend(*row, marks) {
                    continue;
                }
                windows.base.push(*row);
                let end = (*row, (windows.base.len() - rows.min(windows.base.len())) as u32);
                match (marks.fate(*row), run.flaw(rows)) {
                    (Fate::Context, _) => tally.add(Skip::Context, *row),
                    _ if marks.lacks_target(*row) => {}
                    (_, Some(why @ Skip::FewBefore(_))) => tally.add(why, *row),
                    (Fate::HeldOut, _) => held_out.push(end),
                    (Fate::Train, Some(why)) => tally.add(why, *row),
                    (Fate::Train, None) if (run.rows - rows).is_multiple_of(every) => train.push(end),
                    (Fate::Train, None) => {}
                }
            }
        }
        windows.cover(&train, rows);
        (windows.train, windows.held_out) = (Ends::new(train), Ends::new(held_out));
        windows
    }

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

impl Run {
    /// Takes the next row. `false`: it can be part of no window.
    fn extend(&mut self, row: usize, marks: &Marks) -> bool {
        if marks.lacks_input(row) {
            self.rows = 0;
            return false;
        }
        if self.rows == 0 || marks.follows_pause(row) {
            *self = Self { rows: 0, since_held_out: usize::MAX };
        }
        self.rows += 1;
        self.since_held_out = self.since_held_out.saturating_add(1);
        if marks.fate(row) == Fate::HeldOut {
            self.since_held_out = 0;
        }
        true
    }

    /// What keeps its last rows from being an example to train on.
    fn flaw(&self, rows: usize) -> Option<Skip> {
        match () {
            () if self.rows < rows => Some(Skip::FewBefore(rows - 1)),
            () if self.since_held_out < rows => Some(Skip::BesideHeldOut),
            () => None,
        }
    }
}
