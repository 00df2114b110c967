//! What becomes due by itself in a round, each by its name.

use core::time::Duration;
use heijunka_units::Timestamp;

/// Something that becomes due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Others begin to compute what is still awaited.
    Spare,
    /// Those still awaited are late.
    Overdue,
    /// The round closes if enough has arrived.
    Close,
    /// The round closes whatever has arrived.
    Deadline,
    /// The deadline is never put off beyond this.
    Latest,
    /// The round may be published again for an agent that lost it.
    Repeat,
}

const TIMERS: usize = 6;

/// When each timer becomes due; those that are not set never do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timers {
    due: [Option<Timestamp>; TIMERS],
}

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Timestamp) {
        if let Some(due) = self.due.get_mut(timer as usize) {
            *due = Some(at);
        }
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Timestamp> {
        self.due.get(timer as usize).copied().flatten()
    }

    /// When it is due; never if it is not set.
    pub(crate) fn at(&self, timer: Timer) -> Timestamp {
        self.get(timer).unwrap_or(Timestamp::NEVER)
    }

    pub(crate) fn is_due(&self, timer: Timer, now: Timestamp) -> bool {
        self.get(timer).is_some_and(|at| now >= at)
    }

    /// Whether it is due; then it is no longer set.
    pub(crate) fn take_due(&mut self, timer: Timer, now: Timestamp) -> bool {
        self.due.get_mut(timer as usize).is_some_and(|due| due.take_if(|at| now >= *at).is_some())
    }

    /// Moves all that are set by so much.
    pub(crate) fn delay(&mut self, by: Duration) {
        self.due.iter_mut().flatten().for_each(|at| *at = *at + by);
    }

    /// Moves a timer that is set to `at`, unless it is due later anyway.
    pub(crate) fn put_off(&mut self, timer: Timer, at: Timestamp) {
        if let Some(due) = self.due.get_mut(timer as usize).and_then(Option::as_mut) {
            *due = (*due).max(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn a_timer_that_is_not_set_is_never_due() {
        let mut timers = Timers::default();
        assert!(!timers.is_due(Timer::Close, at(1_000_000)) && timers.at(Timer::Close) == Timestamp::NEVER);
        timers.delay(Duration::from_secs(1));
        timers.put_off(Timer::Close, at(5));
        assert_eq!(timers.get(Timer::Close), None);
    }

    #[test]
    fn a_timer_fires_once_and_all_move_together() {
        let mut timers = Timers::default();
        timers.set(Timer::Close, at(3));
        timers.set(Timer::Deadline, at(9));
        assert!(!timers.take_due(Timer::Close, at(2)));
        timers.delay(Duration::from_secs(2));
        assert!(timers.take_due(Timer::Close, at(5)) && !timers.take_due(Timer::Close, at(6)));
        assert_eq!(timers.at(Timer::Deadline), at(11));
    }

    #[test]
    fn putting_off_never_brings_forward() {
        let mut timers = Timers::default();
        timers.set(Timer::Deadline, at(9));
        timers.put_off(Timer::Deadline, at(4));
        assert_eq!(timers.at(Timer::Deadline), at(9));
        timers.put_off(Timer::Deadline, at(12));
        assert_eq!(timers.at(Timer::Deadline), at(12));
    }
}
