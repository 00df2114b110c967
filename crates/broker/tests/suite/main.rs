//! The bus against real brokers: one suite, run against Mosquitto and against the embedded broker, and what only the
//! embedded one must prove.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot continue fails")]

mod both;
mod embedded;
mod lost;
mod refused;
mod rig;
mod sockets;
