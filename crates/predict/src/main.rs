//! `heijunka-predict`: scores tables where nothing is trained. `heijunka-aggregator predict` does the same.

use clap::{CommandFactory, Parser, Subcommand};
use heijunka_program::{Manual, Shell, print_completions, start, write_manual};
use heijunka_settings::{Exit, Failure};
use std::path::PathBuf;
use std::process::ExitCode;

/// Scores a table with a trained model, once or as it grows.
#[derive(Parser)]
#[command(
    name = "heijunka-predict",
    version,
    arg_required_else_help = true,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Cli {
    #[command(flatten)]
    arguments: Option<heijunka_predict::Arguments>,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Prints the completion script of a shell, for example into /etc/bash_completion.d.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Writes the manual page.
    #[command(hide = true)]
    Manual {
        /// The folder.
        folder: PathBuf,
    },
}

const MANUAL: Manual = Manual {
    files: &[("heijunka-output/", "The folder of the model: model.safetensors and model_card.json.")],
    examples: &[
        ("heijunka-predict --data new.csv", "Scores the rows of a table."),
        ("heijunka-predict --follow --data line3.csv", "Scores rows as they are added and publishes each."),
    ],
    see_also: "heijunka-aggregator(1)",
};

fn main() -> ExitCode {
    start(run)
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    match (cli.verb, cli.arguments) {
        (Some(Verb::Completions { shell }), _) => print_completions(shell, Cli::command())?,
        (Some(Verb::Manual { folder }), _) => write_manual(&folder, Cli::command(), &MANUAL)?,
        (None, Some(arguments)) => heijunka_predict::predict(&arguments)?,
        // Without arguments help has been shown.
        (None, None) => return Ok(Exit::Usage),
    }
    Ok(Exit::Success)
}
