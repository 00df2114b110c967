//! What a round was like, how a job ended, and what was counted.

use crate::rejected::Rejections;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use heijunka_judge::Summary;
use heijunka_units::{AgentId, ModelVersion, RoundId, Samples};
use heijunka_wire::Purpose;
use heijunka_wire::document::Scores;

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything that was asked for was answered: by every expected agent, or in place of those that were lost.
    Full,
    /// Stepped on what had arrived: the deadline passed, or agents left.
    Partial,
    /// Not enough had arrived: no step was taken, the same samples are asked for again.
    GivenUp,
}

/// One agent's part of a round.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentRound {
    /// Who.
    pub agent: AgentId,
    /// Samples asked for.
    pub assigned: Samples,
    /// Samples delivered; 0 if nothing arrived in time.
    pub samples: Samples,
    /// Samples of its range that others computed in its place.
    pub reissued: Samples,
    /// Seconds from the round's publication to the whole answer, on the aggregator's clock.
    pub total_s: f64,
    /// Seconds that the agent computed, on its own clock.
    pub compute_s: f64,
    /// Seconds that the agent had the round in hand, on its own clock.
    pub own_s: f64,
}

/// A round that has been closed.
#[derive(Clone, Debug, PartialEq)]
pub struct RoundRecord {
    /// Number of the round among all that were published, scorings and repeated ones included.
    pub round: RoundId,
    /// What was asked for.
    pub purpose: Purpose,
    /// How it ended.
    pub ending: Ending,
    /// Version of the model after the round.
    pub model: ModelVersion,
    /// Seconds from publication to closing.
    pub seconds: f64,
    /// Seconds from publication after which the round would be closed whatever had arrived.
    pub deadline_s: f64,
    /// Seconds since the previous round's closing that passed before this one was published, and its model had left.
    pub between_s: f64,
    /// Estimated seconds with equal shares, from the measured times.
    pub equal_s: f64,
    /// Mean loss of the samples (training).
    pub loss: Option<f64>,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Samples that entered the step.
    pub samples: Samples,
    /// Those of them that others computed in place of agents that were lost.
    pub reissued_samples: Samples,
    /// The agents that were expected, in the order of their names.
    pub agents: Vec<AgentRound>,
    /// Bytes of the round's frames, counted once for each expected agent.
    pub bytes_down: u64,
    /// Bytes of the answers' frames.
    pub bytes_up: u64,
    /// Why the shares moved before this round, if they did.
    pub moved: Option<String>,
    /// Scores of the held-out rows (scoring).
    pub scores: Option<Scores>,
    /// The figures that they make.
    pub summary: Option<Summary>,
}

impl RoundRecord {
    /// The round as people count them: by the steps of the model, as `max_rounds` does. One that was given up has the number of
    /// the one that repeats it, a scoring that of the round whose model it scores.
    pub fn number(&self) -> u64 {
        let in_vain = self.purpose == Purpose::Train && self.ending == Ending::GivenUp;
        self.model.0 + u64::from(in_vain)
    }
}

/// What became of the answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Whole answers that counted.
    pub accepted: u64,
    /// Chunks that had been there already.
    pub duplicate: u64,
    /// Chunks of rounds that were closed, and of ranges that others had computed meanwhile: their timing counts.
    pub late: u64,
    /// Messages that were not accepted, by the reason.
    pub rejected: Rejections,
    /// Messages of other runs.
    pub stale: u64,
    /// Rounds given up.
    pub given_up: u64,
    /// Rounds published again because an agent had lost them.
    pub repeated: u64,
    /// Whole models that were sent to a single agent that lacked the one before.
    pub snapshots: u64,
    /// Probes answered: their timing counts.
    pub probes: u64,
    /// Ranges, or parts of them, that were computed in place of an agent that was lost.
    pub reissued: u64,
}

/// Why a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The last round was reached.
    Rounds,
    /// The time was used up.
    Time,
    /// The held-out score got no better; the best model was restored.
    NoBetter,
    /// A person asked to stop.
    Stopped,
    /// A parameter was no longer a finite number; the last finite model was kept.
    Diverged,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rounds => "all rounds are done",
            Self::Time => "the time is used up",
            Self::NoBetter => "the held-out score got no better, the best model was restored",
            Self::Stopped => "it was asked to stop",
            Self::Diverged => "the model diverged, the last finite one was kept; event HJ-150 says what to do",
        })
    }
}
