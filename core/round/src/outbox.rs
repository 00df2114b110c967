//! What goes out: answers to the driver in their order, and, under `[limits] downlink`, frames no faster than they may leave.
//!
//! The clock of a round runs from when the last frame of its model has left: being sent slowly is no agent's fault. What has
//! waited so long that it is no longer true is not sent at all.

mod downlink;

pub use downlink::DownlinkView;

use crate::contract::Output;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;
use downlink::{Downlink, Waiting};
use heijunka_units::{AgentId, Cap, Timestamp};
use heijunka_wire::Channel;

/// Everything that is on its way out.
#[derive(Debug)]
pub(crate) struct Outbox {
    outputs: VecDeque<Output>,
    /// Publications that a cap holds back on their way to `outputs`.
    downlink: Option<Downlink>,
    /// When the mind was last called.
    now: Timestamp,
    connected: bool,
    /// Time for which the open round's model has waited to be sent.
    sending: Duration,
}

impl Outbox {
    pub(crate) fn new(cap: Option<Cap>, now: Timestamp) -> Self {
        let downlink = cap.map(Downlink::new);
        Self { outputs: VecDeque::new(), downlink, now, connected: false, sending: Duration::ZERO }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn set_connected(&mut self, connected: bool) {
        self.connected = connected;
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// How the cap on what is sent is kept to; `None` without one.
    pub(crate) fn downlink(&self) -> Option<DownlinkView> {
        self.downlink.as_ref().map(Downlink::view)
    }

    pub(crate) fn is_capped(&self) -> bool {
        self.downlink.is_some()
    }

    pub(crate) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Publishes now, or as soon as the cap lets it.
    pub(crate) fn publish(&mut self, channel: Channel, agent: Option<AgentId>, bytes: Vec<u8>) {
        match &mut self.downlink {
            Some(downlink) => downlink.push(self.now, channel, agent, bytes),
            None => self.outputs.push_back(Output::Publish { channel, agent, bytes }),
        }
    }

    /// Releases the frames whose time has come. While the broker is out of reach none has: they would all leave at once.
    /// A farewell (`over`) waits for nothing.
    pub(crate) fn release(&mut self, over: bool) {
        let Some(downlink) = self.downlink.as_mut().filter(|_| self.connected || over) else { return };
        let until = if over { Timestamp::NEVER } else { self.now };
        while let Some(Waiting { channel, agent, bytes, .. }) = downlink.ready(until) {
            self.outputs.push_back(Output::Publish { channel, agent, bytes });
        }
    }

    /// When the next frame's time comes.
    pub(crate) fn release_at(&self) -> Timestamp {
        let downlink = self.downlink.as_ref().filter(|_| self.connected);
        downlink.map_or(Timestamp::NEVER, Downlink::next)
    }

    /// When the last frame that waits will have left.
    pub(crate) fn all_leave_at(&self) -> Timestamp {
        self.downlink.as_ref().map_or(self.now, |downlink| downlink.last(self.now))
    }

    /// The driver has sent something by itself, at the expense of what comes next.
    pub(crate) fn pay(&mut self, packet_bytes: usize) {
        if let Some(downlink) = &mut self.downlink {
            downlink.pay(self.now, packet_bytes);
        }
    }

    /// Whether some of what goes through that channel has yet to leave: it is not sent again before.
    pub(crate) fn is_leaving(&self, channel: Channel) -> bool {
        self.downlink.as_ref().is_some_and(|downlink| downlink.holds(channel))
    }

    /// What has yet to leave through these channels does not. Returns what that was, and for whom.
    pub(crate) fn forget(&mut self, forgotten: impl Fn(Channel) -> bool) -> Vec<(Channel, Option<AgentId>)> {
        let Some(downlink) = &mut self.downlink else { return Vec::new() };
        let gone = downlink.forget(self.now, forgotten);
        gone.into_iter().map(|waiting| (waiting.channel, waiting.agent)).collect()
    }

    /// How long a round that was published at `started` waits until the last of its model has left; `None` without a cap.
    pub(crate) fn hold(&mut self, started: Timestamp) -> Option<Duration> {
        let held = self.all_leave_at().since(started);
        self.downlink.as_mut()?.hold(held);
        self.sending = held;
        Some(held)
    }

    /// Seconds for which the open round's model has waited to be sent.
    pub(crate) fn sending_s(&self) -> f64 {
        self.sending.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_units::ByteRate;

    fn frames(outbox: &mut Outbox) -> usize {
        core::iter::from_fn(|| outbox.pop()).count()
    }

    #[test]
    fn without_a_cap_nothing_waits() {
        let mut outbox = Outbox::new(None, Timestamp::ZERO);
        outbox.publish(Channel::Round, None, Vec::new());
        assert_eq!(
            (frames(&mut outbox), outbox.release_at(), outbox.hold(Timestamp::ZERO)),
            (1, Timestamp::NEVER, None)
        );
    }

    #[test]
    fn under_a_cap_frames_leave_one_after_the_other_while_the_broker_is_there() {
        let cap = Cap { rate: ByteRate::from_bytes_per_s(1000).unwrap(), packet_extra_bytes: 0 };
        let mut outbox = Outbox::new(Some(cap), Timestamp::ZERO);
        for _ in 0..3 {
            outbox.publish(Channel::Round, None, alloc::vec![0; 1000]);
        }
        outbox.release(false);
        assert_eq!((frames(&mut outbox), outbox.release_at()), (0, Timestamp::NEVER), "the broker is out of reach");
        outbox.set_connected(true);
        let mut seconds = Vec::new();
        while outbox.release_at() != Timestamp::NEVER {
            outbox.tick(outbox.release_at());
            outbox.release(false);
            seconds.push((outbox.now.since(Timestamp::ZERO).as_secs(), frames(&mut outbox)));
        }
        assert_eq!(seconds.iter().map(|(_, frames)| frames).sum::<usize>(), 3);
        assert!(seconds.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "{seconds:?}");
        outbox.publish(Channel::Round, None, alloc::vec![0; 1000]);
        assert_eq!(
            (outbox.forget(|channel| channel == Channel::Round).len(), outbox.release_at()),
            (1, Timestamp::NEVER)
        );
    }
}
