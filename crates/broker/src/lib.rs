//! A small MQTT 5 broker for trials and tests on this machine; production uses Mosquitto or another full broker.
//!
//! ```
//! use heijunka_broker::{Broker, BrokerConfig};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let broker = Broker::bind(BrokerConfig::default()).await?;
//! println!("clients connect to {}", broker.local_addr());
//! broker.shutdown().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! It has what Heijunka needs from a broker: QoS 0 and 1, retained messages, last wills, persistent sessions (in memory)
//! with expiry, wildcards, limits. It does not have: TLS, QoS 2, MQTT 3, shared subscriptions, topic aliases, message
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
