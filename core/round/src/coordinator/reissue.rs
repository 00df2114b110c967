//! Handing out what was lost of the open round, and reporting it.

use super::Coordinator;
use crate::collection::Collection;
use crate::event::Event;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Body, Channel, Payload};

impl Coordinator {
    /// Hands out what was lost of the open round.
    pub(crate) fn reissue(&mut self, now: Timestamp) {
        let Some(open) = self.open.as_mut().filter(|open| open.reissues()) else { return };
        let round = open.name();
        let reissued = open.reissue(now, self.outbox.is_connected(), &self.roster);
        for split in reissued.split {
            let (agent, cause, samples, helpers) = (split.agent, split.cause, split.samples, split.helpers);
            self.report(Event::Reissued { agent, cause, round, samples, helpers });
        }
        reissued.asked.iter().for_each(|agent| self.publish_extra(agent));
    }

    /// Sends an agent the piece that it holds, if it holds one.
    pub(crate) fn publish_extra(&mut self, agent: &AgentId) {
        let extra = self.open.as_ref().and_then(|open| open.extra_for(agent, &self.roster));
        let Some((agent, extra)) = extra else { return };
        let bytes = self.frame(&Body::Extra(extra), Payload::None, 0);
        self.publish(Channel::Extra, Some(agent), bytes);
    }

    /// Sends all who hold a piece what they hold.
    pub(crate) fn publish_extras(&mut self) {
        let holders = self.open.as_ref().map(Collection::holders).unwrap_or_default();
        holders.iter().for_each(|agent| self.publish_extra(agent));
    }
}
