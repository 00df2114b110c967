//! `heijunka-study`: `simulate` and `advise`.

use clap::{CommandFactory, Parser, Subcommand};
use heijunka_program::{Manual, Shell, print_completions, start, write_manual};
use heijunka_settings::{Exit, Failure};
use heijunka_study::{advise, simulate};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tries policies and fleets in virtual time, on a recorded trace or a described fleet.
#[derive(Parser)]
#[command(name = "heijunka-study", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// What each policy would make of a recorded trace or a fleet: seconds per round, side by side.
    Simulate(Box<simulate::Arguments>),
    /// What would shorten the rounds of a recorded trace: which machine to leave out, which to double, and when the job will be done.
    Advise(Box<advise::Arguments>),
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

const MANUAL: Manual = Manual {
    files: &[("trace.csv.gz", "A trace, as [output] trace = \"trace.csv.gz\" of an aggregator records it.")],
    examples: &[
        ("heijunka-study simulate --fleet busy --plot busy.svg", "Every policy on a fleet that is only described."),
        ("heijunka-study simulate --trace trace.csv.gz", "The same on what a run has recorded."),
        ("heijunka-study advise --trace trace.csv.gz", "Which machine to leave out, which to double."),
    ],
    see_also: "heijunka-aggregator(1)",
};

fn main() -> ExitCode {
    start(run)
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    match cli.verb {
        Verb::Simulate(arguments) => simulate::simulate(&arguments)?,
        Verb::Advise(arguments) => advise::advise(&arguments)?,
        Verb::Completions { shell } => print_completions(shell, Cli::command())?,
        Verb::Manual { folder } => write_manual(&folder, Cli::command(), &MANUAL)?,
    }
    Ok(Exit::Success)
}
