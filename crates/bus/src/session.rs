//! The task that owns the connection: poll, forward, back off, watch, and nothing else.
//!
//! It never publishes (rumqttc's channel would fill and block its only reader) and `poll` is never one branch of a
//! `select!` (cancelled between a read and its answer it may stall for good).

use heijunka_units::SplitMix64;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode};
use rumqttc::v5::{Event, EventLoop, MqttState, Request};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::backoff;
use crate::inbox::Inbox;
use crate::options::{CONNECT_TIMEOUT_S, INFLIGHT_MAX, subscribe_packet};
use crate::outbox::Outbox;
use crate::reason::Circumstances;
use crate::{BusConfig, BusEvent, DisconnectReason, Incoming, Tls};

/// A connection that lasted this long was a good one: the back-off starts over.
const GOOD_CONNECTION: Duration = Duration::from_secs(5);
/// Abrupt endings are counted within this time.
const ABRUPT_WINDOW: Duration = Duration::from_secs(60);

/// Whether the task continues.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
enum Next {
    GoOn,
    Stop,
}

pub(crate) struct Session {
    config: BusConfig,
    silence_max: Duration,
    event_loop: EventLoop,
    outbox: Arc<Outbox>,
    inbox: Inbox,
    closing: Arc<Notify>,
    jitter: SplitMix64,
    attempt: u32,
    connected_at: Option<Instant>,
    abrupt_endings: VecDeque<Instant>,
    /// A new process has forgotten what was retained: it subscribes once even if the broker still has the session.
    has_subscribed: bool,
}

impl Session {
    pub(crate) fn new(
        config: BusConfig,
        silence_max: Duration,
        event_loop: EventLoop,
        outbox: Arc<Outbox>,
        inbox: Inbox,
        closing: Arc<Notify>,
    ) -> Self {
        // std's hasher keys are the only randomness needed: two agents must not share their jitter.
        let seed = RandomState::new().hash_one(&config.client_id);
        Self {
            config,
            silence_max,
            event_loop,
            outbox,
            inbox,
            closing,
            jitter: SplitMix64::new(seed),
            attempt: 0,
            connected_at: None,
            abrupt_endings: VecDeque::new(),
            has_subscribed: false,
        }
    }

    pub(crate) async fn run(mut self) {
        // Connecting has a limit of its own inside `poll`; a connected loop yields at least one ping per keep-alive.
        let silence_max = self.silence_max + Duration::from_secs(CONNECT_TIMEOUT_S);
        loop {
            let limit = if self.connected_at.is_some() { self.silence_max } else { silence_max };
            let next = match timeout(limit, self.event_loop.poll()).await {
                Ok(Ok(event)) => self.handle(event).await,
                Ok(Err(error)) => {
                    let reason = self.circumstances().classify(&error);
                    self.lost(reason).await
                }
                Err(_) => self.lost(DisconnectReason::Silent { limit_s: limit.as_secs() }).await,
            };
            if next == Next::Stop {
                return;
            }
        }
    }

    fn circumstances(&self) -> Circumstances<'_> {
        Circumstances {
            host: &self.config.host,
            port: self.config.port,
            client_id: &self.config.client_id,
            password_sent: self.config.password.is_some(),
            tls_with_certificate: self.config.tls.as_ref().map(Tls::has_client_certificate),
            connected: self.connected_at.is_some(),
            silence_limit_s: self.silence_max.as_secs(),
        }
    }

    async fn handle(&mut self, event: Event) -> Next {
        match event {
            Event::Incoming(Packet::Publish(publish)) => self.forward(publish).await,
            Event::Incoming(Packet::PubAck(ack)) => self.acknowledged(&ack).await,
            Event::Incoming(Packet::ConnAck(ack)) => self.connected(&ack).await,
            Event::Incoming(Packet::SubAck(ack)) => self.subscribed(&ack).await,
            Event::Outgoing(Outgoing::Publish(packet_id)) => self.outbox.sent(packet_id),
            Event::Outgoing(Outgoing::AwaitAck(_)) => self.outbox.collided(),
            // Flushed before it is reported: the farewell is with the system.
            Event::Outgoing(Outgoing::Disconnect) => return Next::Stop,
            _ => {}
        }
        Next::GoOn
    }

    async fn forward(&mut self, publish: Publish) {
        let Ok(topic) = String::from_utf8(publish.topic.to_vec()) else {
            tracing::warn!("a message arrived whose topic is not UTF-8; it is ignored");
            return;
        };
        let incoming = Incoming { topic, payload: publish.payload, retain: publish.retain };
        self.inbox.push(BusEvent::Message(incoming)).await;
    }

    async fn acknowledged(&mut self, ack: &PubAck) {
        let Some(message) = self.outbox.acknowledged(ack.pkid) else { return };
        if !matches!(ack.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
            let reason = format!("the broker refuses it: {:?}", ack.reason);
            self.refused(message.topic.to_string(), reason).await;
        }
    }

    async fn refused(&mut self, topic: String, reason: String) {
        tracing::debug!(topic, reason, "a message is not delivered");
        self.inbox.push(BusEvent::PublishRefused { topic, reason }).await;
    }

    async fn connected(&mut self, ack: &ConnAck) {
        self.connected_at = Some(Instant::now());
        // A broker that imposes a keep-alive of zero would have rumqttc ping without pause.
        let keep_alive = self.event_loop.options.keep_alive();
        if keep_alive < Duration::from_secs(5) {
            self.event_loop.options.set_keep_alive(Duration::from_secs(5));
        }
        tracing::debug!(session_present = ack.session_present, "connected");
        self.inbox.push(BusEvent::Connected { session_present: ack.session_present }).await;
        if self.config.subscriptions.is_empty() || (ack.session_present && self.has_subscribed) {
            self.inbox.push(BusEvent::Subscribed).await;
        } else {
            // `pending` is served before the channel: nothing is published before the subscriptions are asked for.
            self.event_loop.pending.push_back(Request::Subscribe(subscribe_packet(&self.config.subscriptions)));
        }
        let broker_max = ack.properties.as_ref().and_then(|properties| properties.max_packet_size);
        let aliases =
            ack.properties.as_ref().and_then(|properties| properties.topic_alias_max).is_some_and(|max| max > 0);
        for message in self.outbox.connected(broker_max, aliases) {
            let (bytes, max) = (message.packet_bytes(), broker_max.unwrap_or_default());
            let reason = format!("its packet of {bytes} bytes is over the broker's limit of {max} bytes");
            self.refused(message.topic.to_string(), reason).await;
        }
    }

    async fn subscribed(&mut self, ack: &SubAck) {
        for (filter, code) in self.config.subscriptions.iter().zip(&ack.return_codes) {
            if !matches!(code, SubscribeReasonCode::Success(_)) {
                let reason = format!("the broker refuses it: {code:?}");
                tracing::debug!(filter, reason, "a subscription is not made");
                self.inbox.push(BusEvent::SubscribeRefused { filter: filter.clone(), reason }).await;
            }
        }
        self.has_subscribed = true;
        self.inbox.push(BusEvent::Subscribed).await;
    }

    /// Reports the loss, takes everything unacknowledged back, and waits before the next attempt.
    async fn lost(&mut self, reason: DisconnectReason) -> Next {
        if self.handle_leftovers().await == Next::Stop {
            return Next::Stop;
        }
        let event_loop = &mut self.event_loop;
        self.outbox.disconnected(|| {
            event_loop.clean();
            event_loop.pending.clear();
            // rumqttc's own state outlives a connection with a stale collision and with packet ids beyond a smaller
            // window of the next broker.
            event_loop.state = MqttState::new(INFLIGHT_MAX, false);
        });
        if self.outbox.is_finished() {
            return Next::Stop;
        }
        let was_good = self.connected_at.take().is_some_and(|since| since.elapsed() >= GOOD_CONNECTION);
        self.attempt = if was_good { 0 } else { self.attempt };
        let retry_in = backoff(self.attempt, self.config.reconnect_max, self.jitter.next_u64());
        self.attempt = self.attempt.saturating_add(1);
        let reason = self.counted(reason);
        tracing::debug!(%reason, ?retry_in, "disconnected");
        self.inbox.push(BusEvent::Disconnected { reason, retry_in }).await;
        tokio::select! {
            () = sleep(retry_in) => Next::GoOn,
            () = self.closing.notified() => if self.outbox.is_finished() { Next::Stop } else { Next::GoOn },
        }
    }

    /// What was read before the loss, and perhaps acknowledged already, still counts.
    async fn handle_leftovers(&mut self) -> Next {
        while let Some(event) = self.event_loop.state.events.pop_front() {
            if matches!(event, Event::Incoming(Packet::ConnAck(_) | Packet::Disconnect(_))) {
                continue;
            }
            if self.handle(event).await == Next::Stop {
                return Next::Stop;
            }
        }
        Next::GoOn
    }

    fn counted(&mut self, reason: DisconnectReason) -> DisconnectReason {
        let DisconnectReason::ClosedAbruptly { .. } = reason else { return reason };
        let now = Instant::now();
        self.abrupt_endings.push_back(now);
        self.abrupt_endings.retain(|at| now.duration_since(*at) <= ABRUPT_WINDOW);
        DisconnectReason::ClosedAbruptly { times_in_a_minute: self.abrupt_endings.len() }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
