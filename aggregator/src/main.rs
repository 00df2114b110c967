//! `heijunka-aggregator`: levels the work, averages the gradients, publishes the model.

mod advise;
mod card;
mod check;
mod checkpoint;
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

use clap::{CommandFactory, Parser, Subcommand};
use heijunka_settings::{Exit, Shell, print_completions, write_manual};
use std::path::PathBuf;
use std::process::ExitCode;

/// Trains one model together with the agents of a plant.
#[derive(Parser)]
#[command(name = "heijunka-aggregator", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Trains until the job is done or it is stopped (SIGINT, SIGTERM or SIGHUP).
    Run {
        /// Settings file.
        #[arg(long, default_value = "aggregator.toml")]
        config: PathBuf,
    },
    /// Tries everything that `run` needs, one line each.
    Check {
        /// Settings file.
        #[arg(long, default_value = "aggregator.toml")]
        config: PathBuf,
        /// The same as a JSON array of objects with name, ok, text and fix.
        #[arg(long)]
        json: bool,
    },
    /// Writes a commented settings file.
    Init {
        /// Where to write it.
        #[arg(long, default_value = "aggregator.toml")]
        config: PathBuf,
        /// Broker's address.
        #[arg(long, default_value = "mqtt://127.0.0.1:1883")]
        broker: String,
    },
    /// Scores a table with a trained model, once or as it grows.
    Predict(Box<predict::Arguments>),
    /// Writes a trained model as ONNX, with its scaling inside.
    Export(export::Arguments),
    /// A broker, an aggregator and agents of uneven speed on bundled data.
    Demo(Box<demo::Arguments>),
    /// What each policy would make of a recorded trace or a fleet: seconds a round, side by side, in virtual time.
    Simulate(Box<simulate::Arguments>),
    /// What would shorten the rounds of a recorded trace: which machine to leave out, which to have twice; when it is done.
    Advise(Box<advise::Arguments>),
    /// Prints what a shell needs to complete this command, for example into /etc/bash_completion.d.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes the manual pages.
    #[command(hide = true)]
    Manual {
        /// The folder.
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse_from(heijunka_settings::command_line()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; anything else is a wrong command line.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    let outcome = match cli.verb {
        Verb::Run { config } => config::load(&config).and_then(|valid| driver::run(&valid)),
        Verb::Check { config, json } => match check::check(&config, json) {
            Ok(exit) => return exit.into(),
            Err(failure) => Err(failure),
        },
        Verb::Init { config, broker } => init::init(&config, &broker),
        Verb::Predict(arguments) => predict::predict(&arguments),
        Verb::Export(arguments) => export::export(&arguments),
        Verb::Demo(arguments) => demo::demo(&arguments),
        Verb::Simulate(arguments) => simulate::simulate(&arguments),
        Verb::Advise(arguments) => advise::advise(&arguments),
        Verb::Completions { shell } => print_completions(shell, Cli::command()),
        Verb::Manual { folder } => write_manual(&folder, Cli::command(), &manual::MANUAL),
    };
    match outcome {
        Ok(()) => Exit::Success.into(),
        Err(failure) => failure.report(),
    }
}
