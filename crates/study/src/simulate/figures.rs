//! The figures of a simulation.

use super::run::{Decided, Setup, Simulated};
use heijunka_allocate::PolicyName;
use serde::Serialize;

/// Rounds in which a policy learns the fleet, and which some figures leave out.
pub(crate) const WARMUP_ROUNDS: usize = 50;

/// What is compared. Figures without the first rounds are none if there are no others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    #[serde(skip)]
    name: PolicyName,
    pub(crate) mean_s: f64,
    pub(crate) mean_after_50_s: Option<f64>,
    pub(crate) p95_s: f64,
    pub(crate) reallocations: u64,
    pub(crate) samples_mean: f64,
    /// Seconds for as many samples as a whole batch has.
    pub(crate) seconds_per_batch: f64,
    pub(crate) seconds_per_batch_after_50: Option<f64>,
    /// Rounds that ran into their deadline.
    pub(crate) overdue_rounds: u64,
    /// Why shares were moved.
    pub(crate) decisions: Vec<Decided>,
    /// What the policy expects of each agent in the end.
    pub(crate) outlooks: Vec<String>,
}

impl Figures {
    pub(crate) fn new(simulated: &Simulated, setup: &Setup) -> Self {
        let seconds_after = simulated.seconds.get(WARMUP_ROUNDS..).unwrap_or(&[]);
        let samples_after = simulated.samples.get(WARMUP_ROUNDS..).unwrap_or(&[]);
        let has_later = !seconds_after.is_empty();
        Self {
            name: simulated.policy,
            mean_s: mean(&simulated.seconds),
            mean_after_50_s: has_later.then(|| mean(seconds_after)),
            p95_s: p95(&simulated.seconds),
            reallocations: simulated.reallocations,
            samples_mean: samples(&simulated.samples) / simulated.samples.len().max(1) as f64,
            seconds_per_batch: per_batch(&simulated.seconds, &simulated.samples, setup.batch_samples),
            seconds_per_batch_after_50: has_later.then(|| per_batch(seconds_after, samples_after, setup.batch_samples)),
            overdue_rounds: simulated.overdue,
            decisions: simulated.decisions.clone(),
            outlooks: simulated.outlooks.clone(),
        }
    }

    pub(crate) fn policy(&self) -> &'static str {
        self.name.as_str()
    }

    /// Seconds for the samples of a batch once the fleet is known, or over all rounds if they are few.
    pub(crate) fn settled_s(&self) -> f64 {
        self.seconds_per_batch_after_50.unwrap_or(self.seconds_per_batch)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn samples(values: &[u32]) -> f64 {
    values.iter().map(|value| f64::from(*value)).sum()
}

fn per_batch(seconds: &[f64], samples: &[u32], batch_samples: u32) -> f64 {
    seconds.iter().sum::<f64>() * f64::from(batch_samples) / self::samples(samples).max(1.0)
}

/// The value that nineteen of twenty do not exceed.
fn p95(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (0.95 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}
