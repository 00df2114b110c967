//! `heijunka-agent`: computes gradients on this machine's data for an aggregator somewhere on the bus.

mod cancel;
mod check;
mod clock;
mod command;
mod computing;
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
mod outlet;
mod people;
mod process;
mod reading;
mod run;
mod share;
mod shares;
mod shift;
mod slices;
mod tally;
mod uplink;
mod watch;
mod work;
mod worker_memory;

use std::process::ExitCode;

fn main() -> ExitCode {
    heijunka_program::start(command::run)
}
