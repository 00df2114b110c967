//! `bench limits`: what the first job of a machine keeps of a processor that an agent wants too, by the agent's `[limits]`.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::table::{Cell, Table};
use crate::footprint::plant::{Plant, Program, free_port};
use crate::shell::{Outcome, succeed};

/// The processor that both are confined to.
const PROCESSOR: &str = "0";
/// `[limits]` of the agent.
const LIMITS: [(i64, i64); 5] = [(100, 0), (100, 5), (100, 10), (30, 0), (30, 10)];

/// A program's own time over a stretch, in seconds.
fn spent(programs: &[&Program], span: Duration) -> Outcome<(Vec<f64>, f64)> {
    let times = || programs.iter().map(|program| program.cpu_seconds()).collect::<Outcome<Vec<f64>>>();
    let (before, began) = (times()?, Instant::now());
    sleep(span);
    let (after, wall_s) = (times()?, began.elapsed().as_secs_f64());
    Ok((after.iter().zip(before).map(|(after, before)| after - before).collect(), wall_s))
}

fn limits_of(percent: i64, nice: i64) -> String {
    format!("nice = {nice}\ncpu_share_percent = {percent}")
}

fn measure(lab: &Lab<'_>, folder: &Path, (percent, nice): (i64, i64)) -> Outcome<[f64; 3]> {
    let programs = lab.place.target.join("debug");
    let mut plant = Plant::new(folder, free_port()?);
    plant.start_broker()?;
    plant.write_job("100000000\nglobal_batch_samples = 4096\n[model]\nhidden = [256]")?;
    let digits = lab.place.root.join("tests").join("data").join("digits.csv");
    plant.write_agent(&format!("url = \"{}\"", plant.url()), &digits, &limits_of(percent, nice))?;
    let mut aggregator = plant.start(&programs.join("heijunka-aggregator"), "aggregator")?;
    let agent = plant.start_pinned(
        PROCESSOR,
        &[&programs.join("heijunka-agent").display().to_string(), "run", "--config", "agent.toml"],
        "agent",
    )?;
    aggregator.wait_for("training begins")?;
    let span = lab.either(Duration::from_secs(10), Duration::from_secs(3));
    let (alone, wall_s) = spent(&[&agent], span)?;
    let first = plant.start_pinned(PROCESSOR, &["sh", "-c", "while :; do :; done"], "first-job")?;
    let (both, beside_s) = spent(&[&agent, &first], span)?;
    let [agent_s, first_s] = both[..] else { return Err("two programs were asked for".into()) };
    Ok([alone[0] / wall_s, agent_s / beside_s, first_s / (first_s + agent_s)].map(|part| part * 100.0))
}

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    // Shares of a processor are asked for, not speed: programs as the tests build them do.
    succeed(&mut lab.place.cargo(&["build", "-p", "heijunka-agent", "-p", "heijunka-aggregator"]))?;
    let folder = lab.place.target.join("bench-limits");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let columns = ["cpu_share_percent", "nice", "agent alone, %", "agent beside it, %", "first job keeps, %"];
    let mut table =
        Table::new("one processor, an agent that trains without pause and a first job that spins", &columns);
    for limits in LIMITS {
        eprintln!("  cpu_share_percent = {}, nice = {}", limits.0, limits.1);
        let cells = measure(lab, &folder, limits)?.map(|percent| Cell::Number(percent, 1));
        table.row([limits.0, limits.1].map(|number| Cell::Number(number as f64, 0)).into_iter().chain(cells));
    }
    table.note("agent: its own processor time by the clock on the wall, where other programs leave it any");
    table.note("first job keeps: its processor time, of the time that both had together");
    Ok(vec![table])
}
