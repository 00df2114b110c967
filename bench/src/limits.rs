//! `bench limits`: what the first job of a machine keeps of a processor that an agent wants too, by the agent's `[limits]`, and
//! what the whole agent takes of a processor that is otherwise idle.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::lab::Lab;
use super::plant::{Plant, Program, free_port};
use super::table::{Cell, Table};
use xtask::shell::{Outcome, succeed};

/// The processor that both are confined to.
const PROCESSOR: &str = "0";
/// `[limits]` of the agent.
const LIMITS: [(i64, i64); 5] = [(100, 0), (100, 5), (100, 10), (30, 0), (30, 10)];

/// Samples of a round: with few of them messages are much of the work, with many hardly any.
const SAMPLES: [u32; 3] = [256, 1024, 4096];
/// `cpu_share_percent` of the agent that has the processor to itself.
const SHARES: [i64; 4] = [10, 30, 60, 100];

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

/// A broker, an aggregator, and an agent that is confined to one processor and trains without pause.
struct Job {
    agent: Program,
    _aggregator: Program,
    plant: Plant,
}

fn train(lab: &Lab<'_>, folder: &Path, (percent, nice): (i64, i64), samples: u32) -> Outcome<Job> {
    let programs = lab.place.target.join("debug");
    let mut plant = Plant::new(folder, free_port()?);
    plant.start_broker()?;
    plant.write_job(&format!("100000000\nglobal_batch_samples = {samples}\n[model]\nhidden = [256]"))?;
    let digits = lab.place.root.join("tests").join("data").join("digits.csv");
    plant.write_agent(&format!("url = \"{}\"", plant.url()), &digits, &limits_of(percent, nice))?;
    let mut aggregator = plant.start(&programs.join("heijunka-aggregator"), "aggregator")?;
    let agent = plant.start_pinned(
        PROCESSOR,
        &[&programs.join("heijunka-agent").display().to_string(), "run", "--config", "agent.toml"],
        "agent",
    )?;
    aggregator.wait_for("training begins")?;
    Ok(Job { agent, _aggregator: aggregator, plant })
}

/// Percent of the processor that the agent takes while it is otherwise idle.
fn alone(lab: &Lab<'_>, agent: &Program) -> Outcome<f64> {
    let (alone, wall_s) = spent(&[agent], lab.either(Duration::from_secs(10), Duration::from_secs(3)))?;
    Ok(alone.iter().sum::<f64>() / wall_s * 100.0)
}

fn measure(lab: &Lab<'_>, folder: &Path, limits: (i64, i64)) -> Outcome<[f64; 3]> {
    let Job { agent, plant, _aggregator } = train(lab, folder, limits, 4096)?;
    let alone = alone(lab, &agent)?;
    let span = lab.either(Duration::from_secs(10), Duration::from_secs(3));
    let first = plant.start_pinned(PROCESSOR, &["sh", "-c", "while :; do :; done"], "first-job")?;
    let (both, beside_s) = spent(&[&agent, &first], span)?;
    let [agent_s, first_s] = both[..] else { return Err("two programs were asked for".into()) };
    Ok([alone, agent_s / beside_s * 100.0, first_s / (first_s + agent_s) * 100.0])
}

/// What the whole agent takes, by its share and the samples of a round.
fn shares(lab: &Lab<'_>, folder: &Path) -> Outcome<Table> {
    let samples = SAMPLES.map(|samples| format!("{samples} samples, %"));
    let columns: Vec<&str> = ["cpu_share_percent"].into_iter().chain(samples.iter().map(String::as_str)).collect();
    let mut table = Table::new("one processor, what the whole agent takes of it", &columns);
    for percent in SHARES {
        let mut row = vec![Cell::Number(percent as f64, 0)];
        for samples in SAMPLES {
            eprintln!("  cpu_share_percent = {percent}, {samples} samples a round");
            let job = train(lab, folder, (percent, 0), samples)?;
            row.push(Cell::Number(alone(lab, &job.agent)?, 1));
        }
        table.row(row);
    }
    table.note("its processor time, all threads, by the clock on the wall; what is missing to the share waits for the aggregator");
    Ok(table)
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
    Ok(vec![table, shares(lab, &folder)?])
}
