//! Agents that join: who may take part, and who is refused.

use super::Coordinator;
use crate::contract::Phase;
use crate::event::Event;
use crate::rejected::Why;
use crate::roster::Member;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Assign, Channel, Codec, DataMode, Join, PROTOCOL_VERSION, Refusal, Refused, Share, limits};

/// Who may take part, apart from what the roster knows.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    /// Who has been refused, at most as many as there may be agents.
    refused: BTreeSet<AgentId>,
    /// Digest of the rows that all agents of a job with shared data must have.
    shared_digest: Option<u64>,
}

impl Admission {
    /// Whether the agent has been refused, and has not been accepted since.
    pub(super) fn has_refused(&self, agent: &AgentId) -> bool {
        self.refused.contains(agent)
    }

    /// Takes note of a refused agent. `false` if there are too many names: a refusal stays at the broker, and made-up names
    /// must not fill it.
    pub(super) fn refuse(&mut self, agent: &AgentId) -> bool {
        let room = self.refused.len() < limits::AGENTS_MAX || self.refused.contains(agent);
        if room {
            self.refused.insert(agent.clone());
        }
        room
    }
}

impl Coordinator {
    pub(crate) fn on_join(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        if self.phase == Phase::Finished {
            return;
        }
        if join.spec != self.spec.content() {
            return self.repeat_spec(now); // it has yet to receive the present spec
        }
        if !self.roster.members.contains_key(agent) && self.roster.is_full() && !self.make_room() {
            return self.refuse(agent, join, Refusal::Full);
        }
        if !(join.protocol_min..=join.protocol_max).contains(&PROTOCOL_VERSION) {
            return self.refuse(agent, join, Refusal::Protocol);
        }
        if join.rows == 0 {
            return self.refuse(agent, join, Refusal::NoRows);
        }
        let shared = self.trainer.is_some() && self.spec.job().data_mode == DataMode::Shared;
        if shared && !self.is_same_data(agent, &join) {
            return self.refuse(agent, join, Refusal::DifferentData);
        }
        self.admission.refused.remove(agent);
        self.add_member(now, agent, join);
        self.answer_join(now, agent, join);
    }

    /// Whether its rows are those of the others. The first agent decides which they are; if no agent that has them is left
    /// before the first step, the next one decides.
    fn is_same_data(&mut self, agent: &AgentId, join: &Join) -> bool {
        let known = self.admission.shared_digest.filter(|digest| {
            let others = self.roster.members.iter().filter(|(other, _)| *other != agent);
            let mut holders = others.filter(|(_, member)| member.join.data_digest == *digest);
            self.steps() > 0 || holders.any(|(_, member)| member.is_counted_on())
        });
        self.admission.shared_digest = known.or(Some(join.data_digest));
        self.admission.shared_digest == Some(join.data_digest)
    }

    /// A full list drops an agent that is gone: names may change with every start of a machine, without limit.
    fn make_room(&mut self) -> bool {
        let Some(agent) = self.roster.make_room() else { return false };
        self.drop_member(&agent);
        self.publish(Channel::Assign, Some(agent), Vec::new());
        true
    }

    fn add_member(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        let known = self.roster.members.get(agent).map(|m| (m.join.session, m.online, m.is_away()));
        match self.roster.members.get_mut(agent) {
            Some(member) if member.join.session == join.session => {
                member.join = join;
                member.online = true;
            }
            Some(member) => member.begin_session(join, now),
            None => {
                let codec = Self::first_codec(&self.plan.compact);
                self.roster.members.insert(agent.clone(), Member::new(join, now, codec));
            }
        }
        let away = join.away_s > 0;
        if known == Some((join.session, true, away)) {
            return;
        }
        self.roster.changed = now;
        let agent = agent.clone();
        self.report(match join.away_s {
            0 => Event::Joined { agent, rows: join.rows },
            for_s => Event::Away { agent, for_s },
        });
    }

    /// The share is the receipt of the join. A round that the agent lacks is published again.
    fn answer_join(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        let Some(member) = self.roster.members.get_mut(agent) else { return };
        // A whole model that is on its way to it counts, whatever it had when it spoke.
        let whole = self.open.as_ref().is_some_and(|open| open.head().base.is_none());
        if now >= member.snapshot_until && !whole {
            member.holds = join.model;
        }
        let share = member.share.filter(|share| share.spec == self.spec.content());
        let fresh = Share {
            session: join.session,
            spec: self.spec.content(),
            version: self.allocation.version(),
            samples: 0,
            offset: 0,
            probe: false,
            network_us: 0,
            codec: Codec::default(),
            held_out_offset: 0,
            held_out_rows: 0,
            untaken: None,
        };
        self.publish_share(agent, Share { session: join.session, ..share.unwrap_or(fresh) });
        if self.open.as_mut().is_some_and(|open| open.rejoin(agent, join.session)) {
            if self.lacks_base(agent) {
                self.publish_snapshot(now, agent);
            } else {
                self.repeat_round(now);
            }
        }
        self.publish_extra(agent);
    }

    fn refuse(&mut self, agent: &AgentId, join: Join, refusal: Refusal) {
        if !self.admission.refuse(agent) {
            return self.counters.rejected.count(Why::TooManyNames);
        }
        self.report(Event::Refused { agent: agent.clone(), refusal });
        let version = self.allocation.version();
        let refused = Refused { session: join.session, spec: join.spec, version, why: refusal };
        self.roster.members.remove(agent);
        self.drop_member(agent);
        self.publish_assign(agent, Assign::Refused(refused));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_refused_up_to_a_limit() {
        let mut admission = Admission::default();
        let id = |number: usize| AgentId::new(&alloc::format!("agent-{number}")).unwrap();
        assert!((0..limits::AGENTS_MAX).all(|number| admission.refuse(&id(number))));
        assert!(
            !admission.refuse(&id(limits::AGENTS_MAX)) && admission.refuse(&id(7)),
            "a known name is refused again"
        );
    }
}
