//! How a computation that is not needed any more is ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Set when a computation is not needed any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: AtomicBool,
    looks: AtomicU64,
}

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.0.is_set.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        self.0.is_set.load(Ordering::Relaxed)
    }

    /// How often the computation has looked whether it is cancelled: it does so after every piece.
    pub(crate) fn looks(&self) -> u64 {
        self.0.looks.load(Ordering::Relaxed)
    }

    /// Sleeps until `end`, or until cancelled; returns how long.
    pub(crate) fn sleep_until(&self, end: Instant) -> Duration {
        const STEP: Duration = Duration::from_millis(20);
        let began = Instant::now();
        let mut now = began;
        while now < end && !self.is_cancelled() {
            std::thread::sleep(end.saturating_duration_since(now).min(STEP));
            now = Instant::now();
        }
        now.saturating_duration_since(began)
    }
}
