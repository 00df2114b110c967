//! The program's one clock: the worker's timestamps count from the agent's start.

use heijunka_units::Timestamp;
use std::time::{Duration, Instant};

/// Longest wait: a timer that is further away is set again then.
const FAR: Duration = Duration::from_secs(3600);

/// A monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: Instant::now() }
    }

    pub(crate) fn now(self) -> Timestamp {
        Timestamp::ZERO + self.origin.elapsed()
    }

    /// The timestamp on the system's clock, an hour from now at most.
    pub(crate) fn instant(self, at: Timestamp) -> Instant {
        self.origin + at.since(Timestamp::ZERO).min(self.origin.elapsed() + FAR)
    }
}
