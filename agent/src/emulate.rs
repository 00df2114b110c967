//! Makes this machine seem slower than it is, for trials: the delay model of the fleet files.

use crate::config::Emulate;
use heijunka_units::{RoundId, Samples};
use std::time::Duration;

impl Emulate {
    /// Seconds that `samples` samples shall take in `round`: fixed + per_sample x event factor x samples x noise, noise
    /// = exp(jitter x z) with z normally distributed, the same for the same seed and round.
    pub(crate) fn compute_time(&self, round: RoundId, samples: Samples) -> Duration {
        let fixed = self.fixed.map_or(0.0, |span| span.as_secs_f64());
        let factor: f64 = self
            .events
            .iter()
            .filter(|event| (event.from_round..event.to_round).contains(&round.0))
            .map(|event| event.factor)
            .product();
        let noise = if self.jitter > 0.0 { (self.jitter * self.normal(round)).exp() } else { 1.0 };
        let seconds = fixed + self.per_sample_us * 1e-6 * factor * f64::from(samples) * noise;
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Seconds that the uplink takes for `bytes`.
    pub(crate) fn uplink_time(&self, bytes: usize) -> Duration {
        let Some(bps) = self.uplink_bps else { return Duration::ZERO };
        Duration::try_from_secs_f64(bytes as f64 * 8.0 / bps as f64).unwrap_or_default()
    }

    /// Box and Muller's transform of two draws that depend on seed and round alone.
    fn normal(&self, round: RoundId) -> f64 {
        let mut random = heijunka_learn::random::Random::new(self.seed ^ round.0.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        random.normal()
    }
}
