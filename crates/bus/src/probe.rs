//! Tries the broker the way the programs will use it, for their `check` commands.

use std::time::Duration;

use bytes::Bytes;

use crate::{BusConfig, BusEvent, ConfigError, DisconnectReason, Message, PublishError, start};

/// A step that worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// The broker is reached and accepts the login.
    Connected {
        /// Largest packet that both sides take, in bytes.
        packet_bytes_max: usize,
    },
    /// All topic filters may be subscribed.
    Subscribed,
    /// A message went out and came back.
    Echoed,
}

/// What does not work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// A setting that MQTT cannot take.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The broker is not reached, or does not accept the login.
    #[error("{0}")]
    Disconnected(DisconnectReason),
    /// The echo cannot be sent.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The broker takes smaller packets than this program is set to (F10).
    #[error(
        "the broker takes packets of at most {broker_bytes_max} bytes, this program sends up to {bytes_max}: lower \
         max_packet in the settings of all programs of the job, or raise max_packet_size in the broker's"
    )]
    PacketLimit {
        /// The broker's limit, in bytes.
        broker_bytes_max: usize,
        /// This program's limit, in bytes.
        bytes_max: usize,
    },
    /// The broker refuses a topic.
    #[error("the broker refuses {topic}: {reason}; give this user the right in the broker's access list")]
    Refused {
        /// The topic or filter.
        topic: String,
        /// What the broker says.
        reason: String,
    },
    /// The broker took the message, but did not deliver it: a refused right shows nowhere else (F5).
    #[error(
        "no echo on {topic} within {patience_s} s: the broker's access list may forbid this user to write or to read \
         it, or the broker hangs"
    )]
    NoEcho {
        /// The topic.
        topic: String,
        /// How long the echo was waited for, in seconds.
        patience_s: u64,
    },
}

impl ProbeError {
    /// What is wrong, and what to do or to look at: the two parts of the sentence that `Display` gives.
    #[must_use]
    pub fn what_and_fix(&self) -> (String, String) {
        let text = self.to_string();
        let parts = match self {
            Self::Refused { .. } => text.rsplit_once("; "),
            _ => text.rsplit_once(": "),
        };
        match parts {
            Some((what, fix)) => (what.to_owned(), fix.to_owned()),
            None => (text, "see what the broker's log says about it".to_owned()),
        }
    }
}

/// Connects with `config` (under a client id of its own, without a will), subscribes its filters, publishes `payload`
/// to `echo` and waits for it to come back. Calls `report` after each step that worked.
///
/// # Errors
/// The first step that did not work, at the latest after `patience`.
pub async fn probe(
    mut config: BusConfig,
    echo: &str,
    payload: Bytes,
    patience: Duration,
    mut report: impl FnMut(Probed),
) -> Result<(), ProbeError> {
    config.client_id += "-check";
    config.session_expiry = Duration::ZERO;
    config.will = None;
    config.subscriptions.push(echo.to_owned());
    let (bus, mut events) = start(config)?;
    let steps = async {
        while let Some(event) = events.next().await {
            match event {
                BusEvent::Connected { .. } => report(Probed::Connected { packet_bytes_max: bus.packet_bytes_max() }),
                BusEvent::Subscribed => {
                    report(Probed::Subscribed);
                    bus.publish(Message::new(echo, payload.clone()))?;
                }
                BusEvent::Message(message) if message.payload == payload => {
                    report(Probed::Echoed);
                    return Ok(());
                }
                BusEvent::Disconnected { reason, .. } => return Err(ProbeError::Disconnected(reason)),
                BusEvent::SubscribeRefused { filter: topic, reason } | BusEvent::PublishRefused { topic, reason } => {
                    return Err(ProbeError::Refused { topic, reason });
                }
                BusEvent::Message(_) => {}
            }
        }
        Ok(())
    };
    let tried = tokio::time::timeout(patience, steps).await;
    bus.close(Duration::from_secs(1)).await;
    tried.unwrap_or_else(|_| Err(ProbeError::NoEcho { topic: echo.to_owned(), patience_s: patience.as_secs() }))
}
