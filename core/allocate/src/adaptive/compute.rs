//! How long one machine computes: a level that drifts, jumps that are noticed, and the law of what is left.
//!
//! Page, "Continuous Inspection Schemes", 1954 (CUSUM): with u the log ratio of observed to predicted time in units of
//! its own scale, S+ <- max(0, S+ + u - 3/4), S- <- max(0, S- - u - 3/4); above 5 it is a change. The filters are then
//! opened again at the new level, from what they were at the last unremarkable observation. A change that rests on one
//! observation alone may have been a hiccup: until the next one both levels are planned for.

use super::filter::{Bank, Seen};
use super::persistence::Persistence;
use super::ratios::Ratios;
use core::mem::take;

const DRIFT: f64 = 0.75;
const ALARM: f64 = 5.0;
/// A new level is the mean of at most so many of the observations that led to the alarm.
const LEVEL_OBSERVATIONS: usize = 3;
/// While the scale rests on n observations, so much / (so much + n) is added to the variance of a difference.
const YOUNG: (f64, f64) = (16.0, 4.0);
/// One observation, however far off, says no more than this.
const LIKELIHOOD_EXPONENT_MAX: f64 = 12.0;
/// No smaller change opens the filters again: they follow it by themselves.
const CHANGE_MIN: f64 = 0.1;

/// A level that the machine may have left, or not.
#[derive(Clone, Copy, Debug)]
struct Doubt {
    old: Bank,
    /// The log ratio that raised it.
    log: f64,
}

/// What a machine's computing is known to be like.
#[derive(Clone, Debug)]
pub(crate) struct Compute {
    bank: Bank,
    /// As of the last unremarkable observation.
    snapshot: Bank,
    /// Log ratios to the snapshot since then.
    run: heapless_run::Run,
    ratios: Ratios,
    above: f64,
    below: f64,
    doubt: Option<Doubt>,
}

/// A few last numbers.
mod heapless_run {
    use super::LEVEL_OBSERVATIONS;

    #[derive(Clone, Copy, Debug, Default)]
    pub(crate) struct Run {
        last: [f64; LEVEL_OBSERVATIONS],
        /// All that were pushed.
        pub(crate) count: usize,
    }

    impl Run {
        pub(crate) fn push(&mut self, log: f64) {
            self.last.rotate_left(1);
            if let Some(place) = self.last.last_mut() {
                *place = log;
            }
            self.count += 1;
        }

        /// Mean of the last ones on the side of the very last.
        pub(crate) fn level(&self) -> (f64, usize) {
            let newest = self.last.last().copied().unwrap_or(0.0);
            let known = self.last.iter().rev().take(self.count);
            let same = known.take_while(|log| (**log > newest / 2.0) == (newest > 0.0) && (**log / newest) < 2.0);
            let (sum, count) = same.fold((0.0, 0), |(sum, count), log| (sum + log, count + 1));
            (sum / count.max(1) as f64, count.max(1))
        }
    }
}

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noticed {
    /// Nothing unusual.
    Nothing,
    /// The machine has become slower or faster.
    Slower,
    /// The same, towards faster.
    Faster,
    /// It was a hiccup: the level is the old one.
    Hiccup,
}

impl Compute {
    pub(crate) fn open(n: f64, seconds: f64) -> Self {
        let ratios = Ratios::default();
        let bank = Bank::open(n, seconds, ratios.scale().both());
        Self { bank, snapshot: bank, run: Default::default(), ratios, above: 0.0, below: 0.0, doubt: None }
    }

    pub(crate) fn ratios(&self) -> &Ratios {
        &self.ratios
    }

    pub(crate) fn bank(&self) -> &Bank {
        &self.bank
    }

    /// The level that the machine may not have left after all.
    pub(crate) fn old_level(&self) -> Option<&Bank> {
        self.doubt.as_ref().map(|doubt| &doubt.old)
    }

    /// A round passes without an observation.
    pub(crate) fn unseen(&mut self) {
        self.bank.drift();
    }

    /// Log-likelihood of what is about to be observed: a Laplace law of the log ratio, with a scale on either side. While
    /// the level is in doubt, the mixture of both; `stays` is the new one's probability.
    pub(crate) fn log_likelihood(&self, n: f64, seconds: f64, stays: f64) -> f64 {
        let scale = self.ratios.scale();
        let error = self.bank.uncertainty(n);
        let wide = |side: f64| libm::sqrt(side * side + error * error);
        let (above, below) = (wide(scale.above), wide(scale.below));
        let density = |bank: &Bank| {
            let apart = libm::log(seconds / predicted(bank, n)) - scale.median;
            libm::exp(-(apart / above).max(-apart / below).min(LIKELIHOOD_EXPONENT_MAX)) / (above + below)
        };
        let now = density(&self.bank);
        libm::log(self.doubt.map_or(now, |doubt| stays * now + (1.0 - stays) * density(&doubt.old)))
    }

    /// Takes in what was seen.
    pub(crate) fn observe(&mut self, seen: Seen, detects: bool, persistence: &mut Persistence) -> Noticed {
        let Seen { n, seconds, .. } = seen;
        if let Some(doubt) = self.doubt.take() {
            let apart = |bank: &Bank| libm::fabs(libm::log(seconds / predicted(bank, n)));
            let lasts = apart(&self.bank) <= apart(&doubt.old);
            persistence.note(lasts);
            if !lasts {
                self.bank = doubt.old;
                self.ratios.push(doubt.log);
                self.follow(seen);
                return Noticed::Hiccup;
            }
        }
        let log = libm::log(seconds / predicted(&self.bank, n));
        let scale = self.ratios.scale();
        let units = scale.units(log) * self.trust(n);
        self.above = (self.above + units - DRIFT).max(0.0);
        self.below = (self.below - units - DRIFT).max(0.0);
        if self.above == 0.0 && self.below == 0.0 {
            self.follow(seen);
            self.snapshot = self.bank;
            self.run = Default::default();
            return Noticed::Nothing;
        }
        self.run.push(libm::log(seconds / predicted(&self.snapshot, n)));
        let (level, count) = self.run.level();
        let alarm = (self.above > ALARM || self.below > ALARM) && libm::fabs(level - scale.median) > CHANGE_MIN;
        if !(alarm && detects) {
            self.follow(seen);
            return Noticed::Nothing;
        }
        self.change(level - scale.median, count, log)
    }

    /// Opens the filters again, `level` (as a logarithm) from the snapshot.
    fn change(&mut self, level: f64, count: usize, log: f64) -> Noticed {
        let run = take(&mut self.run);
        self.ratios.forget_last(run.count - 1);
        let scale = self.ratios.scale().both() / libm::sqrt(count as f64);
        let old = self.snapshot;
        self.bank = old.rescaled(libm::exp(level), scale);
        self.snapshot = self.bank;
        (self.above, self.below) = (0.0, 0.0);
        self.doubt = (run.count == 1).then_some(Doubt { old, log });
        if level > 0.0 { Noticed::Slower } else { Noticed::Faster }
    }

    /// Of a difference, the part that is the machine's noise rather than the estimate's error: while little has been
    /// seen, or where the share is far from those seen before, differences mean less.
    fn trust(&self, n: f64) -> f64 {
        let (noise, error) = (self.ratios.scale().both(), self.bank.uncertainty(n));
        let young = YOUNG.0 / (YOUNG.1 + self.ratios.logs().len() as f64);
        1.0 / libm::sqrt(1.0 + young + error * error / (noise * noise))
    }

    /// A time that is known only to be longer than `seconds` describes the law's tail, not the level.
    pub(crate) fn observe_late(&mut self, seconds: f64) {
        let log = libm::log(seconds / predicted(&self.bank, 1.0));
        if log > self.ratios.scale().median {
            self.ratios.push(log);
        }
    }

    fn follow(&mut self, seen: Seen) {
        let Seen { n, seconds, .. } = seen;
        let trust = self.trust(n).min(1.0);
        self.ratios.push(libm::log(seconds / predicted(&self.bank, n)) * trust);
        self.bank.observe(seen, self.ratios.scale().both());
    }
}

fn predicted(bank: &Bank, n: f64) -> f64 {
    let (a, b) = bank.line();
    (a + b * n).max(1e-9)
}
