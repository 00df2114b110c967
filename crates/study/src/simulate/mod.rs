//! `simulate`: what a recorded or imagined fleet would do under each policy, in virtual time.
//!
//! The aggregator's and the agents' minds run with their real messages; the times come from a trace or a fleet file.

mod figures;
pub(crate) mod parallel;
mod plot;
mod run;
pub(crate) mod source;
mod table;

use clap::Args;
pub(crate) use figures::{Figures, WARMUP_ROUNDS};
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_settings::{Exit, Failure};
use heijunka_wire::limits::BATCH_SAMPLES_MAX;
use parallel::side_by_side;
pub(crate) use run::{Fleetlike, Setup, Simulated, simulate as simulate_one};
use serde::Serialize;
use source::{Place, Source};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Longest simulation, in rounds.
const ROUNDS_MAX: u64 = 10_000_000;

/// Options of `simulate`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    place: Place,
    /// Policy to try; may be repeated. All policies if omitted, side by side.
    #[arg(long = "policy", value_name = "POLICY", value_parser = policy)]
    policies: Vec<PolicyName>,
    /// When a round ends: exact (the whole batch), guard (stragglers send what they have) or anytime (at a common time).
    #[arg(long, default_value = "exact", value_parser = round_end)]
    round_end: RoundEnd,
    /// Samples per round, over all agents; if omitted those of the fleet or of reference.json beside the trace, else 256.
    #[arg(long, value_name = "SAMPLES", value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_SAMPLES_MAX)))]
    global_batch: Option<u32>,
    /// Rounds; if omitted as many as the trace has, or 500 for a fleet. A trace restarts after its last round.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=ROUNDS_MAX))]
    rounds: Option<u64>,
    /// Parameters of the model that a fleet's uplinks carry, 4 bytes each.
    #[arg(long, default_value_t = 4810, conflicts_with = "trace")]
    parameters: u32,
    /// Seed of a fleet's noise and of the job.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Writes the figures to a file, or with - to standard output instead of the table.
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
    /// Draws seconds per round over time, and the shares under the first policy.
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

pub(crate) fn policy(text: &str) -> Result<PolicyName, String> {
    text.parse().map_err(|error: heijunka_allocate::UnknownPolicy| error.to_string())
}

pub(crate) fn round_end(text: &str) -> Result<RoundEnd, String> {
    match text {
        "exact" => Ok(RoundEnd::Exact),
        "guard" => Ok(RoundEnd::Guard),
        "anytime" => Ok(RoundEnd::Anytime),
        _ => Err("write exact, guard or anytime".to_owned()),
    }
}

/// The figures as JSON. With a single policy its figures stand at the top as well.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fleet: Option<&'a str>,
    agents: usize,
    global_batch_samples: u32,
    rounds: u64,
    round_end: &'a str,
    seed: u64,
    #[serde(flatten)]
    only: Option<Only<'a>>,
    policies: BTreeMap<&'a str, &'a Figures>,
}

#[derive(Serialize)]
struct Only<'a> {
    policy: &'a str,
    #[serde(flatten)]
    figures: &'a Figures,
}

/// Tries each policy and compares them.
pub fn simulate(arguments: &Arguments) -> Result<(), Failure> {
    let source = Source::load(&arguments.place, arguments.seed, arguments.parameters)?;
    let setup = Setup {
        round_end: arguments.round_end,
        batch_samples: arguments.global_batch.unwrap_or_else(|| source.batch_samples()),
        rounds: arguments.rounds.unwrap_or_else(|| source.rounds()),
        seed: arguments.seed,
    };
    let policies = if arguments.policies.is_empty() { PolicyName::ALL.to_vec() } else { arguments.policies.clone() };
    // The table compares with equal shares, asked for or not.
    let extra = (!policies.contains(&PolicyName::Equal)).then_some(PolicyName::Equal);
    let all: Vec<PolicyName> = policies.iter().copied().chain(extra).collect();
    let fleet = source.fleetlike();
    let done = side_by_side(&all, |policy| simulate_one(&fleet, *policy, &setup));
    let mut simulated = done.into_iter().collect::<Result<Vec<Simulated>, Failure>>()?;
    let equal = simulated.iter().find(|one| one.policy == PolicyName::Equal).map(|one| Figures::new(one, &setup));
    simulated.truncate(policies.len());
    let figures: Vec<Figures> = simulated.iter().map(|one| Figures::new(one, &setup)).collect();
    let to_stdout = arguments.json.as_deref() == Some(Path::new("-"));
    if !to_stdout {
        print!("{}", table::table(&source, &setup, &figures, equal.as_ref()));
    }
    if let Some(path) = &arguments.json {
        let only = match &figures[..] {
            [figures] => Some(Only { policy: figures.policy(), figures }),
            _ => None,
        };
        let report = Report {
            trace: source.trace_name(),
            fleet: source.fleet_name(),
            agents: fleet.agents.len(),
            global_batch_samples: setup.batch_samples,
            rounds: setup.rounds,
            round_end: setup.round_end_name(),
            seed: setup.seed,
            only,
            policies: figures.iter().map(|figures| (figures.policy(), figures)).collect(),
        };
        write_json(path, &report)?;
    }
    if let Some(path) = &arguments.plot {
        let title = source.title(&setup);
        write(path, plot::svg(&title, &fleet.agents, &simulated).as_bytes())?;
    }
    Ok(())
}

/// Writes JSON to a file, or with `-` to standard output.
pub(crate) fn write_json(path: &Path, report: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::new(Exit::Unavailable, "cannot write JSON").why(error.to_string()))?;
    text.push('\n');
    if path == Path::new("-") {
        print!("{text}");
        return Ok(());
    }
    write(path, text.as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
    })
}

#[cfg(test)]
mod tests;
