//! Handing out what was lost of the open round, and saying so.

use crate::coordinator::Coordinator;
use crate::open::{Answer, Expected};
use crate::pieces::{Piece, is_there};
use crate::record::Level;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Body, Channel, Payload};

/// Agents that an event names.
const NAMES_MAX: usize = 4;

fn names(agents: &[&AgentId]) -> String {
    let named = agents.iter().take(NAMES_MAX).map(|agent| agent.as_str());
    let mut all: Vec<String> = named.map(String::from).collect();
    if agents.len() > NAMES_MAX {
        all.push(format!("{} more", agents.len() - NAMES_MAX));
    }
    match all.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => all.concat(),
    }
}

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
        for (agent, helpers) in split.iter().filter(|(_, helpers)| !helpers.is_empty()) {
            self.tell_reissued(agent, helpers);
        }
        asked.iter().for_each(|agent| self.publish_extra(agent));
    }

    fn tell_reissued(&mut self, agent: &AgentId, helpers: &[AgentId]) {
        let Some(open) = &self.open else { return };
        let Some(expected) = open.expected.get(agent) else { return };
        let (round, samples) = (open.told(), expected.assigned - expected.done());
        let why = match expected.answer {
            Answer::Gone => "left in",
            _ if expected.restarted => "started again in",
            _ if expected.partial => "is slower than expected in",
            _ => "is late in",
        };
        let helpers = names(&helpers.iter().collect::<Vec<_>>());
        let message = format!("{agent} {why} {round}: its {samples} samples go to {helpers}");
        self.event(Level::Info, "HJ-143", Some(agent), message, "");
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
