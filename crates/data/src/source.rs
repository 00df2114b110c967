//! Where a table comes from.

use crate::DataError;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most files of one table.
const FILES_MAX: usize = 10_000;

/// Bytes of all files together, unless the source says otherwise.
const BYTES_MAX: u64 = 2 << 30;

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

/// The column that says when a row was measured. Rows are put in its order within their group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The column; it is not an input.
    pub column: String,
    /// How its times are written, as in strftime: `%d.%m.%Y %H:%M:%S`; `None`: detected. Numbers are Unix seconds or
    /// milliseconds.
    pub format: Option<String>,
    /// No window goes across a longer pause.
    pub gap: Option<Duration>,
}

/// Files that make one table, and how to read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// CSV files with the same columns, one below the other, or one idx file of images; each may be gzipped. A pattern with
    /// `*`, `?` or `[…]` stands for the files that it matches, in the order of their names.
    pub paths: Vec<PathBuf>,
    /// The idx file of the images' labels.
    pub labels: Option<PathBuf>,
    /// Character between two cells, a space for runs of spaces; `None`: the first of `;`, tab, `,` and `|` that all lines
    /// have equally often, or else spaces, or what the first line holds.
    pub delimiter: Option<char>,
    /// Decimal point; `None`: `.` or `,`, whichever more numbers of the first 200 rows have.
    pub decimal: Option<char>,
    /// Lines at the top of each file that are skipped; 0: titles, lines of one cell above a table of more, are detected
    /// unless `header_rows` says what the first line is. A first line `sep=;` sets the delimiter and is skipped.
    pub skip_lines: usize,
    /// Lines above the data, of which the first holds the names; 0: columns are called `col0`, `col1`, …; `None`: one, and
    /// one of units if it looks like that.
    pub header_rows: Option<usize>,
    /// What happens to empty cells.
    pub missing: Missing,
    /// When rows were measured.
    pub timestamps: Option<Timestamps>,
    /// Programs may still write to the files: what follows a file's last line end is ignored.
    pub whole_lines: bool,
    /// Most bytes of all files together, after decompression.
    pub bytes_max: u64,
}

impl Source {
    /// One file with a header; all else is detected.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            paths: vec![path.into()],
            labels: None,
            delimiter: None,
            decimal: None,
            skip_lines: 0,
            header_rows: None,
            missing: Missing::SkipRow,
            timestamps: None,
            whole_lines: false,
            bytes_max: BYTES_MAX,
        }
    }

    /// The files as they are now, patterns resolved.
    pub fn files(&self) -> Result<Vec<PathBuf>, DataError> {
        let mut files = Vec::new();
        for path in &self.paths {
            match pattern(path) {
                Some(pattern) => files.extend(fitting(path, pattern)?),
                None => files.push(path.clone()),
            }
            if files.len() > FILES_MAX {
                return Err(DataError::TooManyFiles { path: path.clone(), most: FILES_MAX });
            }
        }
        if files.is_empty() { Err(DataError::NoFile) } else { Ok(files) }
    }
}

/// The path as a pattern, unless it is plain or there is a file of that very name.
fn pattern(path: &Path) -> Option<&str> {
    path.to_str().filter(|text| text.contains(['*', '?', '[']) && !path.exists())
}

fn fitting(path: &Path, pattern: &str) -> Result<Vec<PathBuf>, DataError> {
    let refused = |why: String| DataError::Unreadable { path: path.to_owned(), why };
    let found = glob::glob(pattern).map_err(|error| refused(error.to_string()))?;
    let files: Vec<PathBuf> = found.filter_map(Result::ok).filter(|path| path.is_file()).take(FILES_MAX + 1).collect();
    if files.is_empty() { Err(refused("no file matches the pattern".to_owned())) } else { Ok(files) }
}
