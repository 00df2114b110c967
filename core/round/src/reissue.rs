//! Handing out what was lost of the open round, and saying so.

use crate::coordinator::Coordinator;
use crate::event::{Cause, Event};
use crate::open::{Answer, Expected};
use crate::pieces::{Piece, is_there};
use alloc::vec::Vec;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Body, Channel, Payload};

impl Coordinator {
    /// Hands out what was lost of the open round.
    pub(crate) fn reissue(&mut self, now: Timestamp) {
        let Some(open) = self.open.as_mut().filter(|open| open.reissues) else { return };
        open.lose_overdue(now, self.connected, &self.roster);
        let lost = |expected: &Expected| expected.lost && !expected.split && !expected.is_complete();
        let lost: Vec<AgentId> =
            open.expected.iter().filter(|(_, expected)| lost(expected)).map(|(agent, _)| agent.clone()).collect();
        let split: Vec<(AgentId, Vec<AgentId>)> = lost
            .into_iter()
            .map(|agent| {
                let helpers = open.split(now, &self.roster, &agent);
                (agent, helpers)
            })
            .collect();
        let asked = open.hand_out(now, &self.roster);
        for (agent, helpers) in split.into_iter().filter(|(_, helpers)| !helpers.is_empty()) {
            self.report_reissued(agent, helpers);
        }
        asked.iter().for_each(|agent| self.publish_extra(agent));
    }

    fn report_reissued(&mut self, agent: AgentId, helpers: Vec<AgentId>) {
        let Some(open) = &self.open else { return };
        let Some(expected) = open.expected.get(&agent) else { return };
        let (round, samples) = (open.name(), expected.assigned - expected.done());
        let cause = match expected.answer {
            Answer::Gone => Cause::Left,
            _ if expected.restarted => Cause::Restarted,
            _ if expected.partial => Cause::Slow,
            _ => Cause::Late,
        };
        self.report(Event::Reissued { agent, cause, round, samples, helpers });
    }

    /// Tells an agent which piece it holds, if it holds one.
    pub(crate) fn publish_extra(&mut self, agent: &AgentId) {
        let Some(open) = &self.open else { return };
        let there = |piece: &&Piece| {
            piece.holder.as_ref().is_some_and(|(holder, session)| is_there(&self.roster, holder, *session))
        };
        let held = open.pieces.iter().find(|piece| piece.is_under_way() && piece.is_held_by(agent)).filter(there);
        let Some((agent, extra)) = held.and_then(|piece| open.extra(piece)) else { return };
        let bytes = self.frame(&Body::Extra(extra), Payload::None, 0);
        self.publish(Channel::Extra, Some(agent), bytes);
    }

    /// Tells all who hold a piece.
    pub(crate) fn publish_extras(&mut self) {
        let pieces = self.open.iter().flat_map(|open| &open.pieces).filter(|piece| piece.is_under_way());
        let holders: Vec<AgentId> = pieces.filter_map(|p| p.holder.as_ref().map(|(agent, _)| agent.clone())).collect();
        holders.iter().for_each(|agent| self.publish_extra(agent));
    }
}
