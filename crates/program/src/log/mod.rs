//! Logging: to standard error or to the journal, as `[log]` says.

mod limited;
mod repeats;
#[cfg(test)]
mod tests;

use crate::start::wants_colour;
use heijunka_settings::{Exit, Failure, LogFormat, LogLevel, LogSettings};
use limited::Limited;
use std::io::IsTerminal;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Lines of at least `level` from the project, and warnings and errors from the MQTT client.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new().with_default(level).with_target("rumqttc", level.min(LevelFilter::WARN))
}

/// Starts logging, lines of the `log` crate included: to standard error or to the journal. The same text is logged at most ten
/// times per minute, then counted.
///
/// # Errors
/// Logging has been started before, or no journal runs on this machine.
pub fn init_logging(settings: &LogSettings) -> Result<(), Failure> {
    let colour = std::io::stderr().is_terminal() && wants_colour();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colour);
    let filtered = tracing_subscriber::registry().with(filter(settings.level));
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
