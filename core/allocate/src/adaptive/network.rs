//! How long one machine's messages travel: a level, and bursts that may last.

use super::persistence::Chain;
use super::ratios::{Ratios, WINDOW};
use alloc::vec::Vec;

/// Shorter travel times count as equal.
const SECONDS_MIN: f64 = 1e-6;
/// Part of an unexpected difference that the level takes over.
const FOLLOWS: f64 = 0.03;
/// A difference beyond so many scales counts as this many.
const CLIP: f64 = 2.5;
/// Log ratio from which on it is a burst: almost twice the usual time.
const BURST: f64 = 0.6;
/// So many observations in a row far above the level, or so many far below it, are a new level. Bursts go up: what is
/// far below, and beyond so many scales, is seldom chance.
const SHIFT_OBSERVATIONS: (usize, usize) = (8, 2);
const SUNKEN_SCALES: f64 = 4.0;

/// What a machine's network is known to be like.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Logarithm of the usual seconds.
    level: f64,
    ratios: Ratios,
    /// Log ratios that followed a usual round, and their like.
    after_usual: Ratios,
    /// Log ratios of the last burst-like or sunken observations, all on one side.
    aside: Vec<f64>,
    seen: u32,
    pub(crate) in_burst: bool,
}

impl Network {
    pub(crate) fn open(seconds: f64) -> Self {
        let level = libm::log(seconds.max(SECONDS_MIN));
        Self {
            level,
            ratios: Ratios::default(),
            after_usual: Ratios::default(),
            aside: Vec::new(),
            seen: 1,
            in_burst: false,
        }
    }

    /// Usual seconds.
    pub(crate) fn usual_s(&self) -> f64 {
        libm::exp(self.level)
    }

    pub(crate) fn ratios(&self) -> &Ratios {
        &self.ratios
    }

    pub(crate) fn after_usual(&self) -> &Ratios {
        &self.after_usual
    }

    /// Log ratio of `seconds` to the usual.
    pub(crate) fn log_ratio(&self, seconds: f64) -> f64 {
        libm::log(seconds.max(SECONDS_MIN)) - self.level
    }

    /// Takes in `seconds`, of whose log ratio `common` was everybody's in that round: a busy broker delays all, and
    /// makes none the slowest. `bursts` gathers what follows bursts, over all machines.
    pub(crate) fn observe(&mut self, seconds: f64, common: f64, chain: &mut Chain, bursts: &mut Vec<f64>) {
        let raw = self.log_ratio(seconds);
        let log = raw - common;
        let is_burst = log > BURST;
        chain.note(self.in_burst, is_burst);
        if self.in_burst {
            if bursts.len() == WINDOW {
                bursts.remove(0);
            }
            bursts.push(log);
        } else {
            self.after_usual.push(log);
        }
        self.ratios.push(log);
        self.in_burst = is_burst;
        self.seen = self.seen.saturating_add(1);
        let scale = self.ratios.scale();
        let follows = FOLLOWS.max(1.0 / f64::from(self.seen));
        self.level += follows * raw.clamp(-CLIP * scale.below, CLIP * scale.above);
        if self.seen < SHIFT_OBSERVATIONS.0 as u32 && log < -BURST {
            // It was opened in a burst: delays are skewed upwards.
            self.level += log;
        }
        self.note_shift(log);
    }

    fn note_shift(&mut self, log: f64) {
        let same_side = self.aside.last().is_none_or(|last| (*last > 0.0) == (log > 0.0));
        let sunken = -(SUNKEN_SCALES * self.ratios.scale().below).max(BURST);
        let is_aside = log > BURST || log < sunken;
        if !is_aside || !same_side {
            self.aside.clear();
        }
        if is_aside {
            self.aside.push(log);
        }
        let enough = if log > 0.0 { SHIFT_OBSERVATIONS.0 } else { SHIFT_OBSERVATIONS.1 };
        if self.aside.len() >= enough {
            self.level += self.aside.iter().sum::<f64>() / self.aside.len() as f64;
            self.aside.clear();
            self.after_usual = Ratios::default();
            self.ratios = Ratios::default();
            self.in_burst = false;
        }
    }
}
