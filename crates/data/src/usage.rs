//! Which rows are used, and why others are not.

use heijunka_units::counted;
use std::fmt;

/// Rows used and skipped; with windows each row represents the window that it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Examples to train on.
    pub train: u64,
    /// Examples held out for scores.
    pub held_out: u64,
    /// Rows of an example.
    pub window_rows: usize,
    /// Rows left out, by reason.
    pub skipped: Vec<SkipReason>,
}

/// Why a row is not an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// This column's cell is empty; of several the first.
    EmptyCell(String),
    /// It is marked as context.
    Context,
    /// Fewer than this many complete rows come before it in its group.
    FewBefore(usize),
    /// Its window would train on rows that are held out.
    BesideHeldOut,
}

/// Rows left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipReason {
    /// The reason.
    pub why: Skip,
    /// How many rows.
    pub rows: u64,
    /// The first of them: file and line.
    pub first: String,
}

impl Usage {
    /// Rows left out for any reason.
    pub fn skipped_total(&self) -> u64 {
        self.skipped.iter().map(|reason| reason.rows).sum()
    }
}

impl fmt::Display for Usage {
    /// `9997 rows used (2001 held out), 3 skipped: 3 with an empty cell in 'Torque' (first: a.csv line 17)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.train + self.held_out;
        match self.window_rows {
            0 | 1 => write!(f, "{} used", counted(used, "row"))?,
            rows => write!(f, "{} of {rows} rows used", counted(used, "window"))?,
        }
        write!(f, " ({} held out), {} ", self.held_out, self.skipped_total())?;
        f.write_str(if self.window_rows > 1 { "rows end no window" } else { "skipped" })?;
        for (index, SkipReason { why, rows, first }) in self.skipped.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{rows} {why} (first: {first})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyCell(column) => write!(f, "with an empty cell in '{column}'"),
            Self::Context => f.write_str("marked as context"),
            Self::FewBefore(rows) => {
                write!(f, "with fewer than {} before them in their group", counted(*rows, "whole row"))
            }
            Self::BesideHeldOut => f.write_str("in windows with held-out rows"),
        }
    }
}

/// Counts rows by reason, in the order in which reasons are met.
#[derive(Debug, Default)]
pub(crate) struct Tally(Vec<(Skip, u64, usize)>);

impl Tally {
    pub(crate) fn add(&mut self, why: Skip, row: usize) {
        match self.0.iter_mut().rev().find(|(known, ..)| *known == why) {
            Some((_, rows, _)) => *rows += 1,
            None => self.0.push((why, 1, row)),
        }
    }

    pub(crate) fn reasons(self, place: impl Fn(usize) -> String) -> Vec<SkipReason> {
        self.0.into_iter().map(|(why, rows, first)| SkipReason { why, rows, first: place(first) }).collect()
    }
}
