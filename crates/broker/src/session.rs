//! One client's session: its subscriptions, and what is queued and on the way towards it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{DisconnectReasonCode as Code, Filter, Packet};
use tokio::time::Instant;

use crate::filter::matches;
use crate::link::Link;
use crate::message::Message;
use crate::wire::Batch;

/// Unacknowledged messages towards a client at most; it may ask for less.
pub(crate) const WINDOW_MAX: u16 = 20;
/// Answers that may wait for a client that asks and does not read.
const ANSWERS_MAX: usize = 65_536;
/// A batch is closed when it has this many bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// The connection a session has now.
#[derive(Debug)]
pub(crate) struct Present {
    pub(crate) link: Arc<Link>,
    pub(crate) will: Option<Message>,
}

#[derive(Debug)]
struct Sent {
    id: u16,
    message: Message,
}

#[derive(Debug, Default)]
pub(crate) struct Session {
    pub(crate) filters: Vec<Filter>,
    pub(crate) present: Option<Present>,
    /// How long it outlives its connection.
    pub(crate) expiry: Duration,
    pub(crate) absent_since: Option<Instant>,
    /// Largest packet that the client takes.
    pub(crate) packet_bytes_max: usize,
    answers: VecDeque<Packet>,
    queue: VecDeque<Message>,
    inflight: VecDeque<Sent>,
    /// Packet ids to send again on this connection.
    again: VecDeque<u16>,
    /// Written on this connection and not acknowledged.
    outstanding: usize,
    window: usize,
    last_id: u16,
    bytes: usize,
}

impl Session {
    /// Bytes queued and on the way.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.present.is_none() && self.absent_since.is_none_or(|since| now.duration_since(since) >= self.expiry)
    }

    /// Takes a connection; what was on the way on the last one is sent again.
    pub(crate) fn arrive(&mut self, present: Present, window: u16) {
        self.present = Some(present);
        self.absent_since = None;
        self.window = usize::from(window.clamp(1, WINDOW_MAX));
        self.outstanding = 0;
        self.answers.clear();
        self.again = self.inflight.iter().map(|sent| sent.id).collect();
    }

    /// Whether it wants this topic from this publisher, and how: `(qos, keep the retain flag)`.
    pub(crate) fn wants(&self, topic: &str, from_itself: bool) -> Option<(QoS, bool)> {
        let mut wanted: Option<(QoS, bool)> = None;
        for filter in &self.filters {
            if (from_itself && filter.nolocal) || !matches(topic, &filter.path) {
                continue;
            }
            let (qos, as_published) = wanted.unwrap_or((QoS::AtMostOnce, false));
            let qos = if filter.qos == QoS::AtMostOnce { qos } else { QoS::AtLeastOnce };
            wanted = Some((qos, as_published || filter.preserve_retain));
        }
        wanted
    }

    /// Queues a message within the bound; see the crate's page for what happens beyond it.
    pub(crate) fn offer(&mut self, message: Message, bytes_max: usize) {
        if message.topic.len() + message.payload.len() + 16 > self.packet_bytes_max {
            tracing::debug!(topic = &*message.topic, "a message is over the client's packet size and not sent to it");
            return;
        }
        let within = self.bytes == 0 || self.bytes + message.bytes() <= bytes_max;
        match &self.present {
            None if message.qos == QoS::AtMostOnce || !within => {}
            Some(present) if !within => present.link.end(Code::QuotaExceeded),
            _ => self.queue_up(message),
        }
    }

    /// Queues without a bound: for retained messages, which have one of their own.
    pub(crate) fn queue_up(&mut self, message: Message) {
        self.bytes += message.bytes();
        self.queue.push_back(message);
        self.wake();
    }

    pub(crate) fn answer(&mut self, packet: Packet) {
        if self.answers.len() < ANSWERS_MAX {
            self.answers.push_back(packet);
            self.wake();
        } else if let Some(present) = &self.present {
            present.link.end(Code::QuotaExceeded);
        }
    }

    fn wake(&self) {
        if let Some(present) = &self.present {
            present.link.wake();
        }
    }

    pub(crate) fn acknowledged(&mut self, id: u16) {
        let Some(at) = self.inflight.iter().position(|sent| sent.id == id) else { return };
        if let Some(sent) = self.inflight.remove(at) {
            self.bytes -= sent.message.bytes();
            self.outstanding = self.outstanding.saturating_sub(1);
            if !self.queue.is_empty() || !self.again.is_empty() {
                self.wake();
            }
        }
    }

    /// The next bytes for the client: answers first, then what is sent again, then what is new, within the window.
    pub(crate) fn next_batch(&mut self) -> Batch {
        let mut batch = Batch::default();
        for packet in self.answers.drain(..) {
            batch.packet(&packet);
        }
        while batch.bytes() < BATCH_BYTES && self.outstanding < self.window {
            let Some(id) = self.again.pop_front() else { break };
            if let Some(sent) = self.inflight.iter().find(|sent| sent.id == id) {
                batch.publish(&sent.message, Some(id), true);
                self.outstanding += 1;
            }
        }
        while batch.bytes() < BATCH_BYTES && self.again.is_empty() && self.send_next(&mut batch) {}
        batch
    }

    fn send_next(&mut self, batch: &mut Batch) -> bool {
        if self.outstanding >= self.window && self.queue.front().is_some_and(|next| next.qos != QoS::AtMostOnce) {
            return false;
        }
        let Some(message) = self.queue.pop_front() else { return false };
        if message.qos == QoS::AtMostOnce {
            self.bytes -= message.bytes();
            batch.publish(&message, None, false);
        } else {
            let id = self.free_id();
            batch.publish(&message, Some(id), false);
            self.inflight.push_back(Sent { id, message });
            self.outstanding += 1;
        }
        true
    }

    /// At most a window of ids is in use, so the search is short.
    fn free_id(&mut self) -> u16 {
        loop {
            self.last_id = self.last_id.checked_add(1).unwrap_or(1);
            if !self.inflight.iter().any(|sent| sent.id == self.last_id) {
                return self.last_id;
            }
        }
    }
}
