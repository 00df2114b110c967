//! `[data]`: what the agent learns from.

use heijunka_data::{Missing, Source};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// `[data]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    path: PathBuf,
    labels: Option<PathBuf>,
    delimiter: Option<char>,
    decimal: Option<char>,
    #[serde(default = "yes")]
    header: bool,
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
