//! Tests; the text of every error is pinned.

mod broker;
mod failure;
mod files;
mod keys;
mod units;

use crate::{BrokerSettings, Failure, Guide, Loaded, LogSettings, SettingsError, Span, parse};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Settings with every kind of value that the programs have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    site: String,
    broker: BrokerSettings,
    #[serde(default)]
    log: LogSettings,
    #[serde(default)]
    training: Training,
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Training {
    global_batch_samples: u32,
    learning_rate: f64,
    max_time: Option<Span>,
    hidden: Vec<u32>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Data {
    path: PathBuf,
    delimiter: Option<char>,
    shuffle: bool,
}

const GUIDE: Guide = Guide {
    init: "heijunka-agent init",
    examples: &[
        ("site", "site = \"hall-3\""),
        ("broker", "[broker]\nurl = \"mqtt://192.168.1.10\""),
        ("broker.url", "url = \"mqtt://192.168.1.10\""),
        ("training.learning_rate", "learning_rate = 0.01"),
    ],
    also: &[("data.file", "path")],
};

const HEAD: &str = "site = \"hall-3\"\n[broker]\nurl = \"mqtt://broker\"\n";

fn read(text: &str) -> Result<Loaded<Settings>, SettingsError> {
    parse(Path::new("agent.toml"), text.to_owned(), &GUIDE)
}

/// The report on `text`, as a log file shows it.
fn report(text: &str) -> String {
    Failure::from(read(text).expect_err(text)).render(false, 100)
}

/// The report on valid lines followed by `lines`.
fn report_on(lines: &str) -> String {
    report(&format!("{HEAD}{lines}\n"))
}
