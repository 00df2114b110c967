//! `advise`: what would shorten the rounds of a recorded job, and when the rest of it will be done.

mod clock;
mod finish;
mod what_if;

use crate::simulate::source::Source;
use crate::simulate::{Figures, Setup, policy, round_end, write_json};
use clap::Args;
use clock::Clock;
use finish::Finish;
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_settings::Failure;
use heijunka_units::{grouped, readable_seconds};
use heijunka_wire::limits::BATCH_SAMPLES_MAX;
use serde::Serialize;
use std::path::{Path, PathBuf};
use what_if::{Finding, Tried, WhatIf};

/// Rounds simulated at least, if the trace has as many.
const ROUNDS_MIN: u64 = 200;
/// Rounds x agents x fleets that are simulated in some ten seconds on an old office PC.
const WORK: u64 = 200_000;

/// Agents named in one sentence.
const NAMED_MAX: usize = 8;

/// Options of `advise`.
#[derive(Args)]
pub struct Arguments {
    /// Trace of a run: [output] trace = "trace.csv.gz" records one.
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// Samples per round, over all agents; if omitted those of reference.json beside the trace, else 256.
    #[arg(long, value_name = "SAMPLES", value_parser = clap::value_parser!(u32).range(1..=i64::from(BATCH_SAMPLES_MAX)))]
    global_batch: Option<u32>,
    /// Rounds to simulate, the last ones of the trace; if omitted as many as take about a minute.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    rounds: Option<u64>,
    /// Policy of the job.
    #[arg(long, default_value_t = PolicyName::default(), value_parser = policy)]
    policy: PolicyName,
    /// When a round of the job ends: exact, guard or anytime.
    #[arg(long, default_value = "exact", value_parser = round_end)]
    round_end: RoundEnd,
    /// Rounds that the plant does per week: savings are then also given in hours per week.
    #[arg(long, value_name = "ROUNDS")]
    per_week_rounds: Option<u64>,
    /// Rounds that are still to be done: reports how long they take.
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    rounds_left: Option<u64>,
    /// Time of day: reports whether the remaining rounds are done by then, and with which probability.
    #[arg(long, value_name = "HH:MM", requires = "rounds_left")]
    finish_by: Option<Clock>,
    /// The time of day to count from; this machine's clock if omitted.
    #[arg(long, value_name = "HH:MM", requires = "rounds_left")]
    now: Option<Clock>,
    /// Seed of the job and of the drawing of rounds.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Writes the findings to a file, or with - to standard output instead of the sentences.
    #[arg(long, value_name = "FILE|-")]
    json: Option<PathBuf>,
}

/// The findings as JSON.
#[derive(Serialize)]
struct Report<'a> {
    trace: String,
    agents: usize,
    global_batch_samples: u32,
    policy: &'a str,
    rounds: u64,
    recorded_rounds: u64,
    /// Seconds for as many samples as a whole batch has, with the fleet as it is.
    seconds_per_batch: f64,
    equal_shares: EqualShares,
    /// All that was tried, the most useful first.
    findings: &'a [Finding],
    #[serde(skip_serializing_if = "Option::is_none")]
    finish: Option<Finish>,
}

#[derive(Clone, Debug, Serialize)]
struct EqualShares {
    seconds_per_batch: f64,
    /// Seconds that they would have cost more, over the recorded rounds.
    more_seconds: f64,
    text: String,
}

/// Tries what can be changed, and reports what helps.
pub fn advise(arguments: &Arguments) -> Result<(), Failure> {
    let source = Source::load_trace(&arguments.trace)?;
    let fleet = source.fleetlike();
    let recorded = source.rounds();
    let rounds = arguments.rounds.unwrap_or_else(|| affordable(fleet.agents.len(), recorded));
    let setup = Setup {
        round_end: arguments.round_end,
        batch_samples: arguments.global_batch.unwrap_or_else(|| source.batch_samples()),
        rounds,
        seed: arguments.seed,
    };
    let what_if = WhatIf { fleet: &fleet, recorded, setup, policy: arguments.policy };
    let tried = what_if.tries()?;
    let base = Figures::new(&tried.base, &setup).settled_s();
    let findings = tried.findings(base, arguments.per_week_rounds);
    let equal_shares = equal_shares(Figures::new(&tried.equal, &setup).settled_s(), base, recorded);
    let finish = arguments.rounds_left.map(|left| {
        let now = arguments.now.unwrap_or_else(Clock::now);
        Finish::new(&tried.base.seconds, left, now, arguments.finish_by, arguments.seed)
    });
    if arguments.json.as_deref() != Some(Path::new("-")) {
        println!("{}\n{}", source.title(&setup), source.remarks());
        print!("{}", sentences(&tried, base, &findings, &equal_shares, finish.as_ref()));
    }
    let Some(path) = &arguments.json else { return Ok(()) };
    let report = Report {
        trace: arguments.trace.display().to_string(),
        agents: fleet.agents.len(),
        global_batch_samples: setup.batch_samples,
        policy: arguments.policy.as_str(),
        rounds,
        recorded_rounds: recorded,
        seconds_per_batch: base,
        equal_shares,
        findings: &findings,
        finish,
    };
    write_json(path, &report)
}

/// The last rounds of a trace, as many as can be simulated for each of the fleets that are tried.
fn affordable(agents: usize, recorded: u64) -> u64 {
    let agents = agents.max(1) as u64;
    let fleets = 2 * agents.min(what_if::TRIED_MAX as u64) + 2;
    recorded.min((WORK / (agents * fleets)).max(ROUNDS_MIN)).max(1)
}

fn equal_shares(equal: f64, base: f64, recorded: u64) -> EqualShares {
    let more_seconds = (equal - base) * recorded as f64;
    let rounds = grouped(recorded);
    let text = if equal >= base * (1.0 + what_if::SAVING_MIN) {
        format!(
            "equal shares would have cost {} more over the recorded {rounds} rounds",
            readable_seconds(more_seconds)
        )
    } else if equal <= base * (1.0 - what_if::SAVING_MIN) {
        format!("equal shares would have saved {} over the recorded {rounds} rounds", readable_seconds(-more_seconds))
    } else {
        "equal shares would have done as well".to_owned()
    };
    EqualShares { seconds_per_batch: equal, more_seconds, text }
}

fn sentences(
    tried: &Tried,
    base: f64,
    findings: &[Finding],
    equal_shares: &EqualShares,
    finish: Option<&Finish>,
) -> String {
    let mut text = format!("as it is: {base:.3} s per round under {}\n", tried.base.policy);
    let useful: Vec<&Finding> = findings.iter().filter(|finding| finding.is_useful()).collect();
    for finding in &useful {
        text += &format!("{}\n", finding.text);
    }
    if useful.is_empty() {
        text += "no change helps: leaving out or doubling any one machine saves less than 1 %\n";
    }
    text += &idle(findings);
    if tried.is_partial {
        let most = what_if::TRIED_MAX;
        text += &format!(
            "(tried: leaving out each of the {most} agents with the smallest shares, doubling each of the {most} with the largest)\n"
        );
    }
    text += &format!("{}\n", equal_shares.text);
    if let Some(finish) = finish {
        text += &format!("{}\n", finish.text);
    }
    text
}

/// Names those of whom one could be switched off.
fn idle(findings: &[Finding]) -> String {
    let names: Vec<&str> = findings.iter().filter(|finding| finding.is_idle()).map(Finding::name).collect();
    let shown = names.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => String::new(),
        1 => format!("without {shown}, rounds take as long as with it\n"),
        2..=NAMED_MAX => format!("without any one of {shown}, rounds take as long as with it\n"),
        more => format!("without any one of {shown} or {} more, rounds take as long as with it\n", more - NAMED_MAX),
    }
}

#[cfg(test)]
mod tests;
