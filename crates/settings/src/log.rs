//! The `[log]` section.

use serde::{Deserialize, Serialize};

/// What is logged, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// Minimum log level. `level = "info"`
    pub level: LogLevel,
    /// Form of a line: text for people, json for programs, journald for the systemd journal with levels. `format = "text"`
    pub format: LogFormat,
}

/// Minimum log level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What ends the program.
    Error,
    /// What a person should look at.
    Warn,
    /// Progress.
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
    /// One JSON object per line.
    Json,
    /// To the journal of systemd.
    Journald,
}
