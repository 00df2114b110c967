//! What the agent sends: the worker's messages through the emulated link, and JSON for people past it.

use crate::config::Valid;
use crate::tally::Tally;
use crate::uplink::Uplink;
use heijunka_bus::{Bus, Message, PublishError};
use heijunka_units::{AgentId, ByteRate, Cap, Timestamp};
use heijunka_wire::{Channel, Topics};
use std::time::Duration;
use tracing::warn;

/// Bytes by which the length of a packet is written longer than that of an empty one.
const LONGER_BYTES: usize = 3;

/// The way to the broker.
pub(crate) struct Outlet {
    bus: Bus,
    topics: Topics,
    agent: AgentId,
    uplink: Uplink,
}

impl Outlet {
    pub(crate) fn new(valid: &Valid, topics: Topics, bus: Bus) -> Self {
        let uplink = Uplink::new(valid.emulate.uplink_bps.and_then(ByteRate::from_bits_per_s));
        Self { bus, topics, agent: valid.agent.clone(), uplink }
    }

    pub(crate) fn topics(&self) -> &Topics {
        &self.topics
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    /// Bytes of the largest packet that the broker takes.
    pub(crate) fn broker_packet_bytes_max(&self) -> usize {
        self.bus.packet_bytes_max()
    }

    /// Sends a message of the worker; returns for how long the emulated link holds it back.
    pub(crate) fn send(&mut self, channel: Channel, bytes: &[u8], now: Timestamp, tally: &mut Tally) -> Duration {
        let message = Message::new(self.topics.of(channel, &self.agent).as_str(), bytes.to_vec());
        let message = if channel == Channel::Gradient { message.often() } else { message };
        tally.sent(message.payload.len());
        let (message, emulated) = self.uplink.send(message, now);
        if let Some(message) = message {
            warn_of(self.bus.publish(message));
        }
        emulated
    }

    /// When the next message is through the emulated link.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.uplink.due()
    }

    /// Publishes what is through the emulated link.
    pub(crate) fn release(&mut self, now: Timestamp) {
        while let Some(message) = self.uplink.ready(now) {
            warn_of(self.bus.publish(message));
        }
    }

    /// Sends JSON for people; returns the bytes of the packet.
    pub(crate) fn send_to_people(&mut self, channel: Channel, bytes: Vec<u8>, tally: &mut Tally) -> usize {
        let contract = channel.contract();
        let mut message = Message::new(self.topics.of(channel, &self.agent).as_str(), bytes);
        message.retain = contract.retained;
        let message = if contract.at_least_once { message } else { message.at_most_once() };
        let packet_bytes = message.packet_bytes();
        tally.sent(message.payload.len());
        warn_of(self.bus.publish(message));
        packet_bytes
    }

    /// Sends what waits, for `patience` at most, and leaves the broker.
    pub(crate) async fn close(self, patience: Duration) {
        self.bus.close(patience).await;
    }
}

/// The cap on what is sent, with what a packet has besides its frame.
pub(crate) fn cap(valid: &Valid, topics: &Topics) -> Option<Cap> {
    let packet_bytes =
        |channel| Message::new(topics.of(channel, &valid.agent).as_str(), Vec::new()).often().packet_bytes();
    let channels = [Channel::Join, Channel::Survey, Channel::Scores, Channel::Gradient];
    let packet_extra_bytes = channels.map(packet_bytes).into_iter().max().unwrap_or(0) + LONGER_BYTES;
    valid.uplink.map(|rate| Cap { rate, packet_extra_bytes })
}

fn warn_of(published: Result<(), PublishError>) {
    if let Err(error) = published {
        warn!("a message was not sent: {error}");
    }
}
