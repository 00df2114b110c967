//! Rare, large delays: what one machine has shown too seldom to judge, all together show.
//!
//! How often a machine is far off is estimated as for exchangeable machines (empirical Bayes, beta-binomial; Efron and
//! Morris, "Data Analysis Using Stein's Estimator", 1975): its own count, and the common rate with the weight of
//! `strength` observations, which the scatter of the machines' rates gives. Without it a machine that happened to show
//! a hiccup lately would get less than one that happened not to.

use super::ratios::{Ratios, strata};
use alloc::vec::Vec;

/// An observation is far off from so many scales above the median on, and at least this as a logarithm.
const FAR_SCALES: f64 = 3.5;
const FAR_MIN: f64 = 0.4;
/// Bounds of the common rate's weight, in observations.
const STRENGTH: (f64, f64) = (4.0, 1000.0);
/// How many sizes stand for all far observations.
const SIZES: usize = 12;

/// What the machines have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tails {
    /// Common rate of far observations.
    rate: f64,
    /// Observations that it counts for.
    strength: f64,
    /// Equally likely ratios of far observations.
    sizes: Vec<f64>,
}

/// The log ratio above which an observation is far off.
fn far(ratios: &Ratios) -> f64 {
    let scale = ratios.scale();
    scale.median + (FAR_SCALES * scale.above).max(FAR_MIN)
}

impl Tails {
    /// Learns from the machines' windows.
    pub(crate) fn learn<'a>(all: impl Iterator<Item = &'a Ratios> + Clone) -> Self {
        let counts = |ratios: &Ratios| {
            let bound = far(ratios);
            (ratios.logs().len() as f64, ratios.logs().iter().filter(|log| **log > bound).count() as f64)
        };
        let (mut seen, mut found, mut machines) = (0.0, 0.0, 0.0_f64);
        for (n, k) in all.clone().map(counts) {
            (seen, found, machines) = (seen + n, found + k, machines + 1.0);
        }
        if found == 0.0 {
            return Self::default();
        }
        let rate = found / seen;
        // Method of moments: what the rates scatter beyond chance.
        let excess: f64 =
            all.clone().map(counts).map(|(n, k)| (k - n * rate) * (k - n * rate) - n * rate * (1.0 - rate)).sum();
        let pairs: f64 = all.clone().map(counts).map(|(n, _)| n * (n - 1.0)).sum();
        let scatter = (excess / pairs.max(1.0)).max(0.0);
        // With few machines chance scatter says little: the estimate is damped towards moderate pooling.
        let strength = (rate * (1.0 - rate) / (scatter + rate * (1.0 - rate) / (64.0 * machines.max(1.0))))
            .clamp(STRENGTH.0, STRENGTH.1);
        let sizes = all.flat_map(|ratios| {
            let bound = far(ratios);
            ratios.logs().iter().filter(move |log| **log > bound).map(|log| (libm::exp(*log), 1.0))
        });
        let mut sizes: Vec<(f64, f64)> = sizes.collect();
        Self { rate, strength, sizes: strata(&mut sizes, SIZES) }
    }

    /// The weighted ratios that a machine's next one is drawn from.
    pub(crate) fn sample(&self, ratios: &Ratios) -> Vec<(f64, f64)> {
        let bound = far(ratios);
        let usual = ratios.logs().iter().filter(|log| **log <= bound).count().max(1) as f64;
        let shared = self.strength * self.rate;
        let more = 1.0 + (self.strength - shared).max(0.0) / usual;
        let own = ratios.logs().iter().map(|log| (libm::exp(*log), if *log <= bound { more } else { 1.0 }));
        let each = shared / self.sizes.len().max(1) as f64;
        own.chain(self.sizes.iter().map(|size| (*size, each))).collect()
    }

    /// The largest log ratio that is not far off.
    pub(crate) fn record(ratios: &Ratios) -> Option<f64> {
        let bound = far(ratios);
        ratios.logs().iter().copied().filter(|log| *log <= bound).reduce(f64::max)
    }
}
