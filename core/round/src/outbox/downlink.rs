//! The queue of `[limits] downlink`: frames leave in order, each once those before it are paid for.
//!
//! Nothing is kept twice, so the queue holds at most the job, a round, a model for one agent, and two small frames for each
//! agent, whatever is asked for.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Cap, Pacer, Timestamp};
use heijunka_wire::Channel;

/// What the driver sends by itself, for people, is paid for as long as rounds wait no longer than this for it.
const OWN_MAX: Duration = Duration::from_secs(2);

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
pub(super) struct Waiting {
    leaves: Timestamp,
    pub(super) channel: Channel,
    pub(super) agent: Option<AgentId>,
    pub(super) bytes: Vec<u8>,
}

/// Frames on their way out.
#[derive(Debug)]
pub(super) struct Downlink {
    cap: Cap,
    pacer: Pacer,
    waiting: VecDeque<Waiting>,
    held: Duration,
}

impl Downlink {
    pub(super) fn new(cap: Cap) -> Self {
        Self { cap, pacer: Pacer::new(cap.rate), waiting: VecDeque::new(), held: Duration::ZERO }
    }

    fn packet_bytes(&self, agent: Option<&AgentId>, bytes: usize) -> usize {
        bytes + self.cap.packet_extra_bytes + agent.map_or(0, |agent| agent.as_str().len())
    }

    /// Of a small frame for an agent the newer takes the older one's place.
    pub(super) fn push(&mut self, now: Timestamp, channel: Channel, agent: Option<AgentId>, bytes: Vec<u8>) {
        let small = matches!(channel, Channel::Assign | Channel::Extra);
        let same = |waiting: &&mut Waiting| small && waiting.channel == channel && waiting.agent == agent;
        if let Some(waiting) = self.waiting.iter_mut().find(same) {
            waiting.bytes = bytes;
            return;
        }
        let (leaves, _) = self.pacer.take(self.packet_bytes(agent.as_ref(), bytes.len()), now);
        self.waiting.push_back(Waiting { leaves, channel, agent, bytes });
    }

    pub(super) fn ready(&mut self, now: Timestamp) -> Option<Waiting> {
        self.waiting.front().filter(|waiting| waiting.leaves <= now)?;
        self.waiting.pop_front()
    }

    pub(super) fn holds(&self, channel: Channel) -> bool {
        self.waiting.iter().any(|waiting| waiting.channel == channel)
    }

    /// What was to leave through these channels does not; the line is free as soon as if it had never come.
    pub(super) fn forget(&mut self, now: Timestamp, forgotten: impl Fn(Channel) -> bool) -> Vec<Waiting> {
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

    /// When the next frame's time comes.
    pub(super) fn next(&self) -> Timestamp {
        self.waiting.front().map_or(Timestamp::NEVER, |waiting| waiting.leaves)
    }

    /// When the last frame that waits will have left.
    pub(super) fn last(&self, now: Timestamp) -> Timestamp {
        self.waiting.back().map_or(now, |waiting| waiting.leaves.max(now))
    }

    /// The driver has sent a packet by itself, at the expense of what comes next.
    pub(super) fn pay(&mut self, now: Timestamp, packet_bytes: usize) {
        let last = self.last(now);
        let (free_at, _) = self.pacer.take(0, now);
        if free_at.since(last) < OWN_MAX {
            self.pacer.take(packet_bytes, now);
        }
    }

    /// A round has waited so long until its model had left.
    pub(super) fn hold(&mut self, time: Duration) {
        self.held += time;
    }

    pub(super) fn view(&self) -> DownlinkView {
        DownlinkView {
            bits_per_s: self.cap.rate.bits_per_s(),
            waiting_bytes: self.waiting.iter().map(|waiting| waiting.bytes.len()).sum(),
            held: self.held,
        }
    }
}
