//! `[limits] downlink`: what the aggregator sends leaves no faster than it may.
//!
//! Frames leave in order, each once those before it are paid for, and the clock of a round runs from when the last frame of its
//! model has left: being sent slowly is no agent's fault. What has waited so long that it is no longer true is not sent
//! at all, and nothing is kept twice: so the queue holds at most the job, a round, a model for one agent, and two small frames
//! for each agent, whatever anybody asks for.

use crate::coordinator::{Coordinator, Output, Phase};
use crate::event::Event;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Cap, Pacer, Timestamp};
use heijunka_wire::Channel;

/// What people are told is paid for as long as rounds wait no longer than this for it.
const TOLD_MAX: Duration = Duration::from_secs(2);
/// Models that take less time to send are not reported.
const REPORTED_FROM: Duration = Duration::from_secs(1);

/// How the cap is kept to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DownlinkView {
    /// Bits a second that are sent at most.
    pub bits_per_s: u64,
    /// Bytes of frames that have yet to leave.
    pub waiting_bytes: usize,
    /// Time for which rounds have waited until their models had left, in all.
    pub held: Duration,
}

/// A frame that has yet to leave.
#[derive(Debug)]
struct Waiting {
    leaves: Timestamp,
    channel: Channel,
    agent: Option<AgentId>,
    bytes: Vec<u8>,
}

/// Frames on their way out.
#[derive(Debug)]
pub(crate) struct Downlink {
    cap: Cap,
    pacer: Pacer,
    waiting: VecDeque<Waiting>,
    held: Duration,
}

impl Downlink {
    pub(crate) fn new(cap: Cap) -> Self {
        Self { cap, pacer: Pacer::new(cap.rate), waiting: VecDeque::new(), held: Duration::ZERO }
    }

    fn packet_bytes(&self, agent: Option<&AgentId>, bytes: usize) -> usize {
        bytes + self.cap.packet_extra_bytes + agent.map_or(0, |agent| agent.as_str().len())
    }

    /// Of a small frame for an agent the newer takes the older one's place.
    fn push(&mut self, now: Timestamp, channel: Channel, agent: Option<AgentId>, bytes: Vec<u8>) {
        let small = matches!(channel, Channel::Assign | Channel::Extra);
        let same = |waiting: &&mut Waiting| small && waiting.channel == channel && waiting.agent == agent;
        if let Some(waiting) = self.waiting.iter_mut().find(same) {
            waiting.bytes = bytes;
            return;
        }
        let (leaves, _) = self.pacer.take(self.packet_bytes(agent.as_ref(), bytes.len()), now);
        self.waiting.push_back(Waiting { leaves, channel, agent, bytes });
    }

    fn ready(&mut self, now: Timestamp) -> Option<Waiting> {
        self.waiting.front().filter(|waiting| waiting.leaves <= now)?;
        self.waiting.pop_front()
    }

    fn holds(&self, channel: Channel) -> bool {
        self.waiting.iter().any(|waiting| waiting.channel == channel)
    }

    /// What was to leave through these channels does not; the line is free as soon as if it had never come.
    fn forget(&mut self, now: Timestamp, forgotten: impl Fn(Channel) -> bool) -> Vec<Waiting> {
        let all = core::mem::take(&mut self.waiting);
        let first = all.front().map_or(now, |waiting| waiting.leaves.max(now));
        let (gone, kept): (Vec<Waiting>, Vec<Waiting>) =
            all.into_iter().partition(|waiting| forgotten(waiting.channel));
        if gone.is_empty() {
            self.waiting = kept.into();
            return gone;
        }
        self.pacer = Pacer::new(self.cap.rate);
        for Waiting { channel, agent, bytes, .. } in kept {
            self.push(first, channel, agent, bytes);
        }
        if self.waiting.is_empty() {
            // What left before is still to be paid for.
            self.pacer.take(0, first);
        }
        gone
    }
}

impl Coordinator {
    /// How the cap on what is sent is kept to; `None` without one.
    pub fn downlink(&self) -> Option<DownlinkView> {
        self.downlink.as_ref().map(|downlink| DownlinkView {
            bits_per_s: downlink.cap.rate.bits_per_s(),
            waiting_bytes: downlink.waiting.iter().map(|waiting| waiting.bytes.len()).sum(),
            held: downlink.held,
        })
    }

    /// Publishes now, or as soon as the cap lets it.
    pub(crate) fn publish(&mut self, channel: Channel, agent: Option<AgentId>, bytes: Vec<u8>) {
        match &mut self.downlink {
            Some(downlink) => downlink.push(self.now, channel, agent, bytes),
            None => self.outputs.push_back(Output::Publish { channel, agent, bytes }),
        }
    }

    /// Lets go of the frames whose time has come. While the broker is out of reach none has: they would all leave at once.
    /// A farewell waits for nothing.
    pub(crate) fn release(&mut self) {
        let over = self.phase == Phase::Finished;
        let Some(downlink) = self.downlink.as_mut().filter(|_| self.connected || over) else { return };
        let until = if over { Timestamp::NEVER } else { self.now };
        while let Some(Waiting { channel, agent, bytes, .. }) = downlink.ready(until) {
            self.outputs.push_back(Output::Publish { channel, agent, bytes });
        }
    }

    /// When the next frame's time comes.
    pub(crate) fn release_at(&self) -> Timestamp {
        let downlink = self.downlink.as_ref().filter(|_| self.connected);
        downlink.and_then(|downlink| downlink.waiting.front()).map_or(Timestamp::NEVER, |waiting| waiting.leaves)
    }

    /// When the last frame that waits will have left.
    pub(crate) fn all_leave_at(&self) -> Timestamp {
        let last = self.downlink.as_ref().and_then(|downlink| downlink.waiting.back());
        last.map_or(self.now, |waiting| waiting.leaves.max(self.now))
    }

    /// The driver has sent something by itself, at the expense of what comes next.
    pub(crate) fn on_sent(&mut self, packet_bytes: usize) {
        let last = self.all_leave_at();
        if let Some(downlink) = &mut self.downlink {
            let (free_at, _) = downlink.pacer.take(0, self.now);
            if free_at.since(last) < TOLD_MAX {
                downlink.pacer.take(packet_bytes, self.now);
            }
        }
    }

    /// Whether some of what goes through that channel has yet to leave: it is not sent again before.
    pub(crate) fn is_leaving(&self, channel: Channel) -> bool {
        self.downlink.as_ref().is_some_and(|downlink| downlink.holds(channel))
    }

    /// What has yet to leave of a round that is over is of no use to anybody, and who was to get it does not have it.
    pub(crate) fn forget_round(&mut self) {
        let of_round = |channel| matches!(channel, Channel::Round | Channel::Snapshot | Channel::Extra);
        self.forget_waiting(of_round);
    }

    /// Everything is about to be said again.
    pub(crate) fn forget_all(&mut self) {
        self.forget_waiting(|_| true);
    }

    /// What is said next replaces it.
    pub(crate) fn forget_spec(&mut self) {
        self.forget_waiting(|channel| channel == Channel::Spec);
    }

    fn forget_waiting(&mut self, forgotten: impl Fn(Channel) -> bool) {
        let Some(downlink) = &mut self.downlink else { return };
        for Waiting { channel, agent, .. } in downlink.forget(self.now, forgotten) {
            let members = self.roster.members.iter_mut();
            let lacks = |name: &AgentId| channel == Channel::Round || agent.as_ref() == Some(name);
            if matches!(channel, Channel::Round | Channel::Snapshot) {
                members.filter(|(name, _)| lacks(name)).for_each(|(_, member)| member.holds = None);
            }
        }
    }

    /// The round's clock begins once its model has left.
    pub(crate) fn begin_when_sent(&mut self) {
        let sent = self.all_leave_at();
        let (Some(downlink), Some(open)) = (&mut self.downlink, &mut self.open) else { return };
        let held = sent.since(open.started);
        downlink.held += held;
        self.sending_s = held.as_secs_f64();
        open.begin_later(held);
    }

    /// Says what the cap means for a model whose size is known by now.
    pub(crate) fn report_sending(&mut self, parameters: usize) {
        let Some(cap) = self.plan.downlink else { return };
        let (time, patience) = (cap.time(parameters * 4), &self.plan.patience);
        let too_long = time > patience.first_deadline.min(patience.deadline_max);
        if time >= REPORTED_FROM {
            self.report(Event::SlowModel { bits_per_s: cap.rate.bits_per_s(), parameters, time, too_long });
        }
    }
}
