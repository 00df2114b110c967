//! `[output]`: the files that training writes.

use heijunka_settings::{Problem, Span};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[output]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutputSettings {
    /// Folder of the files; it is made. `directory = "heijunka-output"`
    directory: PathBuf,
    /// Time between two saves of the model. `save_every = "60s"`
    save_every: Span,
    /// Records each agent's times in each round, for simulate and advise; for example `trace = "trace.csv.gz"`
    trace: Option<PathBuf>,
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self { directory: PathBuf::from("heijunka-output"), save_every: Span::from_secs(60), trace: None }
    }
}

impl OutputSettings {
    /// The folder. `resolve` turns a path of the settings into one to open.
    pub(super) fn directory(&self, resolve: impl Fn(&Path) -> PathBuf) -> PathBuf {
        resolve(&self.directory)
    }

    /// Time between two saves of the model.
    pub(super) fn save_every(&self) -> Duration {
        self.save_every.duration()
    }

    /// The trace stands in the output folder, unless its path says otherwise.
    pub(super) fn trace(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<PathBuf>, Problem> {
        let Some(trace) = &self.trace else { return Ok(None) };
        let name = trace.to_string_lossy();
        if !(name.ends_with(".csv") || name.ends_with(".csv.gz")) {
            let message = format!("{name} is neither a .csv nor a .csv.gz file");
            return Err(Problem::new("output.trace", message, "write trace = \"trace.csv.gz\""));
        }
        Ok(Some(resolve(&self.directory).join(trace)))
    }
}
