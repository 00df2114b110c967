//! `heijunka-agent`: computes gradients on this machine's data for an aggregator somewhere on the bus.

mod check;
mod config;
mod diagnosis;
mod door;
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

use clap::{Parser, Subcommand};
use heijunka_settings::Exit;
use std::path::PathBuf;
use std::process::ExitCode;

/// Computes gradients on this machine's data, for an aggregator somewhere on the bus.
#[derive(Parser)]
#[command(name = "heijunka-agent", version, arg_required_else_help = true)]
struct Cli {
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
    /// Tells what is understood of a data file: columns, types, ranges, classes, times.
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
        shell: heijunka_settings::Shell,
    },
    /// Writes the manual pages.
    #[cfg(feature = "manual")]
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
        Verb::Inspect(arguments) => inspect::inspect(&arguments),
        Verb::Init { config, broker } => init::init(&config, &broker),
        #[cfg(feature = "manual")]
        Verb::Completions { shell } => {
            heijunka_settings::print_completions(shell, <Cli as clap::CommandFactory>::command())
        }
        #[cfg(feature = "manual")]
        Verb::Manual { folder } => {
            heijunka_settings::write_manual(&folder, <Cli as clap::CommandFactory>::command(), &manual::MANUAL)
        }
    };
    match outcome {
        Ok(()) => Exit::Success.into(),
        Err(failure) => failure.report(),
    }
}
