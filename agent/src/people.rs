//! What the agent reports to people's tools: flat JSON with units in the names.

use crate::diagnosis::Diagnosis;
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

    /// The agent's hours are over.
    pub(crate) fn away(until: &str) -> Vec<u8> {
        json(&State { state: "away", since: Some(now()), reason: Some(&format!("until {until}: its hours are over")) })
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
    pub(crate) cpu_share_percent: u8,
    pub(crate) nice: u8,
    pub(crate) uplink_bps: Option<u64>,
    pub(crate) rows: u64,
    pub(crate) held_out_rows: u64,
    pub(crate) skipped_rows: u64,
    /// The same in words, with the reasons why rows are left out; null before the data are read.
    pub(crate) data: Option<String>,
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
    data_seconds: Option<f64>,
    limit_seconds: Option<f64>,
    emulated_seconds: Option<f64>,
    cpu_wait_seconds: Option<f64>,
    dominated_by: Option<&'static str>,
    why: Option<String>,
    gradient_codec: Option<&'static str>,
    gradient_bytes: Option<usize>,
    loss: Option<f64>,
    rounds_answered: u64,
    rounds_overtaken: u64,
}

/// `waited`: since the last result. `diagnosis`: none before the first.
pub(crate) fn status(status: &Status, waited: Duration, diagnosis: Option<&Diagnosis>) -> Vec<u8> {
    let spent = diagnosis.map(|diagnosis| diagnosis.spent);
    let worked = status.compute_seconds > 0.0;
    json(&StatusLine {
        round: status.number,
        share_samples: status.share_samples,
        share_ratio: finite(f64::from(status.share_samples) / f64::from(status.batch_samples)),
        samples_per_second: finite(f64::from(status.share_samples) / status.compute_seconds).filter(|_| worked),
        compute_seconds: finite(status.compute_seconds).filter(|_| worked),
        wait_seconds: finite(waited.as_secs_f64()).filter(|_| worked),
        data_seconds: spent.map(|spent| spent.data.as_secs_f64()),
        limit_seconds: spent.map(|spent| spent.limited().as_secs_f64()),
        emulated_seconds: spent.map(|spent| spent.emulated().as_secs_f64()),
        cpu_wait_seconds: spent.and_then(|spent| spent.cpu_wait).map(|wait| wait.as_secs_f64()),
        dominated_by: diagnosis.map(|diagnosis| diagnosis.dominant().name()),
        why: diagnosis.map(Diagnosis::why),
        gradient_codec: Some(status.gradient_codec).filter(|codec| !codec.is_empty()),
        gradient_bytes: Some(status.gradient_bytes).filter(|_| worked),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Spent;

    const KEYS: [&str; 17] = [
        "round",
        "share_samples",
        "share_ratio",
        "samples_per_second",
        "compute_seconds",
        "wait_seconds",
        "data_seconds",
        "limit_seconds",
        "emulated_seconds",
        "cpu_wait_seconds",
        "dominated_by",
        "why",
        "gradient_codec",
        "gradient_bytes",
        "loss",
        "rounds_answered",
        "rounds_overtaken",
    ];

    fn keys_of(bytes: &[u8]) -> serde_json::Map<String, serde_json::Value> {
        let line: serde_json::Map<_, _> = serde_json::from_slice(bytes).unwrap();
        assert_eq!(line.len(), KEYS.len());
        assert!(KEYS.iter().all(|key| line.contains_key(*key)), "{line:?}");
        line
    }

    #[test]
    fn status_always_has_every_key() {
        let first = keys_of(&status(&Status::default(), Duration::ZERO, None));
        assert!(first["share_ratio"].is_null() && first["dominated_by"].is_null() && first["why"].is_null());
        let spent = Spent { samples: 61, computing: Duration::from_millis(250), ..Spent::default() };
        let diagnosis = Diagnosis { spent, waited: Duration::from_millis(60) };
        let later = keys_of(&status(&Status::default(), Duration::ZERO, Some(&diagnosis)));
        assert_eq!(later["dominated_by"], "compute");
        assert_eq!(later["why"], "of 310 ms a round 250 ms went to computing 61 samples");
        assert_eq!(later["data_seconds"], 0.0);
        assert!(later["cpu_wait_seconds"].is_null());
    }
}
