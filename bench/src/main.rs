//! `cargo xtask bench [NAME] [--json FILE] [--quick]`: what Heijunka costs and gains, measured, where possible beside other
//! software in the same run.
//!
//! A bench whose tools this machine lacks (Mosquitto, a Python with PyTorch, mnist) says so; the other benches run.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};
use xtask::shell::{Outcome, Place};

mod aggregate;
mod broker;
mod bus;
mod codecs;
mod fleets;
mod footprint;
mod kernel;
mod lab;
mod limits;
mod plant;
mod plants;
mod python;
mod quality;
mod round;
mod slowlink;
mod table;

use lab::Lab;
use table::Table;

/// One row of the table of benches: a new bench is a new row and a module.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn(&Lab<'_>) -> Outcome<Vec<Table>>,
}

const BENCHES: &[Bench] = &[
    Bench { name: "round", about: "what a round costs beside the same bytes alone", run: round::run },
    Bench { name: "bus", about: "a model out and gradients back through brokers, beside TCP", run: bus::run },
    Bench { name: "footprint", about: "the agent on disk and in memory, within its budget", run: footprint::run },
    Bench { name: "codecs", about: "speed and size of each codec", run: codecs::run },
    Bench { name: "aggregate", about: "64 gradients of a million numbers: speed and memory", run: aggregate::run },
    Bench { name: "kernel", about: "gradients a second on one thread beside numpy and PyTorch", run: kernel::run },
    Bench { name: "fleets", about: "what levelling gains on emulated fleets", run: fleets::run },
    Bench { name: "slowlink", about: "mnist over links of 1 Mbit/s: dense and sparse", run: slowlink::run },
    Bench { name: "plants", about: "scores on public sets of plants, four uneven agents", run: plants::run },
    Bench {
        name: "limits",
        about: "what another program keeps of a processor that it shares with an agent",
        run: limits::run,
    },
    Bench { name: "quality", about: "scores and bytes of sparse gradients beside dense ones", run: quality::run },
];

/// Measures what Heijunka costs and gains.
#[derive(Parser)]
#[command(bin_name = "cargo xtask bench", after_help = list())]
struct Arguments {
    /// One of the benches below; all of them, in turn, if omitted.
    #[arg(value_parser = PossibleValuesParser::new(BENCHES.iter().map(|bench| bench.name)), hide_possible_values = true)]
    name: Option<String>,
    /// Also writes the figures to this file, with the machine's name and load.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Few rounds and seeds: shows that a bench works.
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("cargo xtask bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Outcome {
    let place = Place::find()?;
    let lab = Lab { place: &place, quick: arguments.quick };
    let machine = machine();
    let (mut found, mut failed) = (Map::new(), Vec::new());
    for bench in BENCHES.iter().filter(|bench| arguments.name.as_ref().is_none_or(|name| name == bench.name)) {
        eprintln!("bench {}: {}", bench.name, bench.about);
        match (bench.run)(&lab) {
            Ok(tables) => {
                tables.iter().for_each(|table| println!("\n{table}"));
                found.insert(bench.name.into(), tables.iter().map(Table::json).collect());
            }
            Err(message) => {
                eprintln!("bench {}: {message}", bench.name);
                failed.push(bench.name);
            }
        }
        // After each bench, so that a later failure loses no figures.
        if let Some(file) = &arguments.json {
            let report = json!({ "machine": machine, "quick": arguments.quick, "benches": found, "failed": failed });
            std::fs::write(file, format!("{report:#}\n")).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn list() -> String {
    let line = |bench: &Bench| format!("  {:<10} {}\n", bench.name, bench.about);
    format!("Benches:\n{}", BENCHES.iter().map(line).collect::<String>())
}

/// The machine that the figures are of.
fn machine() -> Value {
    let first = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).ok()?;
        let value = text.lines().find_map(|line| line.strip_prefix(key))?;
        Some(value.trim_start_matches([' ', '\t', ':']).to_owned())
    };
    json!({
        "system": format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        "processor": first("/proc/cpuinfo", "model name"),
        "threads": std::thread::available_parallelism().ok().map(usize::from),
        "load_before": first("/proc/loadavg", ""),
    })
}

/// The middle one; of an even number the higher of the two.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_options_stand_in_any_order() {
        let words = ["bench", "--json", "a.json", "bus", "--quick"];
        let asked = Arguments::try_parse_from(words).unwrap();
        assert_eq!((asked.name.as_deref(), asked.quick), (Some("bus"), true));
        assert_eq!(asked.json, Some("a.json".into()));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_list() {
        let message = Arguments::try_parse_from(["bench", "nothing"]).err().unwrap().to_string();
        assert!(BENCHES.iter().all(|bench| message.contains(bench.name)), "{message}");
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    }
}
