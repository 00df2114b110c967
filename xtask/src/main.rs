//! The developer's helper, `cargo xtask <command>`: what a person or the CI machine runs, in one table.

use std::process::ExitCode;

mod bench;
mod cross;
mod demo;
mod dist;
mod footprint;
mod packages;
mod shell;
mod suite;
mod tidy;
mod tools;

use shell::{Outcome, Place};

/// One row of the command table: a new command is a new row and a module.
struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&Place, &[String]) -> Outcome<ExitCode>,
}

const COMMANDS: &[Command] = &[
    Command { name: "demo", about: "build both programs in release and run the demo", run: demo::run },
    Command { name: "test", about: "everything that must pass; --quick leaves out deny and cross", run: suite::run },
    Command {
        name: "tidy",
        about: "the rules no compiler keeps; --bless records a wire change, writes samples",
        run: tidy::run,
    },
    Command { name: "bench", about: "the suite, or one bench by its name; --json FILE, --quick", run: bench::run },
    Command {
        name: "footprint",
        about: "what the agent takes on disk and in memory, within its budget",
        run: footprint::run,
    },
    Command { name: "dist", about: "Debian packages and static programs; --arch amd64,arm64,armhf", run: dist::run },
    Command { name: "packages", about: "units, packages, pages and completions, tried", run: packages::run },
    Command { name: "cross", about: "the same code for ARM; --debian takes Rust from Debian, too", run: cross::run },
];

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return usage(&name);
    };
    match Place::find().and_then(|place| (command.run)(&place, &rest)) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("cargo xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage(name: &str) -> ExitCode {
    if !matches!(name, "" | "help" | "--help" | "-h") {
        eprintln!("There is no command '{name}'.");
    }
    println!("Usage: cargo xtask <command>\n");
    for command in COMMANDS {
        println!("  {:<10} {}", command.name, command.about);
    }
    if matches!(name, "help" | "--help" | "-h") { ExitCode::SUCCESS } else { ExitCode::from(2) }
}
