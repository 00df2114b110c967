//! `bench round`: what a round of digits costs beside the same bytes without Heijunka, and beside other frameworks.

use super::broker::Mosquitto;
use super::bus::Fan;
use super::lab::Lab;
use super::median;
use super::python::Python;
use super::table::{Cell, Table};
use xtask::shell::Outcome;

/// Digits, 64-64-10: 4,810 parameters.
const PARAMETERS: usize = 4_810;
const AGENTS: usize = 8;
const ROUNDS: &str = "3000";
const ROUNDS_QUICK: &str = "300";
const SECONDS: f64 = 4.0;
const PASSES: usize = 3;

/// Earlier measurements of other frameworks with the same fleet on a similar machine; they take too long for every run.
const ELSEWHERE: [&str; 2] = [
    "PyTorch DDP on gloo, measured elsewhere with 8 processes and the gradients' computation: 33 to 36 ms a round",
    "Flower 1.41, deployment engine, measured elsewhere with 8 clients: 8,000 to 14,000 ms a round",
];

struct Row {
    name: &'static str,
    ms: Vec<f64>,
}

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    lab.programs()?;
    let fan = Fan::build(lab)?;
    let python = Python::with("torch", "PyTorch");
    let (passes, seconds) = lab.either((PASSES, SECONDS), (1, 1.0));
    let alone = |client: &str| -> Outcome<f64> {
        Ok(1e3 / fan.rounds_per_s(client, "mosquitto", AGENTS, 4 * PARAMETERS, seconds)?)
    };
    let mut rows =
        ["TCP, no broker", "rumqttc alone", "heijunka-bus", "Heijunka, digits", "PyTorch, gloo all_reduce alone"]
            .map(|name| Row { name, ms: Vec::new() });
    // In turn, so that a busy moment of the machine meets all alike.
    for pass in 1..=passes {
        eprintln!("  pass {pass} of {passes}");
        let gloo = python.as_ref().map(|python| all_reduce_ms(lab, python, seconds)).transpose()?;
        let measured = [Some(alone("tcp")?), Some(alone("bare")?), Some(alone("bus")?), Some(heijunka_ms(lab)?), gloo];
        rows.iter_mut().zip(measured).for_each(|(row, ms)| row.ms.extend(ms));
    }
    let title = format!(
        "milliseconds a round, {AGENTS} agents as processes, {} bytes each way, Mosquitto on loopback",
        4 * PARAMETERS
    );
    let mut table = Table::new(title, &["", "ms", "x rumqttc alone"]);
    let medians = rows.map(|row| (row.name, median(row.ms)));
    let rumqttc = medians[1].1;
    for (name, ms) in medians {
        let ratio = ms.zip(rumqttc).map(|(ms, rumqttc)| ms / rumqttc);
        table.row([Cell::text(name), Cell::maybe(ms, 2), Cell::maybe(ratio, 2)]);
    }
    table.note(format!("medians of {passes}; Heijunka computes gradients of 256 samples, averages, steps and levels"));
    ELSEWHERE.iter().for_each(|line| table.note(*line));
    Ok(vec![table])
}

fn heijunka_ms(lab: &Lab<'_>) -> Outcome<f64> {
    let broker = Mosquitto::start(lab.place)?;
    let rounds = lab.either(ROUNDS, ROUNDS_QUICK);
    let words = ["--rounds", rounds, "--score-every", rounds];
    let played = lab.play(&broker, "zero8", &lab.digits(), &["equal"], &words)?;
    played.first().ok_or("the demo played nothing")?.round_ms()
}

/// The same gradient summed over as many processes.
fn all_reduce_ms(lab: &Lab<'_>, python: &Python, seconds: f64) -> Outcome<f64> {
    let words = [AGENTS.to_string(), PARAMETERS.to_string(), seconds.to_string()];
    let text = python.output_of(lab.place, "bench/peers/all_reduce.py", &words.each_ref().map(String::as_str))?;
    let ms = text.lines().find_map(|line| line.strip_prefix("ms_per_round ")?.trim().parse().ok());
    ms.ok_or_else(|| format!("all_reduce.py says {text:?}"))
}
