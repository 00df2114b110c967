//! An agent is here.

use super::Message;
use crate::limits::ROWS_MAX;
use heijunka_units::{ModelVersion, SampleCount, Samples};
use serde::{Deserialize, Serialize};

/// An agent reports that it is here and holds data prepared for a spec.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// Random number of this start of the agent.
    pub session: u64,
    /// Oldest protocol version that the agent speaks.
    pub protocol_min: u8,
    /// Newest protocol version that the agent speaks.
    pub protocol_max: u8,
    /// Content hash of the spec that its data are prepared for; 0 asks for the spec.
    pub spec: u64,
    /// Rows to train on.
    pub rows: SampleCount,
    /// Rows held out for scores.
    pub held_out_rows: SampleCount,
    /// Digest of the rows in order: equal digests mean equal data.
    pub data_digest: u64,
    /// Largest share that fits the agent's memory.
    pub samples_max: Samples,
    /// Threads that compute.
    pub threads: u16,
    /// Share of the time in which each of them computes, 1 to 100: the rest is left to the machine's other programs.
    pub cpu_share_percent: u8,
    /// Bytes per second that it sends at most; 0: as many as its link carries.
    pub uplink_bytes_per_s: u32,
    /// Seconds for which it takes no share, because its hours are over; 0: it takes part.
    pub away_s: u32,
    /// Version of the model that it holds whole, in the frame's run: updates of that one are of use to it.
    pub model: Option<ModelVersion>,
}

impl Message for Join {
    fn is_plausible(&self) -> bool {
        let rows = self.rows <= ROWS_MAX && self.held_out_rows <= ROWS_MAX;
        self.protocol_min <= self.protocol_max && rows && (1..=100).contains(&self.cpu_share_percent)
    }
}
