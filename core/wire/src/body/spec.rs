//! The job.

use super::Message;
use crate::assembly::Part;
use crate::limits::PARAMETERS_MAX;
use heijunka_units::Shape;
use serde::{Deserialize, Serialize};

/// Whose rows are whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataMode {
    /// Every agent reads the same rows; the aggregator deals them out.
    Shared,
    /// Every agent has rows of its own, which never leave it.
    Private,
}

/// The model of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Model {
    /// There is none yet: agents are asked for a survey of their data.
    Unsettled,
    /// Layers, as [`Shape`] lists them.
    Layers(Shape),
    /// So many numbers, whose meaning only the job's own trainers know.
    Opaque {
        /// Parameters, 1 to [`PARAMETERS_MAX`].
        parameters: u32,
    },
}

impl Model {
    /// Number of parameters; 0 before the job is settled, `None` if there is no such model.
    pub fn parameters(&self) -> Option<usize> {
        match self {
            Self::Unsettled => Some(0),
            Self::Layers(shape) => shape.check().ok(),
            Self::Opaque { parameters } => {
                usize::try_from(*parameters).ok().filter(|parameters| (1..=PARAMETERS_MAX).contains(parameters))
            }
        }
    }

    /// The layers, if it is known by its layers.
    pub fn shape(&self) -> Option<&Shape> {
        if let Self::Layers(shape) = self { Some(shape) } else { None }
    }
}

/// The job. The payload is a chunk of a [`document::Job`](crate::document::Job).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Digest of the document.
    pub content: u64,
    /// The model, once columns and classes are settled.
    pub model: Model,
    /// Whose rows are whose.
    pub data_mode: DataMode,
    /// Seed of the order of rows.
    pub seed: u64,
    /// Which chunk of the document this is.
    pub part: Part,
}

impl Spec {
    /// Whether columns and model are settled; until then agents are asked for a survey of their data.
    pub fn is_fitted(&self) -> bool {
        self.model != Model::Unsettled
    }
}

impl Message for Spec {
    fn part(&self) -> Option<Part> {
        Some(self.part)
    }

    fn is_plausible(&self) -> bool {
        self.model.parameters().is_some()
    }
}
