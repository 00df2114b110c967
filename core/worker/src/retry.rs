//! When to announce oneself again: exponential back-off with jitter from a seed.

use core::time::Duration;
use heijunka_units::{SplitMix64, Timestamp};

/// Shortest and longest wait between two announcements.
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(30);

/// The announcement timer. Doubles its wait from [`LEAST`] to [`MOST`], each wait drawn from its upper half.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retry {
    wait: Duration,
    random: SplitMix64,
    due: Timestamp,
}

impl Retry {
    pub(crate) fn new(seed: u64) -> Self {
        Self { wait: LEAST, random: SplitMix64::new(seed), due: Timestamp::NEVER }
    }

    /// When the next announcement is due.
    pub(crate) fn due(&self) -> Timestamp {
        self.due
    }

    /// Progress was made: begin again at the shortest wait.
    pub(crate) fn reset(&mut self, now: Timestamp) {
        self.wait = LEAST;
        self.arm(now);
    }

    /// An announcement was made: wait twice as long for the next one.
    pub(crate) fn back_off(&mut self, now: Timestamp) {
        self.arm(now);
        self.wait = self.wait.saturating_mul(2).min(MOST);
    }

    /// The announcement is not due before the shortest wait from now.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        self.due = self.due.max(now + LEAST);
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
