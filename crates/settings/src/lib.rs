//! What the two programs share: TOML settings whose errors name file, line, key and fix; units; logging; exit codes; manual
//! pages and completions; what a service manager is told; what asks a program to stop.

mod broker;
mod bus;
mod check_broker;
mod checklist;
mod command_line;
mod error;
mod explain;
mod failure;
mod load;
mod locate;
mod log;
#[cfg(feature = "manual")]
mod manual;
mod rate;
mod sample;
mod secret;
mod service;
mod signals;
mod size;
mod span;
mod values;

pub use broker::{BrokerSettings, BrokerUrl, TlsTexts};
pub use check_broker::{BROKER_KEYS, check_broker};
pub use checklist::Checklist;
pub use command_line::command_line;
pub use error::{Problem, SettingsError};
pub use failure::{Exit, Failure};
pub use load::{Guide, Loaded, Places, load, parse};
pub use log::{LogFormat, LogLevel, LogSettings, init_logging};
#[cfg(feature = "manual")]
pub use manual::{Manual, Shell, print_completions, write_manual};
pub use rate::{Rate, link_cap};
pub use sample::write_sample;
pub use secret::Secret;
pub use service::Service;
pub use signals::Signals;
pub use size::Size;
pub use span::Span;
pub use values::{between, name};

#[cfg(test)]
mod tests;
