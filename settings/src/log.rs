//! The `[log]` section.

use crate::{Exit, Failure};
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Least level that is logged (default info).
    pub level: LogLevel,
    /// Form of a line (default text).
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
}

impl LogLevel {
    /// The filter: this level for the project, the MQTT client's own lines from warnings up.
    fn filter(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info,rumqttc=warn",
            Self::Debug => "debug,rumqttc=warn",
            Self::Trace => "trace,rumqttc=warn",
        }
    }
}

/// Starts logging to standard error, lines of the `log` crate included. Error: logging has been started before.
pub fn init_logging(settings: &LogSettings) -> Result<(), Failure> {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(settings.level.filter()))
        .with_writer(std::io::stderr)
        .with_ansi(colour);
    let started = match settings.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| Failure::new(Exit::Config, "logging cannot start").why(error.to_string()))
}
