//! Training's times, without the pauses that a person asked for.

use core::time::Duration;
use heijunka_units::Timestamp;

/// A person's wish that no round is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    No,
    /// The open round is still being finished, or training has yet to begin.
    Asked,
    /// Nothing has been asked of the agents since.
    Since(Timestamp),
}

/// Training's times, without the pauses that a person asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    hold: Hold,
    /// When the last round was closed.
    closed_at: Timestamp,
    training_since: Option<Timestamp>,
    /// Training before this run.
    before: Duration,
}

impl Stopwatch {
    pub(crate) fn new(now: Timestamp, before: Duration) -> Self {
        Self { hold: Hold::No, closed_at: now, training_since: None, before }
    }

    /// The first round is about to be opened.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        (self.closed_at, self.training_since) = (now, Some(now));
    }

    /// A round was closed.
    pub(crate) fn close(&mut self, now: Timestamp) {
        self.closed_at = now;
    }

    /// Seconds since the last round was closed.
    pub(crate) fn between_s(&self, now: Timestamp) -> f64 {
        now.since(self.closed_at).as_secs_f64()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.hold != Hold::No
    }

    pub(crate) fn trained_for(&self, now: Timestamp) -> Duration {
        let now = if let Hold::Since(since) = self.hold { since } else { now };
        self.before + now.since(self.training_since.unwrap_or(now))
    }

    /// A pause is asked for; `since` when it has begun.
    pub(crate) fn hold(&mut self, since: Option<Timestamp>) {
        self.hold = since.map_or(Hold::Asked, Hold::Since);
    }

    /// Ends a pause, whose time does not count. Returns whether one was asked for, and whether it had begun.
    pub(crate) fn resume(&mut self, now: Timestamp) -> (bool, bool) {
        let hold = core::mem::take(&mut self.hold);
        if let Hold::Since(since) = hold {
            let span = now.since(since);
            self.closed_at = self.closed_at + span;
            self.training_since = self.training_since.map(|began| began + span);
        }
        (hold != Hold::No, matches!(hold, Hold::Since(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_pause_does_not_count() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut stopwatch = Stopwatch::new(at(0), Duration::from_secs(100));
        assert_eq!(stopwatch.trained_for(at(5)), Duration::from_secs(100), "it has not begun");
        stopwatch.begin(at(10));
        stopwatch.close(at(14));
        stopwatch.hold(Some(at(15)));
        assert_eq!(stopwatch.trained_for(at(50)), Duration::from_secs(105));
        assert_eq!(stopwatch.resume(at(65)), (true, true));
        assert_eq!((stopwatch.between_s(at(66)), stopwatch.trained_for(at(66))), (2.0, Duration::from_secs(106)));
        assert_eq!(stopwatch.resume(at(67)), (false, false));
    }
}
