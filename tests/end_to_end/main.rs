//! End to end: the real programs against a real Mosquitto.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod compact;
mod ending;
mod errors;
mod faults;
mod people;
mod reissue;
mod tls;
mod training;
mod trajectory;
mod watch;
mod web;
