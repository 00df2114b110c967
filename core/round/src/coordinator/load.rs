//! Rounds make room for a broker that cannot keep up.

use super::Coordinator;
use crate::backoff::{BrokerLoad, Change};
use crate::contract::Phase;
use crate::event::Event;
use core::time::Duration;
use heijunka_units::Timestamp;

impl Coordinator {
    /// What the broker is seen to bear.
    pub(crate) fn on_broker_load(&mut self, now: Timestamp, load: BrokerLoad) {
        let round = Duration::try_from_secs_f64(self.links.round_s()).unwrap_or_default();
        let change = self.backoff.observe(now, load, round);
        let pause = self.backoff.pause();
        match change {
            Some(Change::Longer(strain)) => self.report(Event::BrokerOverloaded { strain, pause }),
            Some(Change::Shorter) => self.report(Event::BrokerRecovered { pause }),
            None => {}
        }
    }

    /// Opens the next round, now or after the pause.
    pub(crate) fn open_after_pause(&mut self, now: Timestamp) {
        if !self.backoff.begin(now) {
            self.open_next(now);
        }
    }

    /// Opens the round that waits for the end of the pause, if it is over.
    pub(crate) fn end_pause(&mut self, now: Timestamp) {
        if self.phase == Phase::Training && self.outbox.is_connected() && self.backoff.is_over(now) {
            self.open_next(now);
        }
    }
}
