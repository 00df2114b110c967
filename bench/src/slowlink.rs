//! `bench slowlink`: mnist, 784-256-10, on eight machines behind links of 1 Mbit/s: dense gradients of equal shares, and
//! sparse ones of levelled shares.

use std::fs;
use std::path::Path;

use super::broker::Mosquitto;
use super::lab::{Lab, Played, Workload};
use super::table::{Cell, Table};
use xtask::shell::Outcome;

const FLEET: &str = "slowlink";
const DENSE: &str = "equal";
const SPARSE: &str = "adaptive/sparse";
const TARGET: &str = "0.9";
/// Rounds that the dense gradients' time is taken of, 6.5 s each.
const DENSE_ROUNDS: &str = "24";
const DENSE_ROUNDS_QUICK: &str = "4";
/// Rounds in which both reach the target by far.
const ROUNDS: &str = "200";
const ROUNDS_QUICK: &str = "40";

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    let Some(mnist) = lab.mnist("256", "slowlink") else { return Ok(Vec::new()) };
    lab.programs()?;
    let (rounds, dense_rounds) = lab.either((ROUNDS, DENSE_ROUNDS), (ROUNDS_QUICK, DENSE_ROUNDS_QUICK));
    let (dense, _) = play(lab, FLEET, &mnist, DENSE, dense_rounds)?;
    let steps = play(lab, "zero8", &mnist, DENSE, rounds)?.0.maybe("rounds_to_target");
    let (sparse, began_s) = play(lab, FLEET, &mnist, SPARSE, rounds)?;
    let title = format!("mnist, 784-256-10, eight machines on 1 Mbit/s: seconds a round and to accuracy {TARGET}");
    let columns = ["", "round, s", "x ideal", "rounds to it", "seconds to it", "bytes up", "bytes down"];
    let mut table = Table::new(title, &columns);
    let dense_s = dense.figure("round_seconds_mean")?;
    let dense_reached = steps.map(|steps| steps * dense_s);
    let sparse_reached = sparse.maybe("seconds_to_target").map(|seconds| seconds - began_s);
    table.row(row(&format!("{DENSE}, float32"), &dense, steps, dense_reached)?);
    table.row(row(SPARSE, &sparse, sparse.maybe("rounds_to_target"), sparse_reached)?);
    let gain = dense_s / sparse.figure("round_seconds_mean")?;
    table.note(format!("a round is {gain:.1} times shorter"));
    if let Some(gain) = dense_reached.zip(sparse_reached).map(|(dense, sparse)| dense / sparse) {
        table.note(format!("the target is reached {gain:.1} times sooner"));
    }
    table.note("float32's seconds: its round here, times the rounds that the same seed needs without delays (zero8)");
    table.note("sparse: as measured, from the publication of the first round on, rounds for scores and the warm-up's among them");
    table.note("bytes a round of all agents together, scored every 5 rounds");
    Ok(vec![table])
}

/// The figures, and the seconds after which the first round was published: before, agents read their data.
fn play(lab: &Lab<'_>, fleet: &str, mnist: &Workload, policy: &str, rounds: &str) -> Outcome<(Played, f64)> {
    eprintln!("  {policy} on {fleet}, {rounds} rounds");
    let broker = Mosquitto::start(lab.place)?;
    let words = ["--rounds", rounds, "--score-every", "5", "--target-score", TARGET, "--keep"];
    let played = lab.play(&broker, fleet, mnist, &[policy], &words)?.pop().ok_or("the demo played nothing")?;
    let folder = played.kept.as_ref().ok_or("the demo does not say where it keeps its files")?;
    let began_s = began_s(folder, policy);
    fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok((played, began_s?))
}

fn began_s(folder: &Path, policy: &str) -> Outcome<f64> {
    let history = folder.join(policy.replace('/', "-")).join("output").join("history.csv");
    let text = fs::read_to_string(&history).map_err(|error| format!("{}: {error}", history.display()))?;
    first_began_s(&text).ok_or_else(|| format!("{}: no first round", history.display()))
}

/// What had passed when the first round of a history was published.
fn first_began_s(history: &str) -> Option<f64> {
    let mut lines = history.lines();
    let (names, first) = (lines.next()?, lines.next()?);
    // What people wrote stands behind all figures.
    let figure = |name: &str| {
        let at = names.split(',').position(|column| column == name)?;
        first.split(',').nth(at)?.parse::<f64>().ok()
    };
    Some(figure("elapsed_seconds")? - figure("seconds")?)
}

fn row(name: &str, played: &Played, rounds: Option<f64>, seconds: Option<f64>) -> Outcome<Vec<Cell>> {
    Ok(vec![
        Cell::text(name),
        Cell::Number(played.figure("round_seconds_mean")?, 3),
        Cell::maybe(played.maybe("ratio_to_ideal"), 3),
        Cell::maybe(rounds, 0),
        Cell::maybe(seconds, 1),
        Cell::Number(played.figure("bytes_up_per_round")?, 0),
        Cell::Number(played.figure("bytes_down_per_round")?, 0),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_round_began_before_it_took_its_time() {
        let history = "round,seconds,elapsed_seconds,reason\n1,0.5,12.75,\"a, b\"\n2,0.1,13\n";
        assert_eq!(first_began_s(history), Some(12.25));
        assert_eq!(first_began_s("round,seconds,elapsed_seconds\n"), None);
    }
}
