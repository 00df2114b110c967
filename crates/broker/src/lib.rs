//! A small MQTT 5 broker for trials and tests on this machine; production is Mosquitto or another grown broker.
//!
//! It has what Heijunka needs of a broker: QoS 0 and 1, retained messages, last wills, persistent sessions (in memory)
//! with expiry, wildcards, limits. It has not: TLS, QoS 2, MQTT 3, shared subscriptions, topic aliases, message
//! properties (they are not passed on), will delays (a will is published at once), access rules per topic, disk.
//!
//! What a client can grow is bounded:
//! * packets by `packet_bytes_max`: a larger one ends the connection before it is read;
//! * the queue towards a client by `queue_bytes_max`: over it the newest message is dropped for an absent client, as
//!   Mosquitto does, and a present one, which has stopped reading, is disconnected (its session stays);
//! * retained messages by `retained_bytes_max`: over it the publish is refused with QuotaExceeded;
//! * sessions, connections and subscriptions by count.

mod config;
mod connection;
mod exchange;
mod filter;
mod link;
mod message;
#[cfg(feature = "mosquitto")]
pub mod mosquitto;
mod server;
mod session;
mod wire;

pub use config::{BindError, BrokerConfig, Credentials, Stats};
pub use server::Broker;
