//! The developer's helper, `cargo xtask <command>`: what a person or the CI machine runs, one variant per command.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod cross;
mod demo;
mod dist;
mod packages;
mod suite;
mod tidy;
mod tools;

use suite::Extent;
use xtask::shell::{self, Outcome, Place};

/// The developer's helper of Heijunka.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build both programs in release and run the demo
    #[command(disable_help_flag = true)]
    Demo {
        /// The demo's own options
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Run everything that must pass
    Test {
        /// Leave out the slow steps: dependencies, packages, footprint, cross
        #[arg(long)]
        quick: bool,
        /// Also simulate thousands of jobs and build the packages of all machines
        #[arg(long, conflicts_with = "quick")]
        all: bool,
    },
    /// Check the rules that no other tool checks
    Tidy {
        /// Record a changed wire in docs/wire.md; write the sample settings and their tables from the fields' docs
        #[arg(long)]
        bless: bool,
    },
    /// Run all benches, or one by its name
    #[command(disable_help_flag = true)]
    Bench {
        /// The benches' own options; --help lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<String>,
    },
    /// Build Debian packages and static programs for a plant's machines
    Dist {
        /// Debian's names of the machines; all if omitted
        #[arg(long, value_delimiter = ',', value_parser = ["amd64", "arm64", "armhf"])]
        arch: Vec<String>,
    },
    /// Build packages from the debug programs and try them in a root of their own
    Packages,
    /// Compile the core for a microcontroller and run the agent's tests on emulated ARM
    Cross,
}

fn main() -> ExitCode {
    match Place::find().and_then(|place| run(&place, Arguments::parse().command)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("cargo xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(place: &Place, command: Command) -> Outcome<ExitCode> {
    let done = match command {
        Command::Demo { options } => return demo::run(place, &options),
        Command::Test { quick: true, .. } => suite::run(place, Extent::Quick),
        Command::Test { all: true, .. } => suite::run(place, Extent::All),
        Command::Test { .. } => suite::run(place, Extent::Plain),
        Command::Tidy { bless } => tidy::run(place, bless),
        Command::Bench { options } => bench(place, &options),
        Command::Dist { arch } => dist::run(place, &arch),
        Command::Packages => packages::run(place),
        Command::Cross => cross::run(place),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Runs the crate `heijunka-bench`.
fn bench<S: AsRef<std::ffi::OsStr>>(place: &Place, options: &[S]) -> Outcome {
    shell::succeed(place.cargo(&["run", "--quiet", "--package", "heijunka-bench", "--"]).args(options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn dashes_before_the_demos_options_are_optional() {
        // The alias `cargo demo` ends in `--` itself, so the dashes of `cargo demo -- --headless` arrive as a word.
        for line in ["xtask demo -- --headless --rounds 3", "xtask demo --headless --rounds 3"] {
            let Command::Demo { options } = Arguments::parse_from(line.split(' ')).command else { panic!("{line}") };
            assert_eq!(options, ["--headless", "--rounds", "3"], "{line}");
        }
        let Command::Demo { options } = Arguments::parse_from(["xtask", "demo", "--help"]).command else { panic!() };
        assert_eq!(options, ["--help"]);
    }
}
