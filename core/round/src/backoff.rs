//! Backing off from a loaded broker: rounds pause while it drops messages or is slow to acknowledge them.
//!
//! The pause doubles while that continues, up to [`TIMES_MAX`] times a round, and is halved while all is calm, as senders on
//! a network do (Chiu and Jain, "Analysis of the increase and decrease algorithms for congestion avoidance", 1989: less at
//! once, more again step by step).

use crate::event::Strain;
use core::time::Duration;
use heijunka_units::Timestamp;

/// What is known of the broker at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokerLoad {
    /// Messages that it has dropped since it was started, as it says itself; `None` if it does not.
    pub dropped: Option<u64>,
    /// How long the oldest message that it has yet to acknowledge has been on its way.
    pub unacknowledged_for: Duration,
}

/// An acknowledgement takes so long where something is wrong: rounds of a second do not notice a tenth of it.
const SLOW: Duration = Duration::from_secs(2);
/// After a step the next one waits this long: brokers count every ten seconds.
const STEP: Duration = Duration::from_secs(10);
/// The pause is halved each time that nothing was wrong for so long.
const CALM: Duration = Duration::from_secs(30);
/// The shortest pause, and the longest, in rounds and in time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const TIMES_MAX: u32 = 10;
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long rounds pause.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    pause: Duration,
    dropped: Option<u64>,
    /// When the pause was last changed, or something was last wrong.
    since: Timestamp,
    /// When the present pause ends.
    ends_at: Option<Timestamp>,
}

/// Something has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Longer(Strain),
    Shorter,
}

impl Backoff {
    /// The pause between two rounds.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    /// Begins a pause, if there is one between two rounds.
    pub(crate) fn begin(&mut self, now: Timestamp) -> bool {
        self.ends_at = (!self.pause.is_zero()).then(|| now + self.pause);
        self.ends_at.is_some()
    }

    /// When the present pause ends; never without one.
    pub(crate) fn ends_at(&self) -> Timestamp {
        self.ends_at.unwrap_or(Timestamp::NEVER)
    }

    /// Whether the present pause is over; then there is none any more.
    pub(crate) fn is_over(&mut self, now: Timestamp) -> bool {
        self.ends_at.take_if(|at| now >= *at).is_some()
    }

    fn wrong(&mut self, load: BrokerLoad) -> Option<Strain> {
        // A broker that has been started again counts from nothing.
        let before = self.dropped.filter(|before| load.dropped.is_some_and(|now| now >= *before)).or(load.dropped);
        self.dropped = load.dropped.or(self.dropped);
        match load.dropped.zip(before).map_or(0, |(now, before)| now - before) {
            0 if load.unacknowledged_for >= SLOW => Some(Strain::Slow(load.unacknowledged_for)),
            0 => None,
            dropped => Some(Strain::Dropped(dropped)),
        }
    }

    /// `round`: how long a round takes.
    pub(crate) fn observe(&mut self, now: Timestamp, load: BrokerLoad, round: Duration) -> Option<Change> {
        match self.wrong(load) {
            Some(_) if self.pause > Duration::ZERO && now < self.since + STEP => None,
            Some(what) => {
                let most = (round * TIMES_MAX).clamp(PAUSE_MIN, PAUSE_MAX);
                let before = self.pause;
                self.pause = (self.pause * 2).max(round / 2).clamp(PAUSE_MIN, most);
                self.since = now;
                (self.pause != before).then_some(Change::Longer(what))
            }
            None if self.pause > Duration::ZERO && now >= self.since + CALM => {
                self.pause /= 2;
                if self.pause < PAUSE_MIN {
                    self.pause = Duration::ZERO;
                }
                self.since = now;
                Some(Change::Shorter)
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Duration = Duration::from_millis(400);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    fn dropped(count: u64) -> BrokerLoad {
        BrokerLoad { dropped: Some(count), ..BrokerLoad::default() }
    }

    #[test]
    fn the_pause_doubles_while_messages_are_dropped_and_halves_when_all_is_calm() {
        let mut backoff = Backoff::default();
        // What was dropped before does not count.
        assert_eq!(backoff.observe(at(0), dropped(500), ROUND), None);
        let said = Change::Longer(Strain::Dropped(7));
        assert_eq!(backoff.observe(at(10), dropped(507), ROUND), Some(said));
        let mut pauses = vec![backoff.pause().as_millis()];
        for step in 2..9 {
            backoff.observe(at(10 * step), dropped(507 + step), ROUND);
            backoff.observe(at(10 * step + 1), dropped(507 + step), ROUND);
            pauses.push(backoff.pause().as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 4000, 4000, 4000], "at most ten rounds");
        let mut calm = Vec::new();
        for second in 80..500 {
            if backoff.observe(at(second), dropped(515), ROUND) == Some(Change::Shorter) {
                calm.push((second, backoff.pause().as_millis()));
            }
        }
        assert_eq!(calm[..2], [(110, 2000), (140, 1000)]);
        assert_eq!(calm.last(), Some(&(320, 0)));
    }

    #[test]
    fn slow_acknowledgements_count_and_a_restarted_broker_does_not() {
        let mut backoff = Backoff::default();
        let slow = BrokerLoad { dropped: None, unacknowledged_for: Duration::from_millis(2500) };
        let said = Change::Longer(Strain::Slow(Duration::from_millis(2500)));
        assert_eq!(backoff.observe(at(1), slow, Duration::ZERO), Some(said));
        assert_eq!(backoff.pause(), PAUSE_MIN);
        let mut restarted = Backoff::default();
        assert_eq!(restarted.observe(at(0), dropped(90), ROUND), None);
        assert_eq!(restarted.observe(at(10), dropped(3), ROUND), None);
        assert!(restarted.observe(at(20), dropped(4), ROUND).is_some());
    }
}
