//! A round's times: when it began, how long it may take, and what becomes due in it.

use super::timers::{Timer, Timers};
use core::time::Duration;
use heijunka_units::Timestamp;

/// A round lasts at most so many times its learned deadline: for the answers, for those who stand in, and for those who stand
/// in for these.
const DEADLINES_MAX: u32 = 3;
/// Shortest time between two publications of the same round.
const REPEAT_WAIT: Duration = Duration::from_millis(250);

/// A round's times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Timestamp,
    span: Duration,
    timers: Timers,
    repeat_wait: Duration,
    closing: bool,
}

impl Clock {
    /// Of a round that is published now; `span`: the learned deadline.
    pub(crate) fn new(now: Timestamp, span: Duration) -> Self {
        let mut timers = Timers::default();
        timers.set(Timer::Overdue, now + span);
        timers.set(Timer::Deadline, now + span);
        timers.set(Timer::Latest, now + span.saturating_mul(DEADLINES_MAX));
        timers.set(Timer::Repeat, now + REPEAT_WAIT);
        Self { started: now, span, timers, repeat_wait: REPEAT_WAIT, closing: false }
    }

    /// When its model had left.
    pub(crate) fn started(&self) -> Timestamp {
        self.started
    }

    /// The learned deadline.
    pub(crate) fn span(&self) -> Duration {
        self.span
    }

    pub(crate) fn at(&self, timer: Timer) -> Timestamp {
        self.timers.at(timer)
    }

    pub(crate) fn is_due(&self, timer: Timer, now: Timestamp) -> bool {
        self.timers.is_due(timer, now)
    }

    /// Sets a timer so long after the beginning.
    pub(crate) fn set_after(&mut self, timer: Timer, after: Duration) {
        self.timers.set(timer, self.started + after);
    }

    /// From now on the round closes as soon as enough has arrived, if it is time. Returns whether it does.
    pub(crate) fn close_if_due(&mut self, now: Timestamp, connected: bool) -> bool {
        self.closing |= connected && self.timers.take_due(Timer::Close, now);
        self.closing
    }

    /// Whether it closes as soon as enough has arrived.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// It has been published, but takes so long to leave: no agent can have it before.
    pub(crate) fn begin_later(&mut self, by: Duration) {
        self.started = self.started + by;
        self.timers.delay(by);
    }

    /// The broker was out of reach: all agents get as much time as at first.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        self.timers.put_off(Timer::Overdue, now + self.span);
        self.timers.put_off(Timer::Deadline, now + self.span);
        self.timers.put_off(Timer::Latest, now + self.span.saturating_mul(DEADLINES_MAX));
        if let Some(spare) = self.timers.get(Timer::Spare) {
            self.timers.set(Timer::Spare, now + spare.since(self.started));
        }
    }

    /// An agent was asked for something just now: it gets as much time as the agents had at first.
    pub(crate) fn extend(&mut self, now: Timestamp) {
        self.timers.put_off(Timer::Deadline, (now + self.span).min(self.at(Timer::Latest)));
    }

    /// Whether the round may be published again. The next time comes twice as long after, so that repetition cannot fill a
    /// slow link.
    pub(crate) fn may_repeat(&mut self, now: Timestamp) -> bool {
        let may = self.is_due(Timer::Repeat, now);
        if may {
            self.repeat_wait = self.repeat_wait.saturating_mul(2);
            self.timers.set(Timer::Repeat, now + self.repeat_wait);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn a_deadline_is_extended_up_to_three_times_its_length() {
        let mut clock = Clock::new(at(0), Duration::from_secs(1));
        clock.extend(at(500));
        assert_eq!(clock.at(Timer::Deadline), at(1500));
        clock.extend(at(2800));
        assert_eq!(clock.at(Timer::Deadline), at(3000));
    }

    #[test]
    fn what_takes_long_to_leave_begins_later_as_a_whole() {
        let mut clock = Clock::new(at(0), Duration::from_secs(1));
        clock.set_after(Timer::Spare, Duration::from_millis(400));
        clock.begin_later(Duration::from_millis(100));
        let times = [Timer::Spare, Timer::Overdue, Timer::Latest].map(|timer| clock.at(timer));
        assert_eq!((clock.started(), times), (at(100), [at(500), at(1100), at(3100)]));
        clock.put_off(at(1000));
        assert_eq!((clock.at(Timer::Spare), clock.at(Timer::Deadline)), (at(1400), at(2000)));
    }

    #[test]
    fn repetitions_become_rarer() {
        let mut clock = Clock::new(at(0), Duration::from_secs(1));
        let sent: Vec<u64> = (0..10_000).filter(|millis| clock.may_repeat(at(*millis))).collect();
        assert_eq!(sent, [250, 750, 1750, 3750, 7750]);
    }
}
