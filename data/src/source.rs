//! Where a table comes from.

use std::path::PathBuf;

/// What happens to rows with empty cells in the columns that the job uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The row is left out.
    #[default]
    SkipRow,
    /// An empty input becomes the column's mean over the table's rows that are trained on, an empty text no value at
    /// all; a row with an empty target is left out.
    Mean,
    /// The data are refused.
    Error,
}

/// Files that make one table, and how to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// CSV files with the same columns, one below the other; or one idx file of images. Each may be gzipped.
    pub paths: Vec<PathBuf>,
    /// The idx file of the images' labels.
    pub labels: Option<PathBuf>,
    /// Character between two cells; `None`: `;`, tab or `,`, the first of these that the first line holds.
    pub delimiter: Option<char>,
    /// Decimal point; `None`: `.` or `,`, whichever more numbers of the first 200 rows have.
    pub decimal: Option<char>,
    /// Lines above the data, of which the first holds the names; 0: columns are called `col0`, `col1`, …
    pub header_rows: usize,
    /// What happens to empty cells.
    pub missing: Missing,
}

impl Source {
    /// One file with a header, all else found out.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            paths: vec![path.into()],
            labels: None,
            delimiter: None,
            decimal: None,
            header_rows: 1,
            missing: Missing::SkipRow,
        }
    }
}
