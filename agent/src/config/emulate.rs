//! `[emulate]`: trials with machines of uneven speed.

use heijunka_settings::{Problem, Span, between};
use serde::Deserialize;

/// `[emulate]`: makes this machine appear slower than it is, for trials.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Emulate {
    /// Added to every share; for example `fixed = "100ms"`
    pub(crate) fixed: Option<Span>,
    /// Added to every sample, in microseconds, 0 to 60e6. `per_sample_us = 0.0`
    pub(crate) per_sample_us: f64,
    /// Standard deviation of the logarithm of the time per sample, 0 to 3. `jitter = 0.0`
    pub(crate) jitter: f64,
    /// Seed of the jitter. `seed = 0`
    pub(crate) seed: u64,
    /// Bits per second that the uplink carries, 1 or more; for example `uplink_bps = 1000000`
    pub(crate) uplink_bps: Option<u64>,
    /// Rounds in which every sample takes longer, by a factor of 0 to 1e6; for example
    /// `events = [{ from_round = 100, to_round = 200, factor = 3.0 }]`
    pub(crate) events: Vec<EmulatedEvent>,
}

/// A stretch of rounds in which every sample takes longer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmulatedEvent {
    /// First round.
    pub(crate) from_round: u64,
    /// First round after it.
    pub(crate) to_round: u64,
    /// The factor.
    pub(crate) factor: f64,
}

impl Emulate {
    /// Checks ranges; the problem's key counts from the section.
    pub(super) fn check(&self) -> Result<(), Problem> {
        between("per_sample_us", self.per_sample_us, 0.0, 60e6)?;
        between("jitter", self.jitter, 0.0, 3.0)?;
        for event in &self.events {
            between("events", event.factor, 0.0, 1e6)?;
        }
        if self.uplink_bps == Some(0) {
            return Err(Problem::new("uplink_bps", "nothing would ever be sent", "leave it out, or write 1000000"));
        }
        Ok(())
    }
}
