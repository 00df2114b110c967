//! The `[log]` section.

mod limited;
mod repeats;

use crate::{Exit, Failure};
use limited::Limited;
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Least level that is logged. `level = "info"`
    pub level: LogLevel,
    /// Form of a line: text for people, json for programs, journald for the system's journal with levels. `format = "text"`
    pub format: LogFormat,
}

/// Least level that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What stops the work.
    Error,
    /// What somebody should look at.
    Warn,
    /// Milestones.
    #[default]
    Info,
    /// Decisions.
    Debug,
    /// Messages.
    Trace,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
    /// To the journal of systemd.
    Journald,
}

impl LogLevel {
    /// This level for the project; the MQTT client's own lines from warnings up.
    fn filter(self) -> Targets {
        let level = match self {
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        };
        Targets::new().with_default(level).with_target("rumqttc", level.min(LevelFilter::WARN))
    }
}

/// Starts logging, lines of the `log` crate included: to standard error or to the journal. The same text is told at most ten
/// times a minute, then counted. Error: logging has been started before, or there is no journal.
pub fn init_logging(settings: &LogSettings) -> Result<(), Failure> {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let filtered = tracing_subscriber::registry().with(settings.level.filter());
    let started = match settings.format {
        LogFormat::Text => filtered.with(Limited::new(lines.with_target(false))).try_init(),
        LogFormat::Json => filtered.with(Limited::new(lines.json())).try_init(),
        LogFormat::Journald => filtered.with(Limited::new(journal()?)).try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Config, "logging cannot start").why(error.to_string()))
}

fn journal() -> Result<tracing_journald::Layer, Failure> {
    tracing_journald::layer().map_err(|error| {
        Failure::new(Exit::Config, "[log] format = \"journald\", but no journal of systemd listens on this machine")
            .why(error.to_string())
            .fix("write format = \"text\": under systemd these lines reach the journal too")
    })
}
