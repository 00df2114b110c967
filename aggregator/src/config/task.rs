//! `[task]`: what is to be learnt.

use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, HeldOut, Job, Normalize, Task as JobTask};
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Regression,
    Classification,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NormalizeBy {
    #[default]
    Standard,
    Range,
    None,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Weights {
    #[default]
    None,
    Balanced,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    Shared,
    #[default]
    Private,
}

/// `[task]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    /// What the target is: a number (regression), or a name (classification). `kind = "classification"`
    kind: Kind,
    /// Column to predict. `target = "fault"`
    target: String,
    /// Columns to predict it from; every other column if left out; for example `inputs = ["temperature", "torque"]`
    #[serde(default)]
    inputs: Vec<String>,
    /// Columns that are not inputs; for example `ignore = ["serial_number"]`
    #[serde(default)]
    ignore: Vec<String>,
    /// Inputs are brought to mean 0 and deviation 1 (standard), to 0 to 1 (range: pixels), or left alone (none).
    /// `normalize = "standard"`
    #[serde(default)]
    normalize: NormalizeBy,
    /// balanced: rare classes weigh as much as frequent ones. `class_weights = "none"`
    #[serde(default)]
    class_weights: Weights,
    /// private: each agent has rows of its own; shared: all agents have the same file. `data = "private"`
    #[serde(default)]
    data: Whose,
}

impl Task {
    /// The job as agents get it, before its columns are known.
    pub(super) fn job(&self, held_out: HeldOut) -> Job {
        Job {
            task: match self.kind {
                Kind::Regression => JobTask::Regression,
                Kind::Classification => JobTask::Classification,
            },
            target: self.target.clone(),
            inputs: self.inputs.clone(),
            ignore: self.ignore.clone(),
            normalize: match self.normalize {
                NormalizeBy::Standard => Normalize::Standard,
                NormalizeBy::Range => Normalize::Range,
                NormalizeBy::None => Normalize::None,
            },
            class_weights: match self.class_weights {
                Weights::None => ClassWeights::None,
                Weights::Balanced => ClassWeights::Balanced,
            },
            data_mode: match self.data {
                Whose::Shared => DataMode::Shared,
                Whose::Private => DataMode::Private,
            },
            held_out,
            fitted: None,
        }
    }
}
