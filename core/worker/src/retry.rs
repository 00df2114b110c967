//! When to announce oneself again: exponential back-off with jitter from a seed.

use core::time::Duration;
use heijunka_units::{SplitMix64, Timestamp};

/// The announcement timer. Doubles its wait from `least` to `most`, each wait drawn from its upper half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    least: Duration,
    most: Duration,
    wait: Duration,
    random: SplitMix64,
    pub(crate) due: Timestamp,
}

impl Retry {
    pub(crate) fn new(least: Duration, most: Duration, seed: u64) -> Self {
        Self { least, most, wait: least, random: SplitMix64::new(seed), due: Timestamp::NEVER }
    }

    /// Progress was made: begin again at the shortest wait.
    pub(crate) fn reset(&mut self, now: Timestamp) {
        self.wait = self.least;
        self.arm(now);
    }

    /// An announcement was made: wait twice as long for the next one.
    pub(crate) fn back_off(&mut self, now: Timestamp) {
        self.arm(now);
        self.wait = self.wait.saturating_mul(2).min(self.most);
    }

    /// An announcement that is due is put off until then.
    pub(crate) fn not_before(&mut self, at: Timestamp) {
        self.due = self.due.max(at);
    }

    pub(crate) fn stop(&mut self) {
        self.due = Timestamp::NEVER;
    }

    fn arm(&mut self, now: Timestamp) {
        let draw = (self.random.next_u64() >> 48) as u32;
        let half = self.wait / 2;
        self.due = now + half + half / 65_536 * draw;
    }
}
