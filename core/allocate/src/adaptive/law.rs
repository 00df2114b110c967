//! The law of an agent's time in the coming round, as equally likely scenarios of time = intercept + slope x samples.

use super::compute::Compute;
use super::network::Network;
use super::persistence::{Chain, Persistence};
use super::ratios::{Ratios, strata};
use super::tails::Tails;
use crate::Announced;
use alloc::vec;
use alloc::vec::Vec;

/// Log ratios that are added while few have been seen: a normal law's quintiles, of the scale known so far.
const PRIOR_UNITS: [f64; 5] = [-1.28, -0.52, 0.0, 0.52, 1.28];
/// How many observations the prior counts for, and when it is gone.
const PRIOR_WEIGHT: f64 = 5.0;
const PRIOR_GONE: usize = 40;

/// What all agents have taught.
#[derive(Debug)]
pub(crate) struct Common<'a> {
    pub(crate) persistence: &'a Persistence,
    pub(crate) chain: &'a Chain,
    /// Rare, large ratios of computing, of travelling, and of travelling after a usual round.
    pub(crate) tails: &'a [Tails; 3],
    /// Log ratios that followed a burst, of all machines.
    pub(crate) after_burst: &'a [f64],
    /// Whether the law depends on what was last seen.
    pub(crate) regimes: bool,
    /// Whether the law is more than its mean.
    pub(crate) scatter: bool,
}

/// Scenarios of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Law {
    /// Seconds whatever the share: network and fixed.
    pub(crate) intercepts: Vec<f64>,
    /// Seconds a sample.
    pub(crate) slopes: Vec<f64>,
    /// Of the intercept, what the network takes.
    pub(crate) travels: Vec<f64>,
}

impl Law {
    /// `scenarios` equally likely scenarios. `turn` makes agents' pairings differ. `lag`: rounds since it was last seen.
    pub(crate) fn new(
        compute: &Compute,
        network: &Network,
        common: &Common<'_>,
        lag: u32,
        turn: usize,
        scenarios: usize,
    ) -> Self {
        let ratios = strata(&mut compute_sample(compute.ratios(), &common.tails[0]), scenarios);
        let mut travels = travel_sample(network, common, lag);
        let usual_s = network.usual_s();
        let travels: Vec<f64> = strata(&mut travels, scenarios).into_iter().map(|ratio| ratio * usual_s).collect();
        let (a, b) = compute.bank().line();
        // Until the next observation, a level that one observation has raised may be the old one still.
        let old = compute.old_level().filter(|_| common.regimes).map(|bank| bank.line());
        let stays = common.persistence.probability();
        let olds = old.map_or(0, |_| libm::round((1.0 - stays) * scenarios as f64) as usize);
        let empty = || Vec::with_capacity(scenarios);
        let mut law = Self { intercepts: empty(), slopes: empty(), travels: empty() };
        for (index, ratio) in ratios.iter().enumerate() {
            // Fixed and different strides pair the scenarios of computing and travelling as if independent.
            let travel = travels.get(shuffled(index, turn, scenarios)).copied().unwrap_or(usual_s);
            let is_old = shuffled(index, turn + 3, scenarios) < olds;
            let (a, b) = old.filter(|_| is_old).unwrap_or((a, b));
            law.intercepts.push(travel + ratio * a);
            law.slopes.push(ratio * b);
            law.travels.push(travel);
        }
        if common.scatter { law } else { law.mean_only() }
    }

    fn mean_only(&self) -> Self {
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len().max(1) as f64;
        let [intercept, slope, travel] = [&self.intercepts, &self.slopes, &self.travels].map(|all| mean(all));
        Self { intercepts: vec![intercept], slopes: vec![slope], travels: vec![travel] }
    }

    /// The law of a machine of which only `own` limits are known, if this one is of a machine with the limits `its`.
    pub(crate) fn announced(&self, its: Announced, own: Announced) -> Self {
        if own == its {
            return self.clone();
        }
        let slower = own.slower_than(its);
        let more_s = own.uplink_s() - its.uplink_s();
        let travel = |travel: &f64| (travel + more_s).max(own.uplink_s());
        let travels: Vec<f64> = self.travels.iter().map(travel).collect();
        let starts = self.intercepts.iter().zip(&self.travels).map(|(intercept, travel)| (intercept - travel) * slower);
        Self {
            intercepts: starts.zip(&travels).map(|(start, travel)| start + travel).collect(),
            slopes: self.slopes.iter().map(|slope| slope * slower).collect(),
            travels,
        }
    }

    /// The law of times that no share changes.
    pub(crate) fn at(seconds: Vec<f64>) -> Self {
        Self { slopes: vec![0.0; seconds.len()], travels: vec![0.0; seconds.len()], intercepts: seconds }
    }

    /// Seconds that `n` samples take, by scenario.
    pub(crate) fn seconds(&self, n: f64) -> impl Iterator<Item = f64> {
        self.intercepts.iter().zip(&self.slopes).map(move |(intercept, slope)| intercept + slope * n)
    }

    /// Mean and standard deviation.
    pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
        let count = values.len().max(1) as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
        (mean, libm::sqrt(variance))
    }
}

/// A permutation of 0..count that depends on `turn`; count is a power of two times three or less.
fn shuffled(index: usize, turn: usize, count: usize) -> usize {
    const STRIDES: [usize; 6] = [5, 7, 11, 13, 19, 23];
    let stride = STRIDES.get(turn % STRIDES.len()).copied().unwrap_or(5);
    (index * stride + turn) % count.max(1)
}

/// Ratios with weights, and a prior while there are few.
fn sample(ratios: &Ratios, tails: &Tails) -> Vec<(f64, f64)> {
    let mut sample = tails.sample(ratios);
    let missing = PRIOR_GONE.saturating_sub(ratios.logs().len()) as f64 / PRIOR_GONE as f64;
    let weight = missing * PRIOR_WEIGHT / PRIOR_UNITS.len() as f64;
    if weight > 0.0 {
        let scale = ratios.scale().both();
        sample.extend(PRIOR_UNITS.map(|units| (libm::exp(units * scale), weight)));
    }
    sample
}

/// One in n + 1 of exchangeable observations is a record: it is taken to be one scale beyond the last record, so that
/// the tail of a skewed law is not underrated while little of it has been seen.
fn compute_sample(ratios: &Ratios, tails: &Tails) -> Vec<(f64, f64)> {
    let mut sample = sample(ratios, tails);
    if let Some(record) = Tails::record(ratios) {
        sample.push((libm::exp(record + ratios.scale().above), 1.0));
    }
    sample
}

fn travel_sample(network: &Network, common: &Common<'_>, lag: u32) -> Vec<(f64, f64)> {
    let [_, any, usual] = common.tails;
    let all = sample(network.ratios(), any);
    let memory = if common.regimes { common.chain.memory() } else { 0.0 };
    if memory == 0.0 {
        return all;
    }
    // After several unseen rounds the chain has forgotten part of where it was.
    let known = libm::pow(memory, f64::from(lag.saturating_sub(1)));
    let now = if network.in_burst {
        common.after_burst.iter().map(|log| (libm::exp(*log), 1.0)).collect()
    } else {
        sample(network.after_usual(), usual)
    };
    let mut sample = scaled(now, known);
    sample.extend(scaled(all, 1.0 - known));
    sample
}

/// The weights scaled to the sum `total`.
fn scaled(mut sample: Vec<(f64, f64)>, total: f64) -> Vec<(f64, f64)> {
    let sum: f64 = sample.iter().map(|(_, weight)| weight).sum();
    for (_, weight) in &mut sample {
        *weight *= if sum > 0.0 { total / sum } else { 0.0 };
    }
    sample
}
