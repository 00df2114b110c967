//! A range of another agent.

use super::Message;
use crate::limits::{BATCH_SAMPLES_MAX, OFFSET_MAX};
use heijunka_units::{RoundId, Samples};
use serde::{Deserialize, Serialize};

/// A range of the open round's batch whose agent was lost, for one that has answered the round already and still holds
/// its model. It answers with another [`Gradient`](super::Gradient).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The session that is meant.
    pub session: u64,
    /// The round.
    pub round: RoundId,
    /// Digest of the round's model.
    pub digest: u64,
    /// Counts the round's ranges that were handed out: of two the higher one is obeyed.
    pub number: u32,
    /// Where the range begins in the global batch.
    pub offset: u32,
    /// Samples of the range.
    pub samples: Samples,
}

impl Message for Extra {
    fn is_plausible(&self) -> bool {
        (1..=BATCH_SAMPLES_MAX).contains(&self.samples) && self.offset <= OFFSET_MAX
    }
}
