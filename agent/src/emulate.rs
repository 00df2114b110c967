//! Makes this machine seem slower than it is, for trials: the delay model of the fleet files.

use crate::config::Emulate;
use heijunka_units::{RoundId, Samples};
use std::time::Duration;

impl Emulate {
    /// Seconds that `samples` samples shall take in `round`: fixed + per_sample x event factor x samples x noise, noise
    /// = exp(jitter x z) with z normally distributed, the same for the same seed and round.
    pub(crate) fn compute_time(&self, round: RoundId, samples: Samples) -> Duration {
        let seconds = self.fixed_seconds() + self.sample_seconds(round) * f64::from(samples);
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// How many of `samples` samples fit into that time, at least one.
    pub(crate) fn samples_within(&self, round: RoundId, samples: Samples, limit: Option<Duration>) -> Samples {
        let Some(limit) = limit else { return samples };
        let fit = (limit.as_secs_f64() - self.fixed_seconds()) / self.sample_seconds(round);
        // Nothing emulated and no time left fits a number that is none.
        if fit.is_nan() { samples } else { samples.min(fit.max(1.0) as Samples) }
    }

    fn fixed_seconds(&self) -> f64 {
        self.fixed.map_or(0.0, |span| span.as_secs_f64())
    }

    fn sample_seconds(&self, round: RoundId) -> f64 {
        let factor: f64 = self
            .events
            .iter()
            .filter(|event| (event.from_round..event.to_round).contains(&round.0))
            .map(|event| event.factor)
            .product();
        let noise = if self.jitter > 0.0 { (self.jitter * self.normal(round)).exp() } else { 1.0 };
        self.per_sample_us * 1e-6 * factor * noise
    }

    /// Box and Muller's transform of two draws that depend on seed and round alone.
    fn normal(&self, round: RoundId) -> f64 {
        let mut random = heijunka_units::SplitMix64::new(self.seed ^ round.0.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        random.normal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_into_a_time_takes_no_longer() {
        let emulate = Emulate { per_sample_us: 250.0, jitter: 0.5, seed: 3, ..Emulate::default() };
        for round in (0..50).map(RoundId) {
            let limit = Duration::from_millis(7);
            let samples = emulate.samples_within(round, 10_000, Some(limit));
            assert!((2..500).contains(&samples), "{samples}");
            assert!(emulate.compute_time(round, samples) <= limit + Duration::from_nanos(1));
            assert!(emulate.compute_time(round, samples + 1) > limit);
        }
        let round = RoundId(1);
        assert_eq!(emulate.samples_within(round, 3, Some(Duration::from_secs(1))), 3);
        assert_eq!(emulate.samples_within(round, 3, Some(Duration::ZERO)), 1);
        assert_eq!(emulate.samples_within(round, 10_000, None), 10_000);
        assert_eq!(Emulate::default().samples_within(round, 9, Some(Duration::from_secs(1))), 9);
    }
}
