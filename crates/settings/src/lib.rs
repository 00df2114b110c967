//! TOML settings whose errors name file, line, key and fix.
//!
//! A program deserializes its file into a struct of its own with [`load`], checks values that the types cannot check, and
//! turns each [`Problem`] into an error that points at its line:
//!
//! ```
//! use heijunka_settings::{Failure, Guide, Problem, Span, parse};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct File {
//!     every: Span,
//! }
//!
//! let guide = Guide { init: "press init", examples: &[("every", "every = \"5s\"")], also: &[] };
//! let loaded = parse::<File>("press.toml".as_ref(), "every = \"2min\"".to_owned(), &guide)?;
//! assert_eq!(loaded.settings.every.as_secs_f64(), 120.0);
//! let error = loaded.report(Problem::new("every", "is too long", "write every = \"5s\""));
//! assert_eq!(error.to_string(), "press.toml:1:9: every: is too long; write every = \"5s\"");
//!
//! let error = parse::<File>("press.toml".as_ref(), "evry = \"5s\"".to_owned(), &guide).map(drop).unwrap_err();
//! assert_eq!(error.to_string(), "press.toml:1:1: unknown key 'evry'; did you mean 'every'?");
//! let failure = Failure::from(error);
//! assert_eq!(failure.exit().code(), 78);
//! # Ok::<(), heijunka_settings::SettingsError>(())
//! ```

mod broker;
mod deserialize;
mod error;
mod explain;
mod failure;
mod finding;
mod guide;
mod hide;
mod load;
mod locate;
mod log;
mod mistake;
mod quantity;
mod rate;
mod secret;
mod size;
mod span;
mod values;

pub use broker::{BrokerSettings, BrokerUrl, TlsTexts};
pub use error::{Problem, SettingsError};
pub use failure::{Exit, Failure};
pub use guide::Guide;
pub use heijunka_units::Secret;
pub use load::{Loaded, Places, load, parse};
pub use log::{LogFormat, LogLevel, LogSettings};
pub use rate::{Rate, link_cap};
pub use secret::{secret_from_environment, secret_from_file};
pub use size::Size;
pub use span::Span;
pub use values::{between, name};

#[cfg(test)]
mod tests;
