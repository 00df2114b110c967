//! `heijunka-agent`: computes gradients on this machine's data for an aggregator somewhere on the bus.

mod check;
mod command;
mod config;
mod diagnosis;
mod driver;
mod duty;
mod emulate;
mod engine;
mod hours;
mod init;
mod inspect;
mod liveness;
#[cfg(feature = "manual")]
mod manual;
mod memory;
mod metrics_server;
mod notes;
mod people;
mod process;
mod reading;
mod shape;
mod share;
mod shift;
mod tally;
mod uplink;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    heijunka_program::start(command::run)
}
