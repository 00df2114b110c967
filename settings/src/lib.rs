//! Settings of the two programs: TOML files whose errors name file, line, key and fix; units; logging; exit codes.

mod broker;
mod bus;
mod error;
mod explain;
mod failure;
mod load;
mod locate;
mod log;
mod sample;
mod secret;
mod size;
mod span;
mod values;

pub use broker::{BrokerSettings, BrokerUrl, TlsTexts};
pub use error::{Problem, SettingsError};
pub use failure::{Exit, Failure};
pub use load::{Guide, Loaded, load, parse};
pub use log::{LogFormat, LogLevel, LogSettings, init_logging};
pub use sample::write_sample;
pub use secret::Secret;
pub use size::Size;
pub use span::Span;
pub use values::{between, name};

#[cfg(test)]
mod tests;
