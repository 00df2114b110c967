//! An agent's answer to a round that trains.

use super::Message;
use crate::assembly::Part;
use crate::limits::{BATCH_SAMPLES_MAX, OFFSET_MAX};
use heijunka_units::{AllocationVersion, Codec, RoundId, Samples};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Times on the worker's own monotonic clock, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// From the round's first chunk to the beginning of the computation.
    pub decode_us: u32,
    /// The computation.
    pub compute_us: u32,
    /// From the end of the computation to the sending of this chunk.
    pub encode_us: u32,
}

/// Room for what a later program says: one byte that is 0. Any other value is refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reserved;

impl Serialize for Reserved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(0)
    }
}

impl<'de> Deserialize<'de> for Reserved {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Self),
            _ => Err(serde::de::Error::custom("reserved")),
        }
    }
}

/// A share's mean gradient. The payload is a chunk of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gradient {
    /// The round that it answers.
    pub round: RoundId,
    /// The division that it was computed under.
    pub allocation: AllocationVersion,
    /// The agent's session: chunks of two sessions never mix.
    pub session: u64,
    /// Where its range begins in the global batch: that of the agent's share, or of an [`Extra`](super::Extra).
    pub offset: u32,
    /// Samples really processed; the gradient is their mean.
    pub samples: Samples,
    /// Sum of the samples' losses. `None` if loss or gradient is not finite: the payload is then empty.
    pub loss_sum: Option<f64>,
    /// The worker's own times.
    pub durations: Durations,
    /// How the payload is written.
    pub codec: Codec,
    /// Room for further ranges that the gradient covers.
    pub ranges: Reserved,
    /// Room for the noise of the gradient.
    pub noise: Reserved,
    /// Which chunk of the gradient this is.
    pub part: Part,
}

/// Whether a payload of that codec has a length that it can have.
pub(super) fn whole_numbers(codec: Codec, part: Part) -> bool {
    codec != Codec::Float32 || part.total_bytes.is_multiple_of(4)
}

impl Message for Gradient {
    fn part(&self) -> Option<Part> {
        Some(self.part)
    }

    fn is_plausible(&self) -> bool {
        let range = (1..=BATCH_SAMPLES_MAX).contains(&self.samples) && self.offset <= OFFSET_MAX;
        let loss = self.loss_sum.map_or(self.part.total_bytes == 0, f64::is_finite);
        range && loss && whole_numbers(self.codec, self.part)
    }
}
