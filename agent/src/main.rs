//! `heijunka-agent`: computes gradients on this machine's data for an aggregator somewhere on the bus.

mod cancel;
mod check;
mod command;
mod config;
mod diagnosis;
mod driver;
mod duty;
mod emulate;
mod encoded;
mod engine;
mod failure;
mod files;
mod hours;
mod init;
mod inspect;
mod liveness;
mod loader;
#[cfg(feature = "manual")]
mod manual;
mod memory;
mod metrics_server;
mod notes;
mod people;
mod process;
mod reading;
mod share;
mod shift;
mod slices;
mod tally;
mod uplink;
mod watch;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    heijunka_program::start(command::run)
}
