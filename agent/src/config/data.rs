//! `[data]`: what the agent learns from.

use heijunka_data::{Missing, Source};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[data]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    /// CSV file, or an MNIST idx file (.gz too); in single quotes backslashes stay. `path = 'data.csv'`
    path: PathBuf,
    /// Labels of an idx file; for example `labels = 'labels-idx1-ubyte.gz'`
    labels: Option<PathBuf>,
    /// What separates cells; comma, semicolon and tab are found out if left out; for example `delimiter = ";"`
    delimiter: Option<char>,
    /// The decimal sign, point or comma; found out if left out; for example `decimal = ","`
    decimal: Option<char>,
    /// Whether the first row names the columns; if not they are called col0, col1, … `header = true`
    #[serde(default = "yes")]
    header: bool,
    /// Rows with empty cells are skipped (skip_row), filled with the mean, or an error. `missing = "skip_row"`
    #[serde(default)]
    missing: MissingCells,
}

fn yes() -> bool {
    true
}

/// What happens to rows with empty cells.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MissingCells {
    #[default]
    SkipRow,
    Mean,
    Error,
}

impl Data {
    /// `resolve` turns a path of the settings into one to open.
    pub(super) fn source(&self, resolve: impl Fn(&Path) -> PathBuf) -> Source {
        let mut source = Source::new(resolve(&self.path));
        source.labels = self.labels.as_ref().map(|path| resolve(path));
        source.delimiter = self.delimiter;
        source.decimal = self.decimal;
        source.header_rows = usize::from(self.header);
        source.missing = match self.missing {
            MissingCells::SkipRow => Missing::SkipRow,
            MissingCells::Mean => Missing::Mean,
            MissingCells::Error => Missing::Error,
        };
        source
    }
}
