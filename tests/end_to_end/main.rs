//! End to end: the real programs against a real Mosquitto.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot continue fails")]

mod acl;
mod bridge;
mod compact;
mod ending;
mod errors;
mod export;
mod faults;
mod follow;
mod grafana;
mod limits;
mod mistakes;
mod people;
mod rare;
mod reissue;
mod resume;
mod saves;
mod secured;
mod series;
mod service;
mod tls;
mod training;
mod trajectory;
mod vectors;
mod vibration;
mod watch;
mod web;
