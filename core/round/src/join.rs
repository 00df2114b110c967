//! Who comes, who may take part, and who is let go.

use crate::coordinator::{Coordinator, Phase};
use crate::event::Event;
use crate::open::Answer;
use crate::roster::Member;
use alloc::vec::Vec;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Assign, Channel, Codec, DataMode, Join, PROTOCOL_VERSION, Refusal, Refused, Share, limits};

impl Coordinator {
    pub(crate) fn on_join(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        if self.phase == Phase::Finished {
            return;
        }
        if join.spec != self.content {
            return self.repeat_spec(now); // it has yet to hear the present spec
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
        let shared = self.trainer.is_some() && self.job.data_mode == DataMode::Shared;
        if shared && !self.is_same_data(agent, &join) {
            return self.refuse(agent, join, Refusal::DifferentData);
        }
        self.refused.remove(agent);
        self.enrol(now, agent, join);
        self.answer_join(now, agent, join);
    }

    /// Whether its rows are those of the others. The first one tells which they are; if nobody who has them is left
    /// before the first step, the next one does.
    fn is_same_data(&mut self, agent: &AgentId, join: &Join) -> bool {
        let known = self.shared_digest.filter(|digest| {
            let others = self.roster.members.iter().filter(|(other, _)| *other != agent);
            let mut holders = others.filter(|(_, member)| member.join.data_digest == *digest);
            self.steps() > 0 || holders.any(|(_, member)| member.is_counted_on())
        });
        self.shared_digest = known.or(Some(join.data_digest));
        self.shared_digest == Some(join.data_digest)
    }

    /// A full list lets go of an agent that is gone: names may change with every start of a machine, and there is no end
    /// to them.
    fn make_room(&mut self) -> bool {
        let Some(agent) = self.roster.make_room() else { return false };
        self.let_go(&agent);
        self.publish(Channel::Assign, Some(agent), Vec::new());
        true
    }

    /// The agent is no member any more.
    fn let_go(&mut self, agent: &AgentId) {
        self.divided.retain(|(divided, _)| divided != agent);
        if let Some(expected) = self.open.as_mut().and_then(|open| open.expected.get_mut(agent)) {
            expected.lose();
        }
    }

    fn enrol(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
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
        let whole = self.open.as_ref().is_some_and(|open| open.head.base.is_none());
        if now >= member.snapshot_until && !whole {
            member.holds = join.model;
        }
        let share = member.share.filter(|share| share.spec == self.content);
        let fresh = Share {
            session: join.session,
            spec: self.content,
            version: self.allocation,
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
        let Some(expected) = self.open.as_mut().and_then(|open| open.expected.get_mut(agent)) else { return };
        expected.restart(join.session);
        if expected.answer == Answer::Gone {
            expected.answer = Answer::Awaited;
        }
        if expected.is_awaited() {
            if self.lacks_base(agent) {
                self.publish_snapshot(now, agent);
            } else {
                self.repeat_round(now);
            }
        }
        self.publish_extra(agent);
    }

    fn refuse(&mut self, agent: &AgentId, join: Join, refusal: Refusal) {
        if self.refused.len() >= limits::AGENTS_MAX && !self.refused.contains(agent) {
            // A refusal stays at the broker: whoever makes up names does not fill it.
            return self.counters.rejected += 1;
        }
        self.refused.insert(agent.clone());
        self.report(Event::Refused { agent: agent.clone(), refusal });
        let refused = Refused { session: join.session, spec: join.spec, version: self.allocation, why: refusal };
        self.roster.members.remove(agent);
        self.let_go(agent);
        self.publish_assign(agent, Assign::Refused(refused));
    }

    pub(crate) fn on_offline(&mut self, now: Timestamp, agent: &AgentId) {
        let Some(member) = self.roster.members.get_mut(agent).filter(|member| member.online) else { return };
        member.online = false;
        let planned = member.is_away();
        self.roster.changed = now;
        let expected = self.open.as_mut().and_then(|open| open.expected.get_mut(agent));
        if let Some(expected) = expected.filter(|expected| expected.answer == Answer::Awaited) {
            expected.lose();
        }
        if !planned {
            self.report(Event::Left { agent: agent.clone() });
        }
    }
}
