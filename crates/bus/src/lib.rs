//! The bus: the one place that knows rumqttc (MQTT 5 over TCP or TLS).
//!
//! [`start`] gives two ends: a [`Bus`], which publishes without ever waiting, and [`Events`], which yields what came
//! in. Between them one task owns the connection: it polls, forwards, backs off and watches, and does nothing else.
//!
//! What rumqttc leaves open is settled here:
//! * every publish is measured before it is queued; an oversize one would disconnect instead of failing;
//! * unacknowledged messages are kept in an outbox of our own and sent again, in their order, after every loss of the
//!   connection, whether or not the broker still knows the session (rumqttc drops them when it does not);
//! * reconnection backs off with full jitter; a peer that stops reading or answering is noticed and left;
//! * reasons for a lost connection are told in plain words with their likely causes.
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
