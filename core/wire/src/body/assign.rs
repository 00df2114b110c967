//! An agent's share of the coming rounds, or why it gets none.

use super::Message;
use crate::limits::{BATCH_SAMPLES_MAX, OFFSET_MAX};
use heijunka_units::{AllocationVersion, Codec, RoundId, Samples};
use serde::{Deserialize, Serialize};

/// What an agent's [`Join`](super::Join) leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assign {
    /// It takes part.
    Share(Share),
    /// It does not.
    Refused(Refused),
}

/// An agent's share of the coming rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The session that is meant.
    pub session: u64,
    /// The spec that the share is of.
    pub spec: u64,
    /// The division that this share belongs to.
    pub version: AllocationVersion,
    /// Samples per round.
    pub samples: Samples,
    /// Where its slice begins in the global batch (shared data).
    pub offset: u32,
    /// The samples are computed for their timing alone: they do not count, and no round waits for them.
    pub probe: bool,
    /// What the agent's network is expected to take of a round, there and back, in microseconds; 0 if unknown.
    pub network_us: u32,
    /// How the agent writes its gradients.
    pub codec: Codec,
    /// First held-out row to score.
    pub held_out_offset: u32,
    /// How many held-out rows to score.
    pub held_out_rows: u32,
    /// The last range of which a step was taken without what it was asked of this agent.
    pub untaken: Option<Untaken>,
}

/// A range that entered no step: neither the agent's answer nor that of another agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untaken {
    /// The round.
    pub round: RoundId,
    /// Where the range begins in the round's batch.
    pub offset: u32,
}

/// An agent may not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The session that is meant.
    pub session: u64,
    /// The spec that it wanted to take part in.
    pub spec: u64,
    /// The division at that time: a share of a later one takes the refusal back.
    pub version: AllocationVersion,
    /// Why.
    pub why: Refusal,
}

/// Why an agent may not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No common protocol version.
    Protocol,
    /// Shared data, but this agent's rows differ from the others'.
    DifferentData,
    /// No rows to train on.
    NoRows,
    /// The job has as many agents as it may.
    Full,
}

impl Assign {
    /// The session that is meant.
    pub fn session(&self) -> u64 {
        match self {
            Self::Share(share) => share.session,
            Self::Refused(refused) => refused.session,
        }
    }

    /// The spec that is meant.
    pub fn spec(&self) -> u64 {
        match self {
            Self::Share(share) => share.spec,
            Self::Refused(refused) => refused.spec,
        }
    }

    /// The division that it belongs to.
    pub fn version(&self) -> AllocationVersion {
        match self {
            Self::Share(share) => share.version,
            Self::Refused(refused) => refused.version,
        }
    }

    /// The share, if the agent takes part.
    pub fn share(&self) -> Option<Share> {
        if let Self::Share(share) = self { Some(*share) } else { None }
    }

    /// Why the agent may not take part, if it may not.
    pub fn refusal(&self) -> Option<Refusal> {
        if let Self::Refused(refused) = self { Some(refused.why) } else { None }
    }
}

impl Message for Assign {
    fn is_plausible(&self) -> bool {
        self.share().is_none_or(|share| {
            let untaken = share.untaken.is_none_or(|untaken| untaken.offset <= OFFSET_MAX);
            share.samples <= BATCH_SAMPLES_MAX && share.offset <= OFFSET_MAX && untaken
        })
    }
}
