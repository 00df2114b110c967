//! The wire contract, tested from outside: golden bytes, round trips, hostile bytes, chunks, topics, documents.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case shall fail")]

mod chunks;
mod documents;

mod hostile;
mod messages;
mod round_trip;
mod topics;
mod vectors;

use proptest::test_runner::{Config, RngSeed};

/// The contract in words.
const PAGE: &str = include_str!("../../../../docs/wire.md");

/// So many cases, the same in every run; a failure is shown, not filed.
fn cases(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(20_211_008), failure_persistence: None, ..Config::default() }
}
