//! `bench quality`: what sparse gradients cost in scores and save in bytes, beside dense ones, by several seeds. The bytes
//! are counted by the broker.

use super::broker::Mosquitto;
use super::lab::{Lab, Workload};
use super::table::{Cell, Table};
use xtask::shell::Outcome;

const SEEDS: u64 = 5;
const AGENTS: f64 = 8.0;
const POLICIES: [&str; 2] = ["equal", "equal/sparse"];

/// One run.
#[derive(Clone, Copy, Debug)]
struct Run {
    score: f64,
    /// Bytes a round that the broker received and sent.
    received: f64,
    sent: f64,
}

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    lab.programs()?;
    let mnist = lab.mnist("128", "mnist's quality").map(|mnist| (mnist, "1200"));
    let sets = [(lab.digits(), "600"), (lab.steel_plates(), "1200")].into_iter().chain(mnist);
    let columns = ["", "float32", "sparse", "difference", "+-", "shorter up", "shorter down"];
    let mut scores = Table::new("accuracy on held-out rows, the same seeds: float32 beside sparse gradients", &columns);
    let columns = ["", "gradients", "received", "sent", "up, an agent", "down, an agent"];
    let mut bytes = Table::new("bytes a round, counted by the broker", &columns);
    for (workload, rounds) in sets {
        let [dense, sparse] = measure(lab, &workload, lab.either(rounds, "60"))?;
        let (up, down) = (Ways::of(&dense), Ways::of(&sparse));
        scores.row(compare(workload.name, &dense, &sparse, up.up / down.up, up.down / down.down));
        for (name, runs, ways) in [("float32", &dense, up), ("sparse", &sparse, down)] {
            let counted = [mean(runs, |run| run.received), mean(runs, |run| run.sent), ways.up, ways.down];
            let counted = counted.map(|bytes| Cell::Number(bytes, 0));
            bytes.row([Cell::text(workload.name), Cell::text(name)].into_iter().chain(counted));
        }
    }
    scores.note(
        "SGD with momentum .9, cosine rate from .1 (steel plates .05), the demo's warm-up and share of numbers kept",
    );
    scores.note(format!("means of {} seeds; +-: standard deviation of the paired differences", seeds(lab)));
    bytes.note("everything counts: joining, surveys, scoring at the end, acknowledgements, MQTT's own bytes");
    bytes.note("up and down follow from the model's going to all of the 8 agents alike");
    Ok(vec![scores, bytes])
}

fn seeds(lab: &Lab<'_>) -> u64 {
    lab.either(SEEDS, 1)
}

/// The runs of each policy.
fn measure(lab: &Lab<'_>, workload: &Workload, rounds: &str) -> Outcome<[Vec<Run>; 2]> {
    let mut all = [Vec::new(), Vec::new()];
    for seed in 0..seeds(lab) {
        eprintln!("  {}, seed {seed}", workload.name);
        for (runs, policy) in all.iter_mut().zip(POLICIES) {
            runs.push(one(lab, workload, policy, rounds, seed)?);
        }
    }
    Ok(all)
}

fn one(lab: &Lab<'_>, workload: &Workload, policy: &str, rounds: &str, seed: u64) -> Outcome<Run> {
    let broker = Mosquitto::start(lab.place)?;
    let before = broker.counted()?;
    // Scored at the end alone: scoring moves models, too.
    let seed = seed.to_string();
    let words = ["--rounds", rounds, "--score-every", rounds, "--schedule", "cosine", "--seed", &seed];
    let played = lab.play(&broker, "zero8", workload, &[policy], &words)?;
    let played = played.first().ok_or("the demo played nothing")?;
    let after = broker.counted()?;
    let rounds = played.figure("rounds")?;
    Ok(Run {
        score: played.figure("accuracy")?,
        received: (after.received - before.received) / rounds,
        sent: (after.sent - before.sent) / rounds,
    })
}

fn mean(runs: &[Run], of: fn(&Run) -> f64) -> f64 {
    runs.iter().map(of).sum::<f64>() / runs.len().max(1) as f64
}

/// Bytes a round and agent.
#[derive(Clone, Copy, Debug)]
struct Ways {
    up: f64,
    down: f64,
}

impl Ways {
    /// The broker receives all gradients and one model, and sends all gradients and a model to each agent: two equations.
    fn of(runs: &[Run]) -> Self {
        let (received, sent) = (mean(runs, |run| run.received), mean(runs, |run| run.sent));
        let down = (sent - received) / (AGENTS - 1.0);
        Self { up: (received - down) / AGENTS, down }
    }
}

fn compare(name: &str, dense: &[Run], sparse: &[Run], up: f64, down: f64) -> Vec<Cell> {
    let differences: Vec<f64> = dense.iter().zip(sparse).map(|(dense, sparse)| sparse.score - dense.score).collect();
    let (difference, deviation) = mean_and_deviation(&differences);
    let scores = [mean(dense, |run| run.score), mean(sparse, |run| run.score), difference];
    let scores = scores.into_iter().map(|score| Cell::Number(score, 4));
    let ratios = [up, down].map(|ratio| Cell::Number(ratio, 1));
    [Cell::text(name)].into_iter().chain(scores).chain([Cell::maybe(deviation, 4)]).chain(ratios).collect()
}

/// No deviation of a single value.
fn mean_and_deviation(values: &[f64]) -> (f64, Option<f64>) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_and_down_follow_from_what_the_broker_counts() {
        let (up, down) = (100.0, 40.0);
        let run = Run { score: 0.0, received: AGENTS * up + down, sent: AGENTS * (up + down) };
        let ways = Ways::of(&[run]);
        assert!((ways.up - up).abs() < 1e-9 && (ways.down - down).abs() < 1e-9, "{ways:?}");
    }

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        let (mean, deviation) = mean_and_deviation(&[1.0, 3.0]);
        assert!((mean - 2.0).abs() < 1e-12 && (deviation.unwrap() - 2f64.sqrt()).abs() < 1e-12);
        assert_eq!(mean_and_deviation(&[1.0]), (1.0, None));
    }
}
