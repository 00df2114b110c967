//! What a settled job says about computing.

use crate::rows::{Problem, Rows};
use alloc::vec::Vec;
use core::fmt;
use heijunka_learn::{ModelShape, StreamOrder};
use heijunka_units::{AgentId, Samples, ShapeError};
use heijunka_wire::document::{Job, Target};
use heijunka_wire::{DataMode, Model, Spec, digest};

/// Model, order of the rows and weights of a settled job on one agent.
#[derive(Clone, Debug)]
pub struct Settled {
    spec: u64,
    shape: ModelShape,
    order: StreamOrder,
    class_weights: Vec<f32>,
    target_scale: f64,
}

/// Why a job's model cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uncomputable {
    /// There is no model yet.
    Unsettled,
    /// Only the job's own programs know the layers.
    Opaque {
        /// Parameters of the model.
        parameters: u32,
    },
    /// The layers do not fit each other.
    Shape(ShapeError),
}

impl fmt::Display for Uncomputable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsettled => f.write_str("the job has no model yet"),
            Self::Opaque { parameters } => {
                write!(f, "the job names {parameters} parameters, but not the layers that they belong to")
            }
            Self::Shape(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Uncomputable {}

impl Settled {
    /// For `agent`, which has so many rows to train on.
    ///
    /// # Errors
    /// The job's model is not one of layers that fit each other.
    pub fn new(spec: &Spec, job: &Job, agent: &AgentId, rows: u64) -> Result<Self, Uncomputable> {
        let (class_weights, target_scale) = match job.fitted.as_ref().map(|fitted| &fitted.target) {
            Some(Target::Classes { weights, .. }) => (weights.clone(), 1.0),
            Some(Target::Scaled { scale, .. }) => (Vec::new(), *scale),
            Some(Target::Inputs) | None => (Vec::new(), 1.0),
        };
        // With data of its own, each agent walks through them in an order of its own.
        let seed = match spec.data_mode {
            DataMode::Shared => spec.seed,
            DataMode::Private => spec.seed ^ digest(agent.as_str().as_bytes()),
        };
        let shape = match &spec.model {
            Model::Layers(shape) => ModelShape::new(shape.clone()).map_err(Uncomputable::Shape)?,
            Model::Opaque { parameters } => return Err(Uncomputable::Opaque { parameters: *parameters }),
            Model::Unsettled => return Err(Uncomputable::Unsettled),
        };
        Ok(Self { spec: spec.content, shape, order: StreamOrder::new(rows.max(1), seed), class_weights, target_scale })
    }

    /// Content of the spec.
    pub fn spec(&self) -> u64 {
        self.spec
    }

    /// The model's shape.
    pub fn shape(&self) -> &ModelShape {
        &self.shape
    }

    /// Writes the rows of `samples` samples from `position` of the stream on to `rows`, which is emptied first.
    pub fn choose(&self, position: u64, samples: Samples, rows: &mut Vec<usize>) {
        rows.clear();
        rows.extend((0..u64::from(samples)).map(|sample| self.order.row(position.wrapping_add(sample)) as usize));
    }

    /// The job's model with parameters `model` on `rows`.
    pub fn problem<'a, R: Rows>(&'a self, rows: &'a R, model: &'a [f32]) -> Problem<'a, R> {
        let Self { shape, class_weights, target_scale, .. } = self;
        Problem { shape, rows, class_weights, target_scale: *target_scale, model }
    }
}
