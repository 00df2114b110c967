//! Agents that leave.

use super::Coordinator;
use crate::event::Event;
use heijunka_units::{AgentId, Timestamp};

impl Coordinator {
    /// The agent is no member any more.
    pub(crate) fn drop_member(&mut self, agent: &AgentId) {
        self.allocation.drop(agent);
        if let Some(open) = &mut self.open {
            open.lose(agent);
        }
    }

    pub(crate) fn on_offline(&mut self, now: Timestamp, agent: &AgentId) {
        let Some(member) = self.roster.members.get_mut(agent).filter(|member| member.online) else { return };
        member.online = false;
        let planned = member.is_away();
        self.roster.changed = now;
        if let Some(open) = &mut self.open {
            open.lose_if_awaited(agent);
        }
        if !planned {
            self.report(Event::Left { agent: agent.clone() });
        }
    }
}
