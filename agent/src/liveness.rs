//! Whether the compute thread works: if it hangs, the service manager gets no more signs of life and restarts the agent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two signs of life of a thread that computes lie milliseconds; on an old machine that does something else, seconds.
const HUNG_AFTER: Duration = Duration::from_secs(60);

/// What the compute thread leaves as it goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<Beats>);

#[derive(Debug, Default)]
struct Beats {
    answered: AtomicU64,
    is_reading: AtomicBool,
}

impl Pulse {
    /// The thread begins a piece of work. Reading a large file from a slow disk gives no signs of life.
    pub(crate) fn begin(&self, is_reading: bool) {
        self.0.is_reading.store(is_reading, Ordering::Relaxed);
    }

    /// The thread has done it.
    pub(crate) fn end(&self) {
        self.0.is_reading.store(false, Ordering::Relaxed);
        self.0.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Compares what the thread was asked with the signs it gives.
#[derive(Debug)]
pub(crate) struct Liveness {
    asked: u64,
    pulse: Pulse,
    seen: (u64, u64),
    since: Instant,
}

impl Liveness {
    pub(crate) fn new(pulse: Pulse, now: Instant) -> Self {
        Self { asked: 0, pulse, seen: (0, 0), since: now }
    }

    /// A piece of work was given to the thread.
    pub(crate) fn ask(&mut self) {
        self.asked += 1;
    }

    /// `steps`: what the work in hand has counted so far.
    pub(crate) fn is_alive(&mut self, now: Instant, steps: u64) -> bool {
        let answered = self.pulse.0.answered.load(Ordering::Relaxed);
        let idle = answered >= self.asked || self.pulse.0.is_reading.load(Ordering::Relaxed);
        if idle || (answered, steps) != self.seen {
            self.seen = (answered, steps);
            self.since = now;
        }
        now.saturating_duration_since(self.since) < HUNG_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_was_asked_and_gives_no_sign_is_hung() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let mut liveness = Liveness::new(pulse.clone(), start);
        assert!(liveness.is_alive(start + HUNG_AFTER * 9, 0), "nothing was asked");
        liveness.ask();
        pulse.begin(false);
        let asked = start + HUNG_AFTER * 9;
        assert!(liveness.is_alive(asked + HUNG_AFTER / 2, 0));
        assert!(!liveness.is_alive(asked + HUNG_AFTER, 0));
        assert!(liveness.is_alive(asked + HUNG_AFTER, 1), "a step is a sign");
        pulse.end();
        assert!(liveness.is_alive(asked + HUNG_AFTER * 3, 1), "it has answered");
    }

    #[test]
    fn a_thread_that_reads_may_take_its_time() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let mut liveness = Liveness::new(pulse.clone(), start);
        liveness.ask();
        pulse.begin(true);
        assert!(liveness.is_alive(start + HUNG_AFTER * 9, 0));
    }
}
