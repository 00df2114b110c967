//! What was published and is not yet acknowledged: our own memory of it, because rumqttc forgets.
//!
//! rumqttc drops every unacknowledged publish when the broker comes back without the session, loses messages when more
//! of them are pending than the broker's window, and keeps no order across its packet ids. So it is only ever handed a
//! few messages at a time, and after a lost connection it gets them all again from here, oldest first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::v5::PublishProperties;

use crate::options::qos;
use crate::{Message, PublishError};

/// Messages handed to rumqttc ahead of the wire.
pub(crate) const HANDED_MAX: usize = 32;

/// The number that replaces a topic that is used often (a topic alias).
const ALIAS: u16 = 1;

/// Limits of the outbox.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) packet_bytes_max: usize,
    pub(crate) queue_max: usize,
    pub(crate) queue_bytes_max: usize,
}

#[derive(Debug)]
pub(crate) struct Outbox {
    limits: Limits,
    client: AsyncClient,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Not yet handed to rumqttc.
    waiting: VecDeque<Message>,
    /// In rumqttc's channel.
    handed: VecDeque<Message>,
    /// Held by rumqttc until an older message frees its packet id.
    collided: Option<Message>,
    /// Sent with QoS 1, not acknowledged.
    inflight: VecDeque<Inflight>,
    /// Sum of packets in all of these.
    bytes: usize,
    connected: bool,
    broker_packet_bytes_max: Option<usize>,
    /// The broker takes a number in place of a topic.
    aliases: bool,
    /// The topic that the number replaces on this connection.
    aliased: Option<Arc<str>>,
    closing: bool,
    farewell_sent: bool,
}

/// A message on its way.
#[derive(Debug)]
struct Inflight {
    packet_id: u16,
    since: Instant,
    message: Message,
}

impl Outbox {
    pub(crate) fn new(limits: Limits, client: AsyncClient) -> Self {
        Self { limits, client, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, message: Message) -> Result<(), PublishError> {
        let bytes = message.packet_bytes();
        let mut state = self.state();
        if state.closing {
            return Err(PublishError::Closed);
        }
        let broker_max = state.broker_packet_bytes_max;
        if bytes > self.limits.packet_bytes_max || broker_max.is_some_and(|max| bytes > max) {
            return Err(PublishError::TooLarge {
                topic: message.topic.to_string(),
                bytes,
                max: self.limits.packet_bytes_max,
                broker_max,
            });
        }
        let queued = state.waiting.len() + state.handed.len();
        if queued >= self.limits.queue_max || state.bytes + bytes > self.limits.queue_bytes_max {
            return Err(PublishError::QueueFull { messages: queued, bytes: state.bytes });
        }
        state.bytes += bytes;
        state.waiting.push_back(message);
        self.hand_over(&mut state);
        Ok(())
    }

    /// Fills rumqttc's channel from what waits; says farewell when closing and nothing is left.
    fn hand_over(&self, state: &mut State) {
        if !state.connected {
            return;
        }
        while state.handed.len() < HANDED_MAX
            && let Some(message) = state.waiting.pop_front()
        {
            if !self.hand(state, &message) {
                state.waiting.push_front(message);
                return;
            }
            state.handed.push_back(message);
        }
        if state.closing && state.is_empty() && !state.farewell_sent {
            state.farewell_sent = self.client.try_disconnect().is_ok();
        }
    }

    /// Gives rumqttc a message; false if it takes none now. It writes them in this order, so that the first one with a
    /// number names its topic.
    fn hand(&self, state: &mut State, message: &Message) -> bool {
        let Message { topic, payload, retain, qos: quality, often } = message;
        let known = state.aliased.as_ref();
        if !(*often && state.aliases && known.is_none_or(|known| known == topic)) {
            return self.client.try_publish(topic.as_ref(), qos(*quality), *retain, payload.clone()).is_ok();
        }
        let name = if known.is_some() { "" } else { topic.as_ref() };
        let properties = PublishProperties { topic_alias: Some(ALIAS), ..PublishProperties::default() };
        let payload = payload.clone();
        let taken = self.client.try_publish_with_properties(name, qos(*quality), *retain, payload, properties).is_ok();
        if taken {
            state.aliased = Some(Arc::clone(topic));
        }
        taken
    }

    /// rumqttc wrote the oldest handed message under this packet id (0: QoS 0).
    pub(crate) fn sent(&self, packet_id: u16) {
        let mut state = self.state();
        let message = state.collided.take().or_else(|| state.handed.pop_front());
        match message {
            Some(message) if packet_id == 0 => state.bytes -= message.packet_bytes(),
            Some(message) => state.inflight.push_back(Inflight { packet_id, since: Instant::now(), message }),
            None => {}
        }
        self.hand_over(&mut state);
    }

    /// rumqttc put the oldest handed message aside: its packet id is still in use.
    pub(crate) fn collided(&self) {
        let mut state = self.state();
        state.collided = state.handed.pop_front();
    }

    /// The broker acknowledged; returns the message.
    pub(crate) fn acknowledged(&self, packet_id: u16) -> Option<Message> {
        let mut state = self.state();
        let at = state.inflight.iter().position(|sent| sent.packet_id == packet_id)?;
        let message = state.inflight.remove(at)?.message;
        state.bytes -= message.packet_bytes();
        self.hand_over(&mut state);
        Some(message)
    }

    /// The connection is up. Returns the messages that this broker could never take.
    pub(crate) fn connected(&self, broker_packet_bytes_max: Option<u32>, aliases: bool) -> Vec<Message> {
        let mut state = self.state();
        state.connected = true;
        (state.aliases, state.aliased) = (aliases, None);
        state.broker_packet_bytes_max = broker_packet_bytes_max.map(|max| max as usize);
        let max = state.broker_packet_bytes_max.unwrap_or(usize::MAX);
        let (fitting, too_large) =
            std::mem::take(&mut state.waiting).into_iter().partition(|message| message.packet_bytes() <= max);
        state.waiting = fitting;
        let too_large: VecDeque<Message> = too_large;
        state.bytes -= too_large.iter().map(Message::packet_bytes).sum::<usize>();
        self.hand_over(&mut state);
        too_large.into()
    }

    /// The connection is gone: everything unacknowledged waits again, oldest first. `forget` empties rumqttc's own
    /// queues; it runs under the lock, so that no publish falls between.
    pub(crate) fn disconnected(&self, forget: impl FnOnce()) {
        let mut state = self.state();
        forget();
        state.connected = false;
        state.farewell_sent = false;
        let mut all: VecDeque<Message> =
            std::mem::take(&mut state.inflight).into_iter().map(|sent| sent.message).collect();
        all.extend(state.collided.take());
        all.append(&mut state.handed);
        all.append(&mut state.waiting);
        state.waiting = all;
    }

    pub(crate) fn begin_close(&self) {
        let mut state = self.state();
        state.closing = true;
        self.hand_over(&mut state);
    }

    /// Says farewell without waiting for messages that are still on the way.
    pub(crate) fn farewell(&self) {
        let mut state = self.state();
        if state.connected && !state.farewell_sent {
            state.farewell_sent = self.client.try_disconnect().is_ok();
        }
    }

    /// How long the oldest message has waited for its acknowledgement.
    pub(crate) fn unacknowledged_for(&self) -> Duration {
        self.state().inflight.front().map_or(Duration::ZERO, |sent| sent.since.elapsed())
    }

    /// Whether there is nothing left to do for a bus that is being closed.
    pub(crate) fn is_finished(&self) -> bool {
        let state = self.state();
        state.closing && state.is_empty()
    }

    /// Messages not yet acknowledged (QoS 1) or written (QoS 0).
    pub(crate) fn len(&self) -> usize {
        self.state().len()
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state().connected
    }

    /// The smaller of the two sides' limits.
    pub(crate) fn packet_bytes_max(&self) -> usize {
        let broker_max = self.state().broker_packet_bytes_max.unwrap_or(usize::MAX);
        self.limits.packet_bytes_max.min(broker_max)
    }
}

impl State {
    fn len(&self) -> usize {
        self.waiting.len() + self.handed.len() + usize::from(self.collided.is_some()) + self.inflight.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
