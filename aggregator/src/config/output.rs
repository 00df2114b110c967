//! `[output]`: the files that training writes.

use heijunka_settings::{Problem, Span};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Most older checkpoints.
const KEEP_MAX: usize = 1000;

/// A form of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    Safetensors,
    Onnx,
}

/// `[output]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutputSettings {
    /// Folder of the files; it is created. `directory = "heijunka-output"`
    directory: PathBuf,
    /// Time between two saves of the model. `checkpoint_every = "60s"`
    checkpoint_every: Span,
    /// Older checkpoints that are kept in the folder checkpoints, 0 to 1000; the oldest are removed first. `keep = 0`
    keep: usize,
    /// Forms of the model at the end of the job; safetensors is always written. `formats = ["safetensors", "onnx"]`
    formats: Vec<Format>,
    /// Records each agent's times in each round, for heijunka-study; for example `trace = "trace.csv.gz"`
    trace: Option<PathBuf>,
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("heijunka-output"),
            checkpoint_every: Span::from_secs(60),
            keep: 0,
            formats: vec![Format::Safetensors, Format::Onnx],
            trace: None,
        }
    }
}

impl OutputSettings {
    /// The folder. `resolve` turns a path of the settings into one to open.
    pub(super) fn directory(&self, resolve: impl Fn(&Path) -> PathBuf) -> PathBuf {
        resolve(&self.directory)
    }

    /// Time between two saves of the model.
    pub(super) fn checkpoint_every(&self) -> Duration {
        self.checkpoint_every.duration()
    }

    /// Older checkpoints that stay.
    pub(super) fn keep(&self) -> Result<usize, Problem> {
        if self.keep > KEEP_MAX {
            let fix = format!("write keep = 0 to {KEEP_MAX}");
            return Err(Problem::new("output.keep", format!("{} is out of range", self.keep), fix));
        }
        Ok(self.keep)
    }

    /// Whether the model is written as ONNX, too.
    pub(super) fn onnx(&self) -> Result<bool, Problem> {
        if !self.formats.contains(&Format::Safetensors) {
            let message = "model.safetensors is what predict, export and start_from read";
            let fix = "write formats = [\"safetensors\"], or formats = [\"safetensors\", \"onnx\"]";
            return Err(Problem::new("output.formats", message, fix));
        }
        Ok(self.formats.contains(&Format::Onnx))
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
