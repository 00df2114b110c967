//! The bus: a session with the MQTT 5 broker, over TCP or TLS, on rumqttc's client.
//!
//! [`start`] gives two ends: a [`Bus`], which publishes without ever waiting, and [`Events`], which yields what
//! arrives. Between them one task owns the connection: it polls, forwards, backs off and watches, and does nothing else.
//!
//! ```no_run
//! use heijunka_bus::{BusConfig, BusEvent, Message, start};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = BusConfig::new("192.168.1.10", 1883, "press-07");
//! config.subscriptions.push("presses/+/state".to_owned());
//! let (bus, mut events) = start(config)?;
//! bus.publish(Message::new("presses/07/state", "running").retained())?;
//! while let Some(event) = events.next().await {
//!     match event {
//!         BusEvent::Message(message) => println!("{}: {} bytes", message.topic, message.payload.len()),
//!         BusEvent::Disconnected { reason, .. } => println!("{reason}"),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What rumqttc leaves open is done here:
//! * every publish is measured before it is queued; an oversize one would disconnect instead of failing;
//! * unacknowledged messages are kept in an outbox of our own and sent again, in their order, after every loss of the
//!   connection, whether or not the broker still knows the session (rumqttc drops them when it does not);
//! * reconnection backs off with full jitter; a peer that stops reading or answering is detected and dropped;
//! * reasons for a lost connection are given in plain words with their likely causes.
//!
//! Delivery is at least once: the receiver removes duplicates. A PUBACK says that the broker has the message, not that
//! it survives the broker: what must not be lost needs a receipt from the application.

mod backoff;
mod config;
mod event;
mod handle;
mod inbox;
mod options;
mod outage;
mod outbox;
mod probe;
mod reason;
mod session;
mod tls;

pub use backoff::backoff;
pub use config::{BusConfig, ConfigError, Message, Quality};
pub use event::{BusEvent, Incoming};
pub use handle::{Bus, PublishError, start};
pub use heijunka_units::Secret;
pub use inbox::Events;
pub use outage::Outage;
pub use probe::{ProbeError, Probed, probe};
pub use reason::DisconnectReason;
pub use tls::{Tls, TlsError, TlsFiles, TlsTrouble};
