//! Pausing because somebody asks for it: the open round is finished, no further one is opened, the agents stay.
//!
//! The time of such a pause counts neither for the job's `max_time` nor between rounds. A pause for want of agents counts
//! for both.

use crate::coordinator::{Coordinator, Phase};
use crate::event::Event;
use crate::open::OpenRound;
use core::time::Duration;
use heijunka_units::Timestamp;

/// Somebody's wish that no round is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Nobody has it.
    #[default]
    No,
    /// The open round is still being finished, or training has yet to begin.
    Asked,
    /// Nothing has been asked of the agents since.
    Since(Timestamp),
}

impl Coordinator {
    /// Whether somebody has asked to pause and nobody has asked to go on since.
    pub fn is_held(&self) -> bool {
        self.hold != Hold::No
    }

    /// Time for which the model has been trained, that of an aggregator before this one included: what `max_time` limits.
    pub fn trained_for(&self, now: Timestamp) -> Duration {
        let now = if let Hold::Since(since) = self.hold { since } else { now };
        let before = self.plan.start.as_ref().map_or(Duration::ZERO, |start| start.trained);
        before + now.since(self.training_since.unwrap_or(now))
    }

    pub(crate) fn on_pause(&mut self, now: Timestamp) {
        if self.is_held() || self.phase == Phase::Finished {
            return;
        }
        self.hold = if self.phase == Phase::Paused { Hold::Since(now) } else { Hold::Asked };
        self.report(Event::PauseRequested { round: self.open.as_ref().map(OpenRound::name) });
    }

    /// Called in place of opening a round.
    pub(crate) fn rest(&mut self, now: Timestamp) {
        self.hold = Hold::Since(now);
        self.enter(now, Phase::Paused);
    }

    pub(crate) fn on_resume(&mut self, now: Timestamp) {
        let hold = core::mem::take(&mut self.hold);
        if let Hold::Since(since) = hold {
            self.leave_out(now, since);
        }
        match (hold, self.phase) {
            (Hold::No, _) | (_, Phase::Finished) => {}
            (_, Phase::Paused) if self.ready() < self.min_agents() => self.pause(now),
            (_, Phase::Paused) => {}
            _ => self.report(Event::Resumed { agents: None }),
        }
    }

    /// What lasted from `since` until now was nobody's fault.
    fn leave_out(&mut self, now: Timestamp, since: Timestamp) {
        let span = now.since(since);
        self.closed_at = self.closed_at + span;
        self.training_since = self.training_since.map(|began| began + span);
        // Nothing was asked, so that nothing was to be heard.
        self.roster.members.values_mut().for_each(|member| member.heard = now);
    }
}
