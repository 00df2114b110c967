//! `cargo xtask bench [name] [--json FILE] [--quick]`: what Heijunka takes and brings, measured, and beside others in the
//! same run where there are others.
//!
//! What a bench needs and this machine lacks (Mosquitto, a Python with PyTorch, mnist) is said; the rest is measured.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Map, Value, json};

use crate::shell::{Outcome, Place};

mod aggregate;
mod broker;
mod bus;
mod codecs;
mod fleets;
mod kernel;
mod lab;
mod limits;
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
    Bench { name: "codecs", about: "speed and size of each codec", run: codecs::run },
    Bench { name: "aggregate", about: "64 gradients of a million numbers: speed and memory", run: aggregate::run },
    Bench { name: "kernel", about: "gradients a second on one thread beside numpy and PyTorch", run: kernel::run },
    Bench { name: "fleets", about: "what levelling brings on emulated fleets", run: fleets::run },
    Bench { name: "slowlink", about: "mnist over links of 1 Mbit/s: dense and sparse", run: slowlink::run },
    Bench { name: "plants", about: "scores on public sets of plants, four uneven agents", run: plants::run },
    Bench { name: "limits", about: "what a machine's first job keeps beside an agent", run: limits::run },
    Bench { name: "quality", about: "scores and bytes of sparse gradients beside dense ones", run: quality::run },
];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
struct Asked {
    name: Option<String>,
    json: Option<PathBuf>,
    quick: bool,
}

/// The command `bench`.
pub(crate) fn run(place: &Place, args: &[String]) -> Outcome<ExitCode> {
    let asked = asked(args)?;
    let chosen: Vec<&Bench> =
        BENCHES.iter().filter(|bench| asked.name.as_ref().is_none_or(|name| name == bench.name)).collect();
    if chosen.is_empty() {
        return Err(format!("there is no such bench\n{}", list()));
    }
    let lab = Lab { place, quick: asked.quick };
    let machine = machine();
    let (mut found, mut failed) = (Map::new(), Vec::new());
    for bench in chosen {
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
        // After each: what has been measured is not lost with what comes later.
        if let Some(file) = &asked.json {
            let report = json!({ "machine": machine, "quick": asked.quick, "benches": found, "failed": failed });
            std::fs::write(file, format!("{report:#}\n")).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    if failed.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(format!("failed: {}", failed.join(", "))) }
}

fn asked(args: &[String]) -> Outcome<Asked> {
    let mut asked = Asked::default();
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => asked.quick = true,
            "--json" => asked.json = Some(words.next().ok_or("--json takes a file")?.into()),
            name if asked.name.is_none() && !name.starts_with('-') => asked.name = Some(name.into()),
            _ => return Err(format!("takes a name, --json FILE and --quick\n{}", list())),
        }
    }
    Ok(asked)
}

fn list() -> String {
    let line = |bench: &Bench| format!("  {:<10} {}\n", bench.name, bench.about);
    format!(
        "benches, all in turn without a name; --quick shows that they work:\n{}",
        BENCHES.iter().map(line).collect::<String>()
    )
}

/// Whose figures these are.
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

    fn asked_by(line: &str) -> Outcome<Asked> {
        asked(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn names_and_options_stand_in_any_order() {
        let all = Asked { name: Some("bus".into()), json: Some("a.json".into()), quick: true };
        assert_eq!(asked_by("--json a.json bus --quick").unwrap(), all);
        assert_eq!(asked_by("").unwrap(), Asked::default());
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_list() {
        for line in ["bus round", "--fast"] {
            let message = asked_by(line).unwrap_err();
            assert!(BENCHES.iter().all(|bench| message.contains(bench.name)), "{message}");
        }
        assert!(asked_by("bus --json").unwrap_err().contains("takes a file"));
    }

    #[test]
    fn the_median_of_nothing_is_nothing() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
    }
}
