//! Which rows are used, and why others are not.

use std::fmt;

/// Rows used and skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Rows to train on.
    pub train: u64,
    /// Rows held out for scores.
    pub held_out: u64,
    /// Rows left out, by reason.
    pub skipped: Vec<SkipReason>,
}

/// Rows left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipReason {
    /// The column whose cell is empty; of several the first.
    pub column: String,
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
        write!(f, "{used} rows used ({} held out), {} skipped", self.held_out, self.skipped_total())?;
        for (index, SkipReason { column, rows, first }) in self.skipped.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{rows} with an empty cell in '{column}' (first: {first})")?;
        }
        Ok(())
    }
}
