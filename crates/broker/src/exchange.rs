//! What all connections share: sessions and retained messages. One lock, never held across an await.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode as Code, Filter, Packet, PubAck, PubAckReason, RetainForwardRule, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck, UnsubAckReason, Unsubscribe,
};
use tokio::time::Instant;

use crate::config::{BrokerConfig, FILTERS_MAX, SESSIONS_MAX, Stats};
use crate::filter::{filter_is_valid, matches};
use crate::link::Link;
use crate::message::Message;
use crate::session::{Present, Session};
use crate::wire::Batch;

#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) config: BrokerConfig,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sessions: HashMap<Arc<str>, Session>,
    retained: HashMap<Arc<str>, Message>,
    retained_bytes: usize,
}

/// What a client says of itself when it connects.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) client_id: Arc<str>,
    pub(crate) clean_start: bool,
    pub(crate) expiry: Duration,
    pub(crate) window: u16,
    pub(crate) packet_bytes_max: usize,
    pub(crate) will: Option<Message>,
}

impl Exchange {
    pub(crate) fn new(config: BrokerConfig) -> Self {
        Self { config, bytes_in: AtomicU64::new(0), bytes_out: AtomicU64::new(0), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.state();
        Stats {
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            clients: state.sessions.values().filter(|session| session.present.is_some()).count(),
            sessions: state.sessions.len(),
            retained: state.retained.len(),
            queued_bytes: state.sessions.values().map(Session::bytes).sum(),
        }
    }

    /// Gives the client its session, taking it from an earlier connection of the same id. Returns whether it was
    /// there already; `None` when there is no room for another.
    pub(crate) fn arrive(&self, arrival: Arrival, link: Arc<Link>) -> Option<bool> {
        let mut state = self.state();
        let now = Instant::now();
        state.sessions.retain(|_, session| !session.is_expired(now));
        let earlier = state.sessions.get_mut(&arrival.client_id).and_then(|session| session.present.take());
        if let Some(earlier) = earlier {
            earlier.link.end(Code::SessionTakenOver);
            state.publish_will(&arrival.client_id, earlier.will, &self.config);
        }
        if arrival.clean_start {
            state.sessions.remove(&arrival.client_id);
        }
        let was_there = state.sessions.contains_key(&arrival.client_id);
        if !was_there && state.sessions.len() >= SESSIONS_MAX {
            return None;
        }
        let session = state.sessions.entry(arrival.client_id).or_default();
        session.expiry = arrival.expiry;
        session.packet_bytes_max = arrival.packet_bytes_max;
        session.arrive(Present { link, will: arrival.will }, arrival.window);
        Some(was_there)
    }

    /// The connection is gone; unless another has taken the session, its will is published and its expiry runs.
    pub(crate) fn leave(&self, client_id: &Arc<str>, link: &Arc<Link>, farewell_said: bool) {
        let mut state = self.state();
        let Some(session) = state.session(client_id, link) else { return };
        let will = session.present.take().and_then(|present| present.will);
        session.absent_since = Some(Instant::now());
        if session.expiry.is_zero() {
            state.sessions.remove(client_id);
        }
        if !farewell_said {
            state.publish_will(client_id, will, &self.config);
        }
    }

    pub(crate) fn set_expiry(&self, client_id: &Arc<str>, link: &Arc<Link>, expiry: Duration) {
        if let Some(session) = self.state().session(client_id, link) {
            session.expiry = expiry;
        }
    }

    /// The next bytes for this connection; `None` when it has lost its session.
    pub(crate) fn next_batch(&self, client_id: &Arc<str>, link: &Arc<Link>) -> Option<Batch> {
        self.state().session(client_id, link).map(Session::next_batch)
    }

    pub(crate) fn answer(&self, client_id: &Arc<str>, link: &Arc<Link>, packet: Packet) {
        if let Some(session) = self.state().session(client_id, link) {
            session.answer(packet);
        }
    }

    pub(crate) fn acknowledged(&self, client_id: &Arc<str>, link: &Arc<Link>, id: u16) {
        if let Some(session) = self.state().session(client_id, link) {
            session.acknowledged(id);
        }
    }

    /// Routes a message and, for QoS 1 (`id`), acknowledges it.
    pub(crate) fn publish(&self, client_id: &Arc<str>, link: &Arc<Link>, message: Message, id: Option<u16>) {
        let mut state = self.state();
        if state.session(client_id, link).is_none() {
            return;
        }
        let accepted = !message.retain || state.keep(&message, self.config.retained_bytes_max);
        if accepted {
            state.route(client_id, message, self.config.queue_bytes_max);
        }
        if let (Some(id), Some(session)) = (id, state.session(client_id, link)) {
            let mut ack = PubAck::new(id, None);
            if !accepted {
                ack.reason = PubAckReason::QuotaExceeded;
            }
            session.answer(Packet::PubAck(ack));
        }
    }

    pub(crate) fn subscribe(&self, client_id: &Arc<str>, link: &Arc<Link>, subscribe: Subscribe) {
        let mut state = self.state();
        let State { sessions, retained, .. } = &mut *state;
        let Some(session) = sessions.get_mut(client_id).filter(|session| is_of(session, link)) else { return };
        let queue_is_full = session.bytes() >= self.config.queue_bytes_max;
        let mut return_codes = Vec::with_capacity(subscribe.filters.len());
        let mut wanted: Vec<Message> = Vec::new();
        for filter in subscribe.filters {
            let code = if queue_is_full { SubscribeReasonCode::QuotaExceeded } else { judge(session, &filter) };
            return_codes.push(code);
            if matches!(code, SubscribeReasonCode::Success(_)) {
                wanted.extend(add_filter(session, filter, retained));
            }
        }
        session.answer(Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes, properties: None }));
        for message in wanted {
            session.queue_up(message);
        }
    }

    pub(crate) fn unsubscribe(&self, client_id: &Arc<str>, link: &Arc<Link>, unsubscribe: &Unsubscribe) {
        let mut state = self.state();
        let Some(session) = state.session(client_id, link) else { return };
        let reasons = unsubscribe.filters.iter().map(|path| {
            let before = session.filters.len();
            session.filters.retain(|filter| filter.path != *path);
            if session.filters.len() < before { UnsubAckReason::Success } else { UnsubAckReason::NoSubscriptionExisted }
        });
        let reasons = reasons.collect();
        session.answer(Packet::UnsubAck(UnsubAck { pkid: unsubscribe.pkid, reasons, properties: None }));
    }

    /// Ends every connection.
    pub(crate) fn end_all(&self, farewell: Code) {
        for session in self.state().sessions.values_mut() {
            if let Some(present) = &mut session.present {
                present.will = None;
                present.link.end(farewell);
            }
        }
    }
}

fn is_of(session: &Session, link: &Arc<Link>) -> bool {
    session.present.as_ref().is_some_and(|present| Arc::ptr_eq(&present.link, link))
}

fn judge(session: &Session, filter: &Filter) -> SubscribeReasonCode {
    let is_new = session.filters.iter().all(|known| known.path != filter.path);
    if filter.path.starts_with("$share/") {
        SubscribeReasonCode::SharedSubscriptionsNotSupported
    } else if !filter_is_valid(&filter.path) {
        SubscribeReasonCode::TopicFilterInvalid
    } else if is_new && session.filters.len() >= FILTERS_MAX {
        SubscribeReasonCode::QuotaExceeded
    } else {
        SubscribeReasonCode::Success(granted(filter.qos))
    }
}

fn granted(qos: QoS) -> QoS {
    if qos == QoS::AtMostOnce { QoS::AtMostOnce } else { QoS::AtLeastOnce }
}

/// Adds or replaces a subscription; returns the retained messages that go with it.
fn add_filter(session: &mut Session, filter: Filter, retained: &HashMap<Arc<str>, Message>) -> Vec<Message> {
    let known = session.filters.iter_mut().find(|known| known.path == filter.path);
    let sends_retained = match filter.retain_forward_rule {
        RetainForwardRule::OnEverySubscribe => true,
        RetainForwardRule::OnNewSubscribe => known.is_none(),
        RetainForwardRule::Never => false,
    };
    let mut messages: Vec<Message> = Vec::new();
    if sends_retained {
        messages.extend(retained.values().filter(|message| matches(&message.topic, &filter.path)).cloned());
        messages.retain(|message| message.topic.len() + message.payload.len() + 16 <= session.packet_bytes_max);
        // A map has no order of its own; the same subscription gives the same sequence.
        messages.sort_by(|a, b| a.topic.cmp(&b.topic));
        for message in &mut messages {
            message.qos = if filter.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { message.qos };
        }
    }
    match known {
        Some(known) => *known = filter,
        None => session.filters.push(filter),
    }
    messages
}

impl State {
    /// The session, if this connection is the one it has.
    fn session(&mut self, client_id: &Arc<str>, link: &Arc<Link>) -> Option<&mut Session> {
        self.sessions.get_mut(client_id).filter(|session| is_of(session, link))
    }

    /// Stores or clears what a topic retains; `false` when there is no room.
    fn keep(&mut self, message: &Message, bytes_max: usize) -> bool {
        let before = self.retained.get(&message.topic).map_or(0, Message::bytes);
        if message.payload.is_empty() {
            self.retained.remove(&message.topic);
            self.retained_bytes -= before;
            return true;
        }
        let after = self.retained_bytes - before + message.bytes();
        if after > bytes_max {
            return false;
        }
        self.retained_bytes = after;
        self.retained.insert(Arc::clone(&message.topic), message.clone());
        true
    }

    fn route(&mut self, from: &Arc<str>, message: Message, queue_bytes_max: usize) {
        for (client_id, session) in &mut self.sessions {
            let Some((qos, as_published)) = session.wants(&message.topic, client_id == from) else { continue };
            let qos = if message.qos == QoS::AtMostOnce { QoS::AtMostOnce } else { qos };
            session.offer(Message { qos, retain: message.retain && as_published, ..message.clone() }, queue_bytes_max);
        }
    }

    fn publish_will(&mut self, from: &Arc<str>, will: Option<Message>, config: &BrokerConfig) {
        let Some(will) = will else { return };
        if !will.retain || self.keep(&will, config.retained_bytes_max) {
            self.route(from, will, config.queue_bytes_max);
        }
    }
}
