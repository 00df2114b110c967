//! What the programs share around their work: the command line and exit codes, the log, signals, the service manager,
//! `check`, `init`, manual pages and completions.
//!
//! A program's `main` is a call of [`start`] with what its command line means:
//!
//! ```no_run
//! use heijunka_program::start;
//! use heijunka_settings::{Exit, Failure};
//!
//! /// Presses.
//! #[derive(clap::Parser)]
//! struct Cli {
//!     /// How often.
//!     times: u32,
//! }
//!
//! fn press(cli: Cli) -> Result<Exit, Failure> {
//!     match cli.times {
//!         0 => Err(Failure::new(Exit::Usage, "nothing to press").fix("write a number from 1 on")),
//!         _ => Ok(Exit::Success),
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     start(press)
//! }
//! ```

mod bus_config;
mod check;
mod check_broker;
mod checklist;
mod init;
mod log;
mod machine;
#[cfg(feature = "manual")]
mod manual;
mod runtime;
mod service;
mod signals;
mod start;

pub use bus_config::bus_config;
pub use check::check;
pub use check_broker::{BROKER_KEYS, check_broker};
pub use checklist::Checklist;
pub use init::Sample;
pub use log::init_logging;
pub use machine::{host, host_name, now};
#[cfg(feature = "manual")]
pub use manual::{Manual, Shell, print_completions, write_manual};
pub use runtime::runtime;
pub use service::Service;
pub use signals::Signals;
pub use start::start;
