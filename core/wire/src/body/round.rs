//! A round begins, or the job is over.

use super::Message;
use super::gradient::whole_numbers;
use crate::assembly::Part;
use crate::limits::{BATCH_SAMPLES_MAX, LOCAL_STEPS_MAX};
use heijunka_units::{AllocationVersion, Codec, ModelVersion, RoundId, Samples};
use serde::{Deserialize, Serialize};

/// What the aggregator says to all agents.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Round {
    /// A round begins. The payload is a chunk of the model, or of its difference to an older one.
    Ask(Ask),
    /// The job is over.
    Finished,
}

/// What a round asks of the agents, and at which model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Number of the round.
    pub round: RoundId,
    /// What is asked for.
    pub work: Work,
    /// The division that counts in this round.
    pub allocation: AllocationVersion,
    /// Version of the model that is sent.
    pub model: ModelVersion,
    /// After so many milliseconds the aggregator no longer waits, or gives what is missing to others.
    pub deadline_ms: u32,
    /// The payload is the difference to this version of the model; none: it is the model.
    pub base: Option<ModelVersion>,
    /// How the payload is written.
    pub codec: Codec,
    /// Digest of the whole model, once it is there: see [`model_digest`](crate::model_digest).
    pub digest: u64,
    /// Which chunk of the payload this is.
    pub part: Part,
}

/// What a round asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Gradients.
    Train,
    /// Scores.
    Score,
}

/// What a round asks for, with all that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// A gradient at the model.
    Train(Train),
    /// Scores of the model on held-out rows.
    Score,
}

/// How a round trains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// Position of the global batch in the stream of samples (shared data).
    pub first_position: u64,
    /// Samples of the global batch.
    pub batch_samples: Samples,
    /// Microseconds from the publication until answers shall be in: an agent stops computing early enough and sends what
    /// it has. 0: each agent computes its whole share.
    pub stop_us: u32,
    /// The sum of so many steps' gradients is asked for, each step on samples of its own and with a model of the agent's own
    /// that moves along the gradients by `learning_rate`; 1: the gradient at the model.
    pub local_steps: u16,
    /// Rate of the local steps.
    pub learning_rate: f32,
    /// The share of the numbers that sparse codecs keep, in millionths.
    pub kept_ppm: u32,
    /// Momentum that agents give their gradients before they write them; 0: none.
    pub momentum: f32,
}

impl Ask {
    /// How it trains; `None` if it asks for scores.
    pub fn train(&self) -> Option<Train> {
        if let Work::Train(train) = self.work { Some(train) } else { None }
    }

    /// What is asked for.
    pub fn purpose(&self) -> Purpose {
        if self.train().is_some() { Purpose::Train } else { Purpose::Score }
    }
}

impl Train {
    fn is_plausible(&self) -> bool {
        let descends =
            self.learning_rate.is_finite() && self.learning_rate >= 0.0 && (0.0..1.0).contains(&self.momentum);
        let counts = self.batch_samples <= BATCH_SAMPLES_MAX && self.kept_ppm <= 1_000_000;
        descends && counts && (1..=LOCAL_STEPS_MAX).contains(&self.local_steps)
    }
}

impl Message for Round {
    fn part(&self) -> Option<Part> {
        match self {
            Self::Ask(ask) => Some(ask.part),
            Self::Finished => None,
        }
    }

    fn is_plausible(&self) -> bool {
        let Self::Ask(ask) = self else { return true };
        // A whole model is written in full.
        let whole = ask.base.is_some() || ask.codec == Codec::Float32;
        whole && whole_numbers(ask.codec, ask.part) && ask.train().is_none_or(|train| train.is_plausible())
    }
}
