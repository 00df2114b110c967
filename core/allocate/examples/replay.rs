//! Replays recorded delays: `cargo run -p heijunka-allocate --example replay -- TRACES/*.csv.gz`
//!
//! A trace has the columns round, agent, network_s, fixed_s, seconds_per_sample; the file `reference.json` beside it
//! names each trace's global batch, and the seconds a round that equal shares and the paper's rule take there. Worker m
//! with n samples takes network + fixed + n x per sample. Prints the mean seconds a round after the first 50 rounds.
#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a shell, not a mind"
)]

use flate2::read::GzDecoder;
use heijunka_allocate::{Candidate, Observation, PolicyName, RoundEnd, policy};
use heijunka_units::{AgentId, Samples};
use std::error::Error;
use std::path::Path;

/// An epoch of the reference: 50,000 samples in batches of 256.
const ROUNDS_PER_EPOCH: usize = 195;
const WARM_UP_ROUNDS: usize = 50;

/// What a policy is told a round took.
#[derive(Clone, Copy)]
enum Told {
    /// From sending to receiving, as in Heijunka.
    All,
    /// Without the network, as in the paper's released code and the reference.
    OwnTime,
}

/// One agent's costs in one round.
#[derive(Clone, Copy, Debug)]
struct Costs {
    network_s: f64,
    fixed_s: f64,
    per_sample_s: f64,
}

/// Reads the costs by round and agent.
fn read(path: &Path) -> Result<Vec<Vec<Costs>>, Box<dyn Error>> {
    let mut rounds: Vec<Vec<Costs>> = Vec::new();
    let mut table = csv::Reader::from_reader(GzDecoder::new(std::fs::File::open(path)?));
    for record in table.records() {
        let record = record?;
        let cell = |index: usize| record.get(index).ok_or("a row is too short");
        if cell(0)?.parse::<usize>()? == rounds.len() {
            rounds.push(Vec::new());
        }
        let costs = Costs { network_s: cell(2)?.parse()?, fixed_s: cell(3)?.parse()?, per_sample_s: cell(4)?.parse()? };
        rounds.last_mut().ok_or("rounds do not start at 0")?.push(costs);
    }
    Ok(rounds)
}

/// Mean seconds a round after the first ones.
fn replay(rounds: &[Vec<Costs>], batch: Samples, name: PolicyName, told: Told) -> Result<f64, Box<dyn Error>> {
    let agents = rounds.first().map_or(0, Vec::len);
    let candidates = (0..agents)
        .map(|index| Ok(Candidate::new(AgentId::new(&format!("{index:04}"))?, Samples::MAX)))
        .collect::<Result<Vec<_>, heijunka_units::NameError>>()?;
    let mut policy = policy(name, RoundEnd::Exact);
    let mut sum_s = 0.0;
    for (round, costs) in rounds.iter().enumerate() {
        let shares = policy.decide(&candidates, batch, (round / ROUNDS_PER_EPOCH) as u64).shares;
        let mut seen = Vec::with_capacity(agents);
        let mut slowest_s = 0.0_f64;
        for (share, costs) in shares.into_iter().zip(costs) {
            let own_s = costs.fixed_s + costs.per_sample_s * f64::from(share.samples);
            let round_trip_s = own_s + costs.network_s;
            slowest_s = slowest_s.max(round_trip_s);
            let total_s = match told {
                Told::All => round_trip_s,
                Told::OwnTime => own_s,
            };
            seen.push(Observation {
                agent: share.agent,
                samples: share.samples,
                total_s,
                compute_s: own_s,
                own_s,
                late: false,
            });
        }
        policy.observe(&seen);
        if round >= WARM_UP_ROUNDS {
            sum_s += slowest_s;
        }
    }
    Ok(sum_s / (rounds.len() - WARM_UP_ROUNDS) as f64)
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "{:<11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "trace", "equal", "reference", "dynamic", "enhanced", "own time", "reference"
    );
    for path in std::env::args_os().skip(1) {
        let path = Path::new(&path);
        let file = path.file_name().and_then(|name| name.to_str()).ok_or("not a file name")?;
        let trace = file.strip_suffix(".csv.gz").ok_or("not a .csv.gz file")?;
        let reference: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path.with_file_name("reference.json"))?)?;
        let known = reference.get(trace).ok_or("the trace is not in reference.json")?;
        let batch = Samples::try_from(known["global_batch_samples"].as_u64().ok_or("no global batch")?)?;
        let reached = |policy: &str| known[policy]["mean_after_50_s"].as_f64().ok_or("no reference");
        let rounds = read(path)?;
        println!(
            "{trace:<11} {:>9.4} {:>9.4} {:>9.4} {:>9.4} {:>9.4} {:>9.4}",
            replay(&rounds, batch, PolicyName::Equal, Told::All)?,
            reached("equal")?,
            replay(&rounds, batch, PolicyName::Dynamic, Told::All)?,
            replay(&rounds, batch, PolicyName::Enhanced, Told::All)?,
            replay(&rounds, batch, PolicyName::Enhanced, Told::OwnTime)?,
            reached("DP/epoch")?,
        );
    }
    Ok(())
}
