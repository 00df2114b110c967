//! `heijunka-aggregator`: levels the work, averages the gradients, publishes the model.

mod check;
mod command;
mod config;
mod describe;
mod driver;
mod export;
mod history;
mod init;
mod manual;
mod people;
mod progress;
mod resume;
mod run_number;
mod trace_file;

use std::process::ExitCode;

fn main() -> ExitCode {
    heijunka_program::start(command::run)
}
