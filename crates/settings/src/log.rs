//! The `[log]` section.

use serde::{Deserialize, Serialize};

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
