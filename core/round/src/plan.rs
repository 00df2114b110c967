//! What the aggregator is to do.

use crate::compact::Compact;
use crate::start::Start;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_judge::Judging;
use heijunka_learn::{OptimizerKind, Schedule};
use heijunka_units::{AgentId, Cap, Samples};
use heijunka_wire::document::Job;
use heijunka_wire::{Activation, Convolution, Pooling};

/// A training job, checked.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The job as agents must understand it, not yet fitted.
    pub job: Job,
    /// Widths of the hidden layers; none for linear and softmax regression. Where anomalies are looked for, none: as the
    /// number of inputs suggests.
    pub hidden: Vec<u32>,
    /// Convolutions over the window's rows, before the hidden layers; none for a model that is fully connected.
    pub convolutions: Vec<Convolution>,
    /// What follows the last convolution.
    pub pooling: Pooling,
    /// Activation of the hidden layers and convolutions.
    pub activation: Activation,
    /// Seed of the order of rows and of the first parameters.
    pub seed: u64,
    /// Samples of the global batch.
    pub batch_samples: Samples,
    /// How the mean gradient moves the model.
    pub optimizer: OptimizerKind,
    /// Learning rate by step.
    pub schedule: Schedule,
    /// Who computes how much.
    pub policy: PolicyName,
    /// When a round ends.
    pub round_end: RoundEnd,
    /// Shares that the settings fix, in samples per round.
    pub pins: BTreeMap<AgentId, Samples>,
    /// When to wait, for whom and how long.
    pub patience: Patience,
    /// When to stop.
    pub until: Until,
    /// Steps between two scorings of the held-out rows; 0: only at the end.
    pub score_every_rounds: u64,
    /// What models are judged by.
    pub judging: Judging,
    /// How gradients and models are written.
    pub compact: Compact,
    /// Steps that agents take by themselves in a round.
    pub local_steps: LocalSteps,
    /// Largest packet, in bytes.
    pub packet_bytes_max: usize,
    /// The most that may be sent; none: as fast as the broker takes it.
    pub downlink: Option<Cap>,
    /// The model that training starts from; none: a new one, from the seed.
    pub start: Option<Start>,
}

/// Steps that agents take by themselves before a round's answers meet (local SGD: Stich, 2019).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalSteps {
    /// So many, 1 to `LOCAL_STEPS_MAX`. 1: a round is a step of the whole batch.
    Fixed(u16),
    /// As many as the links need, measured against the computation.
    Auto,
}

/// When to wait, for whom and how long.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Agents needed to begin and to continue.
    pub min_agents: usize,
    /// How long after the last newcomer the job begins.
    pub gather: Duration,
    /// How long agents may take to read and encode their data.
    pub prepare: Duration,
    /// Deadline of a round before any has been seen.
    pub first_deadline: Duration,
    /// No deadline is shorter.
    pub deadline_floor: Duration,
    /// A deadline is so many times the slowest of the recent rounds.
    pub deadline_factor: f64,
    /// No deadline is longer, the first one included.
    pub deadline_max: Duration,
    /// Share of the expected agents, in (0, 1], without which a round is given up rather than stepped on.
    pub quorum: f64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            min_agents: 1,
            gather: Duration::from_secs(2),
            prepare: Duration::from_secs(120),
            first_deadline: Duration::from_secs(120),
            deadline_floor: Duration::from_secs(5),
            deadline_factor: 3.0,
            deadline_max: Duration::MAX,
            quorum: 0.5,
        }
    }
}

/// When to stop, whichever comes first.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// Steps of the model.
    pub rounds: u64,
    /// Time since the first round, without the time for which a person has paused the job.
    pub time: Option<Duration>,
    /// Steps without a better held-out score; the best model is then restored. With it, the best model is what is kept
    /// however the job ends, unless it diverges.
    pub no_better_for_rounds: Option<u64>,
}
