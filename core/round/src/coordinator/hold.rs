//! Pausing because a person asks for it: the open round is finished, no further one is opened, the agents stay.
//!
//! The time of such a pause counts neither for the job's `max_time` nor between rounds. A pause for lack of agents counts
//! for both.

use super::Coordinator;
use crate::collection::Collection;
use crate::contract::Phase;
use crate::event::Event;
use core::time::Duration;
use heijunka_units::Timestamp;

impl Coordinator {
    /// Whether a person has asked to pause, and has not resumed since.
    pub fn is_held(&self) -> bool {
        self.stopwatch.is_held()
    }

    /// Time for which the model has been trained, that of an aggregator before this one included: what `max_time` limits.
    pub fn trained_for(&self, now: Timestamp) -> Duration {
        self.stopwatch.trained_for(now)
    }

    pub(crate) fn on_pause(&mut self, now: Timestamp) {
        if self.is_held() || self.phase == Phase::Finished {
            return;
        }
        self.stopwatch.hold((self.phase == Phase::Paused).then_some(now));
        self.report(Event::PauseRequested { round: self.open.as_ref().map(Collection::name) });
    }

    /// Called in place of opening a round.
    pub(crate) fn rest(&mut self, now: Timestamp) {
        self.stopwatch.hold(Some(now));
        self.enter(now, Phase::Paused);
    }

    pub(crate) fn on_resume(&mut self, now: Timestamp) {
        let (asked, begun) = self.stopwatch.resume(now);
        if begun {
            // Nothing was asked, so that nothing could be received.
            self.roster.members.values_mut().for_each(|member| member.last_seen = now);
        }
        match self.phase {
            _ if !asked => {}
            Phase::Finished => {}
            Phase::Paused if self.ready() < self.min_agents() => self.pause(now),
            Phase::Paused => {}
            _ => self.report(Event::Resumed { agents: None }),
        }
    }
}
