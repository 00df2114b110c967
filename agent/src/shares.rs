//! Where the time of this agent's shares goes, round by round.

use crate::diagnosis::{Diagnosis, Spent};
use heijunka_units::RoundId;
use std::time::{Duration, Instant};

/// The last share, and the one before the present round.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    /// The last share, and when it was done, until the next round begins.
    open: Option<(RoundId, Spent, Instant)>,
    finished: Option<Diagnosis>,
    /// For how long the worker has held messages back, as far as it is counted.
    held: Duration,
}

impl Shares {
    /// A share is computed.
    pub(crate) fn computed(&mut self, round: RoundId, spent: Spent) {
        self.open = Some((round, spent, Instant::now()));
    }

    /// A message leaves. `held`: for how long the worker has held messages back for the cap, in all; `emulated`: how long this one
    /// takes through the emulated link. The time belongs to the share whose answer it is.
    pub(crate) fn sent(&mut self, held: Duration, emulated: Duration) {
        let capped = held.saturating_sub(std::mem::replace(&mut self.held, held));
        let Some((_, spent, since)) = &mut self.open else { return };
        let now = Instant::now();
        let capped = capped.min(now.saturating_duration_since(*since));
        spent.capped_uplink += capped;
        *since += capped;
        if !emulated.is_zero() {
            let through = now + emulated;
            spent.emulated_uplink += through.saturating_duration_since(*since).min(emulated);
            *since = through;
        }
    }

    /// The present round is `round`: the wait after a share ends with the first message of another one.
    pub(crate) fn enter(&mut self, round: RoundId) -> Option<(RoundId, Diagnosis)> {
        let (of, spent, since) = self.open.take_if(|open| open.0 != round)?;
        let diagnosis = Diagnosis { spent, waited: since.elapsed() };
        self.finished = Some(diagnosis);
        Some((of, diagnosis))
    }

    /// Of the last whole round, unless there is none or the wait in this one is already longer than its work.
    pub(crate) fn diagnosis(&self) -> Option<Diagnosis> {
        let open = self.open.map(|(_, spent, since)| Diagnosis { spent, waited: since.elapsed() });
        open.filter(|open| open.waited > open.spent.worked()).or(self.finished).or(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_belongs_to_the_share_and_is_counted_once() {
        let mut shares = Shares::default();
        let ms = Duration::from_millis;
        shares.sent(ms(100), ms(0));
        assert!(shares.diagnosis().is_none(), "there is no share yet");
        shares.computed(RoundId(1), Spent { samples: 8, ..Spent::default() });
        shares.sent(ms(100), ms(50));
        let spent = shares.diagnosis().unwrap().spent;
        assert_eq!((spent.capped_uplink, spent.emulated_uplink), (ms(0), ms(50)));
        assert!(shares.enter(RoundId(1)).is_none());
        let (round, finished) = shares.enter(RoundId(2)).unwrap();
        assert_eq!((round, finished.spent), (RoundId(1), spent));
        assert!(shares.enter(RoundId(3)).is_none());
    }
}
