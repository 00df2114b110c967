//! The command line.

use crate::{check, config, init, inspect, run};
use clap::{Parser, Subcommand};
use heijunka_settings::{Exit, Failure};
use std::path::PathBuf;

/// Computes gradients on this machine's data, for an aggregator somewhere on the bus.
#[derive(Parser)]
#[command(name = "heijunka-agent", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Works until it is stopped (SIGINT, SIGTERM or SIGHUP).
    Run {
        /// Settings file.
        #[arg(long, default_value = "agent.toml")]
        config: PathBuf,
    },
    /// Tries everything that `run` needs, one line each.
    Check {
        /// Settings file.
        #[arg(long, default_value = "agent.toml")]
        config: PathBuf,
        /// The same as a JSON array of objects with name, ok, text and fix.
        #[arg(long)]
        json: bool,
    },
    /// Shows what a data file is understood to hold: columns, types, ranges, classes, times.
    Inspect(inspect::Arguments),
    /// Writes a commented settings file.
    Init {
        /// Where to write it.
        #[arg(long, default_value = "agent.toml")]
        config: PathBuf,
        /// Broker's address.
        #[arg(long, default_value = "mqtt://127.0.0.1:1883")]
        broker: String,
    },
    /// Prints what a shell needs to complete this command, for example into /etc/bash_completion.d.
    #[cfg(feature = "manual")]
    Completions {
        /// The shell.
        shell: heijunka_program::Shell,
    },
    /// Writes the manual pages.
    #[cfg(feature = "manual")]
    #[command(hide = true)]
    Manual {
        /// The folder.
        folder: PathBuf,
    },
}

/// Does what the command line asks for.
pub(crate) fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.verb {
        Verb::Run { config } => config::load(&config).and_then(|valid| run::run(&valid))?,
        Verb::Check { config, json } => return check::check(&config, json),
        Verb::Inspect(arguments) => inspect::inspect(&arguments)?,
        Verb::Init { config, broker } => init::SAMPLE.write(&config, &broker)?,
        #[cfg(feature = "manual")]
        Verb::Completions { shell } => {
            heijunka_program::print_completions(shell, <Cli as clap::CommandFactory>::command())?;
        }
        #[cfg(feature = "manual")]
        Verb::Manual { folder } => {
            heijunka_program::write_manual(&folder, <Cli as clap::CommandFactory>::command(), &crate::manual::MANUAL)?;
        }
    }
    Ok(Exit::Success)
}
