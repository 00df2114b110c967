//! What comes out of the bus.

use std::time::Duration;

use bytes::Bytes;

use crate::DisconnectReason;

/// A message that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Topic it was published to.
    pub topic: String,
    /// Its payload.
    pub payload: Bytes,
    /// Whether it was kept by the broker from before the subscription.
    pub retain: bool,
}

/// What the bus reports. A later version may report more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BusEvent {
    /// The broker accepted the connection.
    Connected {
        /// Whether it still had the session; if not, the bus subscribes again.
        session_present: bool,
    },
    /// The broker has accepted the subscriptions of this connection (follows every `Connected`).
    Subscribed,
    /// The connection is lost or could not be made; the bus tries again by itself.
    Disconnected {
        /// Why, as far as it is known.
        reason: DisconnectReason,
        /// Wait until the next attempt.
        retry_in: Duration,
    },
    /// A message arrived.
    Message(Incoming),
    /// A message was queued, but will not be delivered.
    PublishRefused {
        /// Its topic.
        topic: String,
        /// Why, in plain words.
        reason: String,
    },
    /// The broker refused a subscription.
    SubscribeRefused {
        /// The topic filter.
        filter: String,
        /// Why, in plain words.
        reason: String,
    },
}
