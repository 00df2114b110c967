//! What each ingredient of `adaptive` buys on recorded delays:
//! `cargo run --release -p heijunka-allocate --example ablation -- TRACES/*.csv.gz`
//!
//! A trace has the columns round, agent, network_s, fixed_s, seconds_per_sample; the file `reference.json` beside it
//! names each trace's global batch and the bounds. Worker m with n samples takes network + fixed + n x per sample.
//! Prints the mean seconds a round after the first 50 rounds as multiples of the causal bound.
#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a shell, not a mind"
)]

use flate2::read::GzDecoder;
use heijunka_allocate::{Adaptive, Candidate, Ingredients, Observation, Policy, RoundEnd};
use heijunka_units::{AgentId, Samples};
use std::error::Error;
use std::path::Path;

const WARM_UP_ROUNDS: usize = 50;

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

/// What a replay gives.
struct Replayed {
    seconds: Vec<f64>,
    samples: Vec<f64>,
    moves: usize,
}

impl Replayed {
    /// Seconds for `batch` samples that counted.
    fn per_batch(&self, batch: Samples) -> f64 {
        let sum = |all: &[f64]| all.get(WARM_UP_ROUNDS..).unwrap_or(&[]).iter().sum::<f64>();
        sum(&self.seconds) * f64::from(batch) / sum(&self.samples)
    }

    fn mean_after_warm_up(&self) -> f64 {
        let counted = self.seconds.get(WARM_UP_ROUNDS..).unwrap_or(&[]);
        counted.iter().sum::<f64>() / counted.len().max(1) as f64
    }
}

fn observation(agent: &AgentId, samples: Samples, costs: Costs) -> Observation {
    let own_s = costs.fixed_s + costs.per_sample_s * f64::from(samples);
    Observation {
        agent: agent.clone(),
        samples,
        total_s: own_s + costs.network_s,
        compute_s: own_s,
        own_s,
        late: false,
    }
}

/// Samples that an agent has done when it stops, at least one.
fn done(share: Samples, stop_s: Option<f64>, network_s: f64, costs: Costs) -> Samples {
    let fits = |stop_s: f64| ((stop_s - network_s - costs.fixed_s) / costs.per_sample_s).max(1.0) as Samples;
    stop_s.map_or(share, |stop_s| share.min(fits(stop_s)))
}

/// Replays the rounds. A probe's times are known once they have passed.
fn replay(rounds: &[Vec<Costs>], batch: Samples, policy: &mut Adaptive) -> Result<Replayed, Box<dyn Error>> {
    let agents = rounds.first().map_or(0, Vec::len);
    let candidates = (0..agents)
        .map(|index| Ok(Candidate::new(AgentId::new(&format!("{index:04}"))?, Samples::MAX)))
        .collect::<Result<Vec<_>, heijunka_units::NameError>>()?;
    let mut replayed = Replayed { seconds: Vec::new(), samples: Vec::new(), moves: 0 };
    let mut under_way: Vec<(f64, Observation)> = Vec::new();
    let mut now_s = 0.0;
    for costs in rounds {
        let decision = policy.decide(&candidates, batch, 0);
        replayed.moves += usize::from(decision.moved);
        let mut seen = Vec::with_capacity(agents);
        let mut slowest_s = 0.0_f64;
        let outlooks = policy.outlooks();
        // What others compute in the place of stopped agents is not replayed here: `simulate` does.
        let stop_s = decision.stop_s.filter(|_| policy.round_end() != RoundEnd::Exact);
        let close_s = decision.close_s.unwrap_or(f64::INFINITY);
        let mut counted = 0;
        for (share, costs) in decision.shares.iter().zip(costs) {
            let busy_until_s = under_way.iter().filter(|(_, probe)| probe.agent == share.agent).map(|(at, _)| *at);
            let busy_s = (busy_until_s.fold(0.0, f64::max) - now_s).max(0.0);
            if share.samples > 0 {
                let network_s = outlooks.iter().find(|o| o.agent == share.agent).map_or(0.0, |o| o.network_s);
                let answer = observation(&share.agent, done(share.samples, stop_s, network_s, *costs), *costs);
                slowest_s = slowest_s.max((busy_s + answer.total_s).min(close_s));
                if answer.total_s <= close_s {
                    counted += answer.samples;
                    seen.push(answer);
                } else if answer.own_s <= close_s {
                    // It is on its way, and its timing will be known.
                    under_way.push((now_s + answer.total_s, answer));
                } else {
                    // The next round finds it computing, and it gives this one up.
                    let own_s = close_s;
                    seen.push(Observation {
                        samples: 1,
                        total_s: close_s,
                        compute_s: own_s,
                        own_s,
                        late: true,
                        ..answer
                    });
                }
            } else if share.probe > 0 && under_way.iter().all(|(_, probe)| probe.agent != share.agent) {
                let answer = observation(&share.agent, share.probe, *costs);
                under_way.push((now_s + answer.total_s, answer));
            }
        }
        now_s += slowest_s;
        let (done, rest): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|(at, _)| *at <= now_s);
        under_way = rest;
        seen.extend(done.into_iter().map(|(_, answer)| answer));
        policy.observe(&seen);
        replayed.seconds.push(slowest_s);
        replayed.samples.push(f64::from(counted));
    }
    Ok(replayed)
}

fn main() -> Result<(), Box<dyn Error>> {
    let all = Ingredients::default();
    let variants = [
        ("all", all),
        ("no change", Ingredients { change_detection: false, ..all }),
        ("no regimes", Ingredients { regimes: false, ..all }),
        ("means", Ingredients { scatter: false, ..all }),
        ("no exclus.", Ingredients { exclusion: false, ..all }),
        ("no probes", Ingredients { probes: false, ..all }),
        ("every 10", Ingredients { decide_every_rounds: 10, ..all }),
        ("every 50", Ingredients { decide_every_rounds: 50, ..all }),
        ("every 195", Ingredients { decide_every_rounds: 195, ..all }),
    ];
    print!("{:<11}{:>9}{:>7}{:>8}", "trace", "causal", "moves", "first40");
    variants.iter().for_each(|(name, _)| print!("{name:>11}"));
    println!("{:>9}{:>9}", "guard", "anytime");
    for path in std::env::args_os().skip(1) {
        let path = Path::new(&path);
        let file = path.file_name().and_then(|name| name.to_str()).ok_or("not a file name")?;
        let trace = file.strip_suffix(".csv.gz").ok_or("not a .csv.gz file")?;
        let reference: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path.with_file_name("reference.json"))?)?;
        let known = reference.get(trace).ok_or("the trace is not in reference.json")?;
        let batch = Samples::try_from(known["global_batch_samples"].as_u64().ok_or("no global batch")?)?;
        let bound = |policy: &str, key: &str| known[policy][key].as_f64().ok_or("no reference");
        let rounds = read(path)?;
        let causal = bound("causal", "mean_after_50_s")?;
        let mut exact_s = 0.0;
        for (index, (_, ingredients)) in variants.iter().enumerate() {
            let replayed = replay(&rounds, batch, &mut Adaptive::new(*ingredients, RoundEnd::Exact))?;
            if index == 0 {
                let oracle = bound("oracle", "mean_after_50_s")?;
                let first: f64 = replayed.seconds.iter().take(40).map(|seconds| seconds / oracle - 1.0).sum();
                exact_s = replayed.per_batch(batch);
                print!("{trace:<11}{causal:>9.4}{:>7}{first:>8.2}", replayed.moves);
            }
            print!("{:>11.4}", replayed.mean_after_warm_up() / causal);
        }
        for end in [RoundEnd::Guard, RoundEnd::Anytime] {
            let replayed = replay(&rounds, batch, &mut Adaptive::new(all, end))?;
            print!("{:>9.3}", replayed.per_batch(batch) / exact_s);
        }
        println!();
    }
    Ok(())
}
