//! The configuration of the bus, and the message that it carries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use heijunka_units::Secret;

use crate::Tls;

/// Longest string that MQTT can carry (its length is 16 bits), in bytes.
const STRING_BYTES_MAX: usize = 65_535;
/// Shortest and longest keep-alive: rumqttc takes no less than 5 s, the protocol has 16 bits of seconds.
const KEEP_ALIVE_S: std::ops::RangeInclusive<u64> = 5..=65_535;

/// How surely a message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Quality {
    /// QoS 0: sent once, lost with the connection.
    AtMostOnce,
    /// QoS 1: kept until the broker acknowledges it, may arrive twice.
    #[default]
    AtLeastOnce,
}

/// A message to publish. Cloning it shares topic and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Topic, without wildcards.
    pub topic: Arc<str>,
    /// Payload; an empty one with `retain` clears what the topic retains.
    pub payload: Bytes,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// How surely it arrives.
    pub qos: Quality,
    /// Its topic is used often: if the broker allows it, a number (a topic alias) replaces the topic after its first use on
    /// each connection. Only one topic of a client can be such a topic.
    pub often: bool,
}

impl Message {
    /// A message that arrives at least once and is not retained.
    pub fn new(topic: impl Into<Arc<str>>, payload: impl Into<Bytes>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), retain: false, qos: Quality::AtLeastOnce, often: false }
    }

    /// The same message, retained.
    #[must_use]
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }

    /// The same message, on a topic that is used often.
    #[must_use]
    pub fn often(self) -> Self {
        Self { often: true, ..self }
    }

    /// The same message, at most once.
    #[must_use]
    pub fn at_most_once(self) -> Self {
        Self { qos: Quality::AtMostOnce, ..self }
    }

    /// Bytes of the PUBLISH packet on the wire at most: header, remaining length, topic, packet id, properties, payload.
    #[must_use]
    pub fn packet_bytes(&self) -> usize {
        let id = if self.qos == Quality::AtLeastOnce { 2 } else { 0 };
        let alias = if self.often { 3 } else { 0 };
        let remaining = 2 + self.topic.len() + id + 1 + alias + self.payload.len();
        let length_bytes = match remaining {
            0..128 => 1,
            128..16_384 => 2,
            16_384..2_097_152 => 3,
            _ => 4,
        };
        1 + length_bytes + remaining
    }
}

/// Everything the bus needs to know. [`BusConfig::new`] fills in what a small plant needs.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// Broker's name or address (an IPv6 address without brackets).
    pub host: String,
    /// Broker's TCP port.
    pub port: u16,
    /// TLS, unless the network is trusted.
    pub tls: Option<Tls>,
    /// Client id: one per program in the whole plant.
    pub client_id: String,
    /// User name, if the broker requires one.
    pub username: Option<String>,
    /// Password, if the broker requires one.
    pub password: Option<Secret>,
    /// Interval of pings, 5 s to 65,535 s; longer than the largest transfer takes.
    pub keep_alive: Duration,
    /// Longest wait between two attempts to connect.
    pub reconnect_max: Duration,
    /// Largest packet sent or accepted, in bytes; at most what the broker takes.
    pub packet_bytes_max: u32,
    /// How long the broker keeps the session (subscriptions, queued messages) of an absent client.
    pub session_expiry: Duration,
    /// Messages that may wait to be sent; one more is refused.
    pub queue_max: usize,
    /// Bytes that may wait to be sent or acknowledged; also the bytes of arrived messages that wait to be read.
    pub queue_bytes_max: usize,
    /// What the broker publishes when this client vanishes.
    pub will: Option<Message>,
    /// Topic filters, subscribed with QoS 1.
    pub subscriptions: Vec<String>,
}

impl BusConfig {
    /// A configuration with the usual values: keep-alive 30 s, reconnect within 30 s, packets of 1 MiB, a session of one
    /// hour, 4,096 messages and 64 MiB waiting, no TLS, no login, no will, no subscriptions.
    pub fn new(host: impl Into<String>, port: u16, client_id: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port,
            tls: None,
            client_id: client_id.into(),
            username: None,
            password: None,
            keep_alive: Duration::from_secs(30),
            reconnect_max: Duration::from_secs(30),
            packet_bytes_max: 1 << 20,
            session_expiry: Duration::from_secs(3600),
            queue_max: 4096,
            queue_bytes_max: 64 << 20,
            will: None,
            subscriptions: Vec::new(),
        }
    }

    /// Checks ranges, topics and lengths.
    ///
    /// # Errors
    /// The first setting that MQTT or rumqttc cannot take.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.host.is_empty() {
            return Err(ConfigError::Empty { setting: "host" });
        }
        if self.client_id.is_empty() {
            return Err(ConfigError::Empty { setting: "client_id" });
        }
        if !KEEP_ALIVE_S.contains(&self.keep_alive.as_secs()) {
            return Err(ConfigError::KeepAlive { keep_alive_s: self.keep_alive.as_secs() });
        }
        if self.packet_bytes_max < 128 {
            return Err(ConfigError::PacketTooSmall { packet_bytes_max: self.packet_bytes_max });
        }
        if self.queue_max == 0 || self.queue_bytes_max == 0 {
            return Err(ConfigError::Empty { setting: "queue_max, queue_bytes_max" });
        }
        let password = self.password.as_ref().map_or("", Secret::reveal);
        let username = self.username.as_deref().unwrap_or_default();
        for (setting, text) in [("client_id", self.client_id.as_str()), ("username", username), ("password", password)]
        {
            short_enough(setting, text.len())?;
        }
        self.check_topics()
    }

    /// Whether a password would cross the network unencrypted.
    pub(crate) fn shows_password(&self) -> bool {
        let stays_here = self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        self.password.is_some() && self.tls.is_none() && !stays_here
    }

    fn check_topics(&self) -> Result<(), ConfigError> {
        for filter in &self.subscriptions {
            if !rumqttc::v5::mqttbytes::valid_filter(filter) || filter.len() > STRING_BYTES_MAX {
                return Err(ConfigError::Filter { filter: filter.clone() });
            }
        }
        let Some(will) = &self.will else { return Ok(()) };
        if !topic_is_valid(&will.topic) {
            return Err(ConfigError::WillTopic { topic: will.topic.to_string() });
        }
        short_enough("will", will.payload.len())
    }
}

fn short_enough(setting: &'static str, bytes: usize) -> Result<(), ConfigError> {
    if bytes > STRING_BYTES_MAX {
        return Err(ConfigError::TooLong { setting, bytes });
    }
    Ok(())
}

/// Whether a message can be published to `topic`.
pub(crate) fn topic_is_valid(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= STRING_BYTES_MAX && !topic.contains(['+', '#', '\0'])
}

/// A setting that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A needed setting is empty or zero.
    #[error("{setting} is empty")]
    Empty {
        /// Name of the setting.
        setting: &'static str,
    },
    /// The keep-alive is out of range.
    #[error("keep_alive is {keep_alive_s} s; it must be 5 s to 65535 s")]
    KeepAlive {
        /// What was asked for, in seconds.
        keep_alive_s: u64,
    },
    /// Not even a short message fits.
    #[error("the largest packet is {packet_bytes_max} bytes; it must be 128 bytes or more")]
    PacketTooSmall {
        /// What was asked for, in bytes.
        packet_bytes_max: u32,
    },
    /// A text is longer than MQTT can carry.
    #[error("{setting} has {bytes} bytes; MQTT carries at most 65535")]
    TooLong {
        /// Name of the setting.
        setting: &'static str,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A topic filter is malformed.
    #[error("'{filter}' is not a topic filter: + and # stand alone between slashes, # only at the end")]
    Filter {
        /// The filter.
        filter: String,
    },
    /// The will cannot be published there.
    #[error("'{topic}' is not a topic: it must not be empty nor hold + or #")]
    WillTopic {
        /// The topic.
        topic: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        let mut config = BusConfig::new("localhost", 1883, "press-07");
        config.password = Some(Secret::new("hunter2"));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.password.as_ref().map(Secret::reveal), Some("hunter2"));
    }

    #[test]
    fn a_password_is_shown_only_to_a_network() {
        for (host, shown) in
            [("plant", true), ("192.168.1.10", true), ("127.0.0.1", false), ("::1", false), ("LocalHost", false)]
        {
            let mut config = BusConfig::new(host, 1883, "press-07");
            assert!(!config.shows_password(), "there is none");
            config.password = Some(Secret::new("hunter2"));
            assert_eq!(config.shows_password(), shown, "{host}");
        }
    }

    #[test]
    fn packet_bytes_are_those_of_the_codec() {
        for payload_bytes in [0, 1, 100, 118, 119, 120, 121, 122, 200, 16_370, 16_380, 20_000, 2_097_140, 2_097_160] {
            for message in [
                Message::new("a/bc", vec![0; payload_bytes]),
                Message::new("a/bc", vec![0; payload_bytes]).at_most_once(),
            ] {
                let qos = match message.qos {
                    Quality::AtMostOnce => rumqttc::v5::mqttbytes::QoS::AtMostOnce,
                    Quality::AtLeastOnce => rumqttc::v5::mqttbytes::QoS::AtLeastOnce,
                };
                let mut publish = rumqttc::v5::mqttbytes::v5::Publish::new("a/bc", qos, message.payload.clone(), None);
                publish.pkid = 1;
                assert_eq!(message.packet_bytes(), publish.size(), "payload of {payload_bytes}");
            }
        }
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let good = BusConfig::new("localhost", 1883, "press-07");
        assert_eq!(good.check(), Ok(()));
        let spoilt: [fn(&mut BusConfig); 8] = [
            |c| c.host.clear(),
            |c| c.client_id.clear(),
            |c| c.keep_alive = Duration::from_secs(4),
            |c| c.keep_alive = Duration::from_secs(65_536),
            |c| c.packet_bytes_max = 10,
            |c| c.subscriptions = vec!["a/#/b".to_owned()],
            |c| c.will = Some(Message::new("a/+", "x")),
            |c| c.will = Some(Message::new("a", vec![0; 65_536])),
        ];
        for (case, spoil) in spoilt.into_iter().enumerate() {
            let mut config = good.clone();
            spoil(&mut config);
            assert!(config.check().is_err(), "case {case}");
        }
    }
}
