//! What goes out: spec, assignments, rounds.

use super::Coordinator;
use crate::collection::Collection;
use crate::contract::Phase;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{
    Ask, Assign, Body, Channel, Codec, Model, Part, Payload, Round, Share, Spec, encode, limits, parts,
};

impl Coordinator {
    /// Bytes of the chunks of an object.
    fn chunk_bytes(&self, total_bytes: usize) -> usize {
        let most = limits::chunk_bytes(self.plan.packet_bytes_max);
        self.plan.downlink.map_or(most, |cap| limits::paced_chunk_bytes(cap.rate, total_bytes).min(most))
    }

    pub(crate) fn frame(&self, body: &Body, object: Payload<'_>, payload_bytes: usize) -> Vec<u8> {
        let mut bytes = vec![0; limits::HEADER_BYTES_MAX + payload_bytes];
        let used = encode(self.head(), body, object, &mut bytes).map_or(0, <[u8]>::len);
        bytes.truncate(used);
        bytes
    }

    pub(crate) fn publish_spec(&mut self) {
        let model = self.trainer.as_ref().map_or(Model::Unsettled, |trainer| Model::Layers(trainer.shape().clone()));
        let Some(all) = parts(self.spec.document().len(), self.chunk_bytes(self.spec.document().len())) else { return };
        for part in all {
            let spec = Body::Spec(Spec {
                content: self.spec.content(),
                model: model.clone(),
                data_mode: self.spec.job().data_mode,
                seed: self.plan.seed,
                part,
            });
            let bytes = self.frame(&spec, Payload::Bytes(self.spec.document()), part.chunk_bytes as usize);
            self.publish(Channel::Spec, None, bytes);
        }
    }

    pub(crate) fn publish_share(&mut self, agent: &AgentId, share: Share) {
        if let Some(member) = self.roster.members.get_mut(agent) {
            member.share = Some(share);
        }
        self.publish_assign(agent, Assign::Share(share));
    }

    pub(crate) fn publish_assign(&mut self, agent: &AgentId, assign: Assign) {
        let bytes = self.frame(&Body::Assign(assign), Payload::None, 0);
        self.publish(Channel::Assign, Some(agent.clone()), bytes);
    }

    pub(crate) fn publish_assignments(&mut self) {
        let known: Vec<(AgentId, Share)> = self
            .roster
            .members
            .iter()
            .filter_map(|(agent, member)| member.share.map(|share| (agent.clone(), share)))
            .collect();
        for (agent, share) in known {
            self.publish_share(&agent, share);
        }
    }

    /// The frames of a round's head with what leads to its model.
    fn round_frames(&self, head: Ask) -> Vec<Vec<u8>> {
        let Some(trainer) = &self.trainer else { return Vec::new() };
        let (payload, bytes) = trainer.payload(head.base);
        let Some(all) = parts(bytes, self.chunk_bytes(bytes)) else { return Vec::new() };
        let frame =
            |part: Part| self.frame(&Body::Round(Round::Ask(Ask { part, ..head })), payload, part.chunk_bytes as usize);
        all.map(frame).collect()
    }

    /// Publishes the open round; returns its bytes.
    pub(crate) fn publish_round(&mut self) -> u64 {
        let Some(open) = &self.open else { return 0 };
        let frames = self.round_frames(*open.head());
        let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
        for frame in frames {
            self.publish(Channel::Round, None, frame);
        }
        bytes
    }

    /// Publishes a round that has just been opened: an update for those who have the model before, and the whole model for
    /// each of the others, or for all if these are the fewer. Under a cap one whole model for all is the least there is to send.
    pub(crate) fn publish_open(&mut self, now: Timestamp) {
        let ready = self.roster.ready(self.spec.content()).map(|(agent, _)| agent.clone());
        let lacking: Vec<AgentId> = ready.filter(|agent| self.lacks_base(agent)).collect();
        let few = match self.outbox.is_capped() {
            true => lacking.is_empty(),
            false => lacking.len() * 2 < self.roster.ready(self.spec.content()).count(),
        };
        if let Some(open) = self.open.as_mut().filter(|_| !few) {
            open.send_whole();
        }
        let bytes = self.publish_round();
        let Some(open) = &mut self.open else { return };
        open.count_frames(bytes);
        let (model, base) = (open.head().model, open.head().base);
        if base.is_some() {
            lacking.iter().for_each(|agent| self.publish_snapshot(now, agent));
        }
        let content = self.spec.content();
        self.roster.members.values_mut().filter(|m| m.is_ready(content)).for_each(|m| m.holds = Some(model));
        self.begin_when_sent();
    }

    /// Whether an agent cannot make anything of the open round's update.
    pub(crate) fn lacks_base(&self, agent: &AgentId) -> bool {
        let Some(head) = self.open.as_ref().map(Collection::head).filter(|head| head.base.is_some()) else {
            return false;
        };
        let holds = self.roster.members.get(agent).and_then(|member| member.holds);
        holds != head.base && holds != Some(head.model)
    }

    /// Sends an agent the open round with its whole model, at most once in a while.
    pub(crate) fn publish_snapshot(&mut self, now: Timestamp, agent: &AgentId) {
        // One at a time under a cap: who gets none now asks again.
        let leaving = self.outbox.is_leaving(Channel::Snapshot);
        let (Some(open), Some(member)) = (&mut self.open, self.roster.members.get_mut(agent)) else { return };
        if now < member.snapshot_until || leaving {
            return;
        }
        // Twice as long each time: on a slow link it may still be on its way.
        member.snapshot_wait = member.snapshot_wait.saturating_mul(2).clamp(SNAPSHOT_WAIT.0, SNAPSHOT_WAIT.1);
        member.snapshot_until = now + member.snapshot_wait;
        member.holds = Some(open.head().model);
        let head = Ask { base: None, codec: Codec::Float32, ..*open.head() };
        let frames = self.round_frames(head);
        let bytes: u64 = frames.iter().map(|frame| frame.len() as u64).sum();
        for frame in frames {
            self.publish(Channel::Snapshot, Some(agent.clone()), frame);
        }
        if let Some(open) = &mut self.open {
            open.count_snapshot(bytes);
        }
        self.counters.snapshots += 1;
    }

    /// Says to all agents that the job is over, and clears what is retained.
    pub(crate) fn publish_finished(&mut self) {
        let bytes = self.frame(&Body::Round(Round::Finished), Payload::None, 0);
        self.publish(Channel::Round, None, bytes);
        self.publish(Channel::Spec, None, Vec::new());
        let agents: Vec<AgentId> = self.roster.members.keys().cloned().collect();
        for agent in agents {
            self.publish(Channel::Assign, Some(agent), Vec::new());
        }
    }

    /// Publishes the spec once more for an agent that lacks it, at most once in a while.
    pub(crate) fn repeat_spec(&mut self, now: Timestamp) {
        if self.phase != Phase::Finished && !self.outbox.is_leaving(Channel::Spec) && self.spec.may_repeat(now) {
            self.publish_spec();
        }
    }

    /// Publishes the open round once more for an agent that lost it, at most once in a while.
    pub(crate) fn repeat_round(&mut self, now: Timestamp) {
        let leaving = self.outbox.is_leaving(Channel::Round);
        if leaving || !self.open.as_mut().is_some_and(|open| open.clock_mut().may_repeat(now)) {
            return;
        }
        self.counters.repeated += 1;
        let bytes = self.publish_round();
        if let Some(open) = &mut self.open {
            open.count_frames(bytes);
        }
    }
}

/// Shortest and longest time between two publications of the whole model for the same agent.
const SNAPSHOT_WAIT: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
