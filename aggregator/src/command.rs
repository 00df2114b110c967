//! The command line.

use crate::{check, config, driver, export, init, manual};
use clap::{CommandFactory, Parser, Subcommand};
use heijunka_program::{Shell, print_completions, write_manual};
use heijunka_settings::{Exit, Failure};
use std::path::PathBuf;

/// Trains one model together with the agents of a plant.
#[derive(Parser)]
#[command(name = "heijunka-aggregator", version, arg_required_else_help = true)]
pub(crate) struct Cli {
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
    /// Tests everything that `run` needs, one line each.
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
    Predict(Box<heijunka_predict::Arguments>),
    /// Writes a trained model as ONNX, with its scaling inside.
    Export(export::Arguments),
    /// Prints the completion script of a shell, for example into /etc/bash_completion.d.
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

/// Does what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.verb {
        Verb::Run { config } => config::load(&config).and_then(|valid| driver::run(&valid))?,
        Verb::Check { config, json } => return check::check(&config, json),
        Verb::Init { config, broker } => init::SAMPLE.write(&config, &broker)?,
        Verb::Predict(arguments) => heijunka_predict::predict(&arguments)?,
        Verb::Export(arguments) => export::export(&arguments)?,
        Verb::Completions { shell } => print_completions(shell, Cli::command())?,
        Verb::Manual { folder } => write_manual(&folder, Cli::command(), &manual::MANUAL)?,
    }
    Ok(Exit::Success)
}
