//! What the agent tells people's tools: flat JSON with units in the names.

use heijunka_worker::Status;
use serde::Serialize;
use std::time::{Duration, SystemTime};

/// `agents/<id>/state`
#[derive(Serialize)]
pub(crate) struct State<'a> {
    state: &'a str,
    since: Option<String>,
    reason: Option<&'a str>,
}

impl State<'_> {
    pub(crate) fn online() -> Vec<u8> {
        json(&State { state: "online", since: Some(now()), reason: None })
    }

    pub(crate) fn lost() -> Vec<u8> {
        json(&State { state: "offline", since: None, reason: Some("connection lost") })
    }

    /// The agent has ended: "stopped", or what went wrong.
    pub(crate) fn ended(reason: &str) -> Vec<u8> {
        json(&State { state: "offline", since: Some(now()), reason: Some(reason) })
    }
}

/// `agents/<id>/info`
#[derive(Serialize)]
pub(crate) struct Info<'a> {
    pub(crate) version: &'a str,
    pub(crate) os: &'a str,
    pub(crate) arch: &'a str,
    pub(crate) cores: usize,
    pub(crate) threads: usize,
    pub(crate) rows: u64,
    pub(crate) held_out_rows: u64,
    pub(crate) skipped_rows: u64,
    pub(crate) schema: &'a str,
}

/// `agents/<id>/status`
#[derive(Serialize)]
struct StatusLine {
    round: u64,
    share_samples: u32,
    share_ratio: Option<f64>,
    samples_per_second: Option<f64>,
    compute_seconds: Option<f64>,
    wait_seconds: Option<f64>,
    loss: Option<f64>,
    rounds_answered: u64,
    rounds_overtaken: u64,
}

pub(crate) fn status(status: &Status, waited: Duration) -> Vec<u8> {
    let worked = status.compute_seconds > 0.0;
    json(&StatusLine {
        round: status.round.0,
        share_samples: status.share_samples,
        share_ratio: finite(f64::from(status.share_samples) / f64::from(status.batch_samples)),
        samples_per_second: finite(f64::from(status.share_samples) / status.compute_seconds).filter(|_| worked),
        compute_seconds: finite(status.compute_seconds).filter(|_| worked),
        wait_seconds: finite(waited.as_secs_f64()).filter(|_| worked),
        loss: finite(status.loss).filter(|_| worked),
        rounds_answered: status.rounds_answered,
        rounds_overtaken: status.rounds_overtaken,
    })
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
