//! Errors in data: what is wrong, where, and what to do about it.

use heijunka_units::counted;
use std::path::PathBuf;
use thiserror::Error;

/// Data that cannot be used. The text says what and where; [`fix`](Self::fix) says what to do.
#[derive(Debug, Error)]
pub enum DataError {
    /// A file cannot be read.
    #[error("{} cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        why: String,
    },
    /// A folder where a file is expected.
    #[error("{} is a folder", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A spreadsheet's own format.
    #[error("{} is a workbook, not CSV", path.display())]
    Workbook {
        /// The file.
        path: PathBuf,
    },
    /// A zip file or the like.
    #[error("{} is an archive, not CSV", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are not characters.
    #[error("{} is not text", path.display())]
    Binary {
        /// The file.
        path: PathBuf,
    },
    /// A pattern fits too many files.
    #[error("{} matches more than {most} files", path.display())]
    TooManyFiles {
        /// The pattern.
        path: PathBuf,
        /// The limit.
        most: usize,
    },
    /// The first row cannot be names.
    #[error("{} line {line} holds only numbers where column names are expected", path.display())]
    NumbersAsHeader {
        /// The file.
        path: PathBuf,
        /// Line of the names, from 1.
        line: u64,
    },
    /// The column that should say when rows were measured does not.
    #[error("the timestamp column '{column}' in {table} {why}")]
    Clock {
        /// The column.
        column: String,
        /// File and delimiter.
        table: String,
        /// Why not.
        why: String,
    },
    /// The files are too large to be held in memory.
    #[error("with {} the data exceed {}", path.display(), size(*bytes_max))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Limit of all files together, in bytes.
        bytes_max: u64,
    },
    /// The source does not name a file.
    #[error("no data file is given")]
    NoFile,
    /// There are no rows.
    #[error("{} has no rows", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The delimiter is not a single-byte character.
    #[error("'{delimiter}' cannot be a delimiter")]
    Delimiter {
        /// The character.
        delimiter: char,
    },
    /// A row has too few or too many cells.
    #[error("{} line {line} has {} instead of {expected} (delimiter '{}')", path.display(), counted(*found, "cell"), shown(*delimiter))]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Its cells.
        found: usize,
        /// Cells of the header.
        expected: usize,
        /// The delimiter.
        delimiter: char,
    },
    /// A file breaks the CSV format.
    #[error("{} line {line} is not CSV", path.display())]
    Csv {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
    },
    /// Two columns have the same name.
    #[error("{} line {line} has two columns named '{column}'", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// Line of the names, from 1.
        line: u64,
        /// The name.
        column: String,
    },
    /// There are more columns than the limit, or a name is too long.
    #[error("{} line {line} has {what} than the limit of {most}", path.display())]
    TooMuch {
        /// The file.
        path: PathBuf,
        /// Line of the names, from 1.
        line: u64,
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        most: usize,
    },
    /// Files of one table have different columns.
    #[error("{} has different columns from {}: '{column}' differs", path.display(), first.display())]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The table's first file.
        first: PathBuf,
        /// The first name that differs.
        column: String,
    },
    /// An idx file is malformed.
    #[error("{} is not an idx file of {wanted}: {why}", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// `images` or `labels`.
        wanted: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A column that the job needs is not there.
    #[error("column '{column}' missing in {table}; {hint}")]
    MissingColumn {
        /// The column.
        column: String,
        /// File and delimiter.
        table: String,
        /// The closest name, or the names that there are.
        hint: String,
    },
    /// A column cannot be used.
    #[error("column '{column}' in {table} {why}")]
    UnusableColumn {
        /// The column.
        column: String,
        /// File and delimiter.
        table: String,
        /// Why not.
        why: String,
    },
    /// All columns are left out.
    #[error("{table} has no column left to predict '{target}' from")]
    NoInputs {
        /// File and delimiter.
        table: String,
        /// The target.
        target: String,
    },
    /// A cell is empty, which the settings do not allow.
    #[error("{place} has an empty cell in column '{column}'")]
    EmptyCell {
        /// File and line.
        place: String,
        /// The column.
        column: String,
    },
    /// Too many classes for a classification.
    #[error("column '{column}' has more than {most} classes")]
    TooManyClasses {
        /// The column.
        column: String,
        /// The limit.
        most: usize,
    },
    /// A row's class is not one of the job's.
    #[error("{place} has the class '{class}', which is not one of the job's")]
    UnknownClass {
        /// File and line.
        place: String,
        /// The class.
        class: String,
    },
    /// The job's columns are not decided yet.
    #[error("the job's columns are not decided yet")]
    NotFitted,
}

impl DataError {
    /// What to do about it.
    pub fn fix(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check that the file exists and that this user may read it",
            Self::Folder { .. } => "name a file in it, or a pattern: path = 'folder/*.csv'",
            Self::Workbook { .. } => "save the sheet as CSV (File, Save as, CSV UTF-8)",
            Self::Archive { .. } => "unpack it, and name the CSV file in it; .gz is the only packed form that is read",
            Self::Binary { .. } => "name a CSV file; the program that wrote this one may be able to export CSV",
            Self::TooManyFiles { .. } => "join files, or name fewer",
            Self::NumbersAsHeader { .. } => {
                "set header = false in [data] if the file has no column names; columns are then called col0, col1, …"
            }
            Self::Clock { .. } => "set timestamp_format in [data], for example '%d.%m.%Y %H:%M:%S'",
            Self::TooLarge { .. } => "name fewer files, or raise memory in [limits] if the machine has more",
            Self::TooMuch { .. } => "split the data, or leave columns out",
            Self::NoFile => "set path in [data]",
            Self::Empty { .. } => {
                "check that it is the right file; set header = false in [data] if its first line holds data"
            }
            Self::Delimiter { .. } => "use a comma, a semicolon, a tab or another plain character",
            Self::Ragged { .. } => {
                "correct the line; set delimiter in [data] if it is another character, or skip_lines if the column names are further down"
            }
            Self::Csv { .. } => "check for a missing quote",
            Self::DuplicateColumn { .. } => "rename one of them",
            Self::OtherColumns { .. } => "give all files of the table the same column names",
            Self::Idx { .. } => "check that path and labels are not confused",
            Self::MissingColumn { .. } => "correct the column's name in the job or in the file",
            Self::UnusableColumn { .. } => "correct the cells, or add the column to ignore in the job",
            Self::NoInputs { .. } => "name columns in inputs, or take some from ignore",
            Self::EmptyCell { .. } => "set missing = \"skip_row\" or \"mean\" in [data]",
            Self::TooManyClasses { .. } => "set kind = \"regression\" if the target is a quantity",
            Self::UnknownClass { .. } => "start a new job so that the class is learned",
            Self::NotFitted => "wait for the aggregator's job",
        }
    }
}

/// A delimiter in words.
pub(crate) fn shown(delimiter: char) -> String {
    match delimiter {
        '\t' => "tab".to_owned(),
        ' ' => "spaces".to_owned(),
        other => other.to_string(),
    }
}

/// A number of bytes in words.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
