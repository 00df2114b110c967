//! `heijunka-aggregator`: levels the work, averages the gradients, publishes the model.

mod advise;
mod card;
mod check;
mod checkpoint;
mod command;
mod compact;
mod config;
mod demo;
mod driver;
mod export;
mod fleet;
mod history;
mod init;
mod manual;
mod model_file;
mod onnx;
mod people;
mod predict;
mod progress;
mod run_number;
mod simulate;
mod trace;
mod trace_file;
mod usage;
mod web;

use std::process::ExitCode;

fn main() -> ExitCode {
    heijunka_program::start(command::run)
}
