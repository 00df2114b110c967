//! What is known of one machine.

use super::compute::{Compute, Noticed};
use super::filter::Seen;
use super::law::{Common, Law};
use super::network::Network;
use super::persistence::{Chain, Persistence};
use super::rivals::Rivals;
use crate::Observation;
use alloc::vec::Vec;
use heijunka_units::Samples;

/// Times are taken to be in this range, so that quotients and logarithms stay finite.
const TIME_RANGE_S: (f64, f64) = (1e-6, 1e6);
/// So many probes of a machine that sits out follow each other at once; then the pauses double, up to so many rounds.
const PROBES_AT_ONCE: u32 = 8;
const PROBE_PAUSE_MAX: u64 = 64;
/// A probe that takes less than this part of the expected time is a surprise.
const SURPRISE: f64 = 0.6;
/// A level within this log ratio of the usual one is the usual one.
const USUAL: f64 = 0.2;

/// Weight of an observation in what is usual, at least.
const USED_TO: f64 = 0.02;

/// Estimates of one machine, and since when it has been what it is.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    compute: Rivals,
    pub(crate) network: Network,
    /// Round of the last observation.
    seen: u64,
    /// (a, b) as it mostly was while nothing was unusual, and the observations that made it.
    usual: (f64, f64),
    observed: u32,
    /// Log ratio of the present level to the usual one, and the round since which it is unusual.
    level: f64,
    unusual_since: Option<u64>,
    /// Probes since it sits out, and the round of the next one.
    probes: u32,
    probe_next: u64,
    /// Round in which a probe was asked for that has not been answered.
    probe_out: Option<u64>,
}

/// Under which circumstances an observation was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    /// The round that it is of.
    pub(crate) of: u64,
    /// The present round.
    pub(crate) round: u64,
    /// The clock ended it, not the share.
    pub(crate) stopped: bool,
    /// Log ratio of travelling that all machines had in common.
    pub(crate) common: f64,
}

/// What all machines teach together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lessons {
    pub(crate) persistence: Persistence,
    pub(crate) chain: Chain,
    pub(crate) after_burst: Vec<f64>,
}

/// Seconds of computing and of travelling, if the observation makes sense.
fn parts(seen: &Observation) -> Option<(f64, f64)> {
    let sound = seen.samples > 0 && seen.total_s.is_finite() && seen.total_s > 0.0 && seen.compute_s.is_finite();
    sound.then(|| {
        let compute = seen.compute_s.clamp(TIME_RANGE_S.0, TIME_RANGE_S.1);
        (compute, (seen.total_s - compute).clamp(TIME_RANGE_S.0, TIME_RANGE_S.1))
    })
}

impl Machine {
    pub(crate) fn open(seen: &Observation, round: u64) -> Option<Self> {
        let (compute, travel) = parts(seen)?;
        Some(Self {
            compute: Rivals::open(f64::from(seen.samples), compute),
            network: Network::open(travel),
            seen: round,
            usual: (0.0, 0.0),
            observed: 0,
            level: 0.0,
            unusual_since: None,
            probes: 0,
            probe_next: 0,
            probe_out: None,
        })
    }

    /// Log ratio of the observed travelling to the usual.
    pub(crate) fn travel_log_ratio(&self, seen: &Observation) -> Option<f64> {
        parts(seen).filter(|_| !seen.late).map(|(_, travel)| self.network.log_ratio(travel))
    }

    /// Takes in an observation, made as `when` says. Whether it is a reason to divide again at once.
    pub(crate) fn observe(&mut self, seen: &Observation, when: When, detects: bool, lessons: &mut Lessons) -> bool {
        let When { of, round, stopped, common } = when;
        let Some((compute, travel)) = parts(seen) else { return false };
        self.seen = of;
        self.probe_out = None;
        if seen.late {
            self.compute.observe_late(compute);
            return true;
        }
        let (usual_travel_s, was_burst) = (self.network.usual_s(), self.network.in_burst);
        self.network.observe(travel, common, &mut lessons.chain, &mut lessons.after_burst);
        let n = f64::from(seen.samples);
        let before = self.seconds(n);
        if seen.total_s < SURPRISE * (before + usual_travel_s) {
            // Something has changed for the better: look again at once.
            (self.probes, self.probe_next) = (0, 0);
        }
        let noticed = self.compute.observe(Seen { n, seconds: compute, stopped }, detects, &mut lessons.persistence);
        if noticed != Noticed::Nothing && self.observed > 0 {
            self.level = libm::log(self.seconds(n) / (self.usual.0 + self.usual.1 * n).max(1e-12));
            self.unusual_since = (libm::fabs(self.level) > USUAL).then(|| self.unusual_since.unwrap_or(round));
        }
        if self.unusual_since.is_none() {
            self.grow_used();
        }
        noticed != Noticed::Nothing || self.network.in_burst != was_burst || self.compute().old_level().is_some()
    }

    /// What it is now becomes a little more of what is usual.
    fn grow_used(&mut self) {
        self.observed = self.observed.saturating_add(1);
        let newest = (1.0 / f64::from(self.observed)).max(USED_TO);
        let (a, b) = self.compute().bank().line();
        self.usual.0 += newest * (a - self.usual.0);
        self.usual.1 += newest * (b - self.usual.1);
    }

    /// The round of the last observation.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// The account of its computing that leads.
    pub(crate) fn compute(&self) -> &Compute {
        self.compute.leading()
    }

    fn seconds(&self, n: f64) -> f64 {
        let (a, b) = self.compute().bank().line();
        (a + b * n).max(1e-12)
    }

    /// A round went by in which it was not observed.
    pub(crate) fn unseen(&mut self) {
        self.compute.unseen();
    }

    pub(crate) fn law(&self, common: &Common<'_>, round: u64, turn: usize, scenarios: usize) -> Law {
        let lag = u32::try_from(round.saturating_sub(self.seen)).unwrap_or(u32::MAX).max(1);
        Law::new(self.compute(), &self.network, common, lag, turn, scenarios)
    }

    /// Whether it is slower (or, if negative, faster) than usual, and since when.
    pub(crate) fn unusual(&self) -> Option<(f64, u64)> {
        self.unusual_since.map(|since| (self.level, since))
    }

    /// Whether it has yet to answer a probe: it is slow, and would be late for a round as well.
    pub(crate) fn is_probing(&self, round: u64) -> bool {
        self.probe_out.is_some_and(|out| round < out + PROBE_PAUSE_MAX)
    }

    /// Takes note of its share; says how many samples to probe it with if it sits out.
    pub(crate) fn probe(&mut self, share: Samples, round: u64, size: Samples) -> Samples {
        if share > 0 {
            (self.probes, self.probe_next, self.probe_out) = (0, 0, None);
            return 0;
        }
        if self.is_probing(round) {
            return size;
        }
        if round < self.probe_next {
            return 0;
        }
        self.probe_out = Some(round);
        let doublings = self.probes.saturating_sub(PROBES_AT_ONCE).min(6);
        self.probe_next = round + (1 << doublings).min(PROBE_PAUSE_MAX);
        self.probes = self.probes.saturating_add(1);
        size
    }
}
