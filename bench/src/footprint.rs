//! `bench footprint`: what the agent takes of an old machine, on disk and in memory, within a budget.

use std::fs;
use std::path::{Path, PathBuf};

use super::lab::Lab;
use super::plant::{Plant, free_port};
use super::table::{Cell, Table};
use xtask::shell::{Outcome, Place, succeed};

const MIB: f64 = 1024.0 * 1024.0;
/// Rounds of the job on the bundled digits; memory has settled long before.
const ROUNDS: &str = "300";

/// The budget: it may shrink, and grow for a reason. Sizes of stripped programs in MB, memory in MiB.
const WITH_TLS_MB: f64 = 4.0;
const WITHOUT_TLS_MB: f64 = 2.5;
const IDLE_MIB: f64 = 8.0;
const TRAINING_MIB: f64 = 12.0;

/// One figure with its budget.
struct Figure {
    what: &'static str,
    value: f64,
    budget: f64,
    unit: &'static str,
}

/// The bench; an error if a figure is over its budget.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    let place = lab.place;
    // The aggregator only has to exist: it is not measured.
    succeed(&mut place.cargo(&["build", "-p", "heijunka-aggregator"]))?;
    let folder = place.target.join("footprint");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let without = build(place, &folder, "heijunka-agent-without-tls", &["--no-default-features"])?;
    let with = build(place, &folder, "heijunka-agent", &[])?;
    refuses_tls(&folder, &without)?;
    let (idle, training) = memory(place, &folder, &with)?;
    judge(&[
        Figure { what: "program with TLS", value: megabytes(&with)?, budget: WITH_TLS_MB, unit: "MB" },
        Figure { what: "program without TLS", value: megabytes(&without)?, budget: WITHOUT_TLS_MB, unit: "MB" },
        Figure { what: "memory, waiting for a job", value: idle, budget: IDLE_MIB, unit: "MiB" },
        Figure { what: "memory, training digits", value: training, budget: TRAINING_MIB, unit: "MiB" },
    ])
    .map(|table| vec![table])
}

/// Builds the agent as it is installed and sets it aside under `name`, as the next build overwrites it.
fn build(place: &Place, folder: &Path, name: &str, features: &[&str]) -> Outcome<PathBuf> {
    succeed(place.cargo(&["build", "--profile", "dist", "-p", "heijunka-agent"]).args(features))?;
    let program = folder.join(name);
    fs::copy(place.target.join("dist").join("heijunka-agent"), &program).map_err(|error| format!("{name}: {error}"))?;
    Ok(program)
}

fn megabytes(program: &Path) -> Outcome<f64> {
    let bytes = fs::metadata(program).map_err(|error| format!("{}: {error}", program.display()))?.len();
    Ok(bytes as f64 / 1e6)
}

/// A program without TLS must not fall back to a connection without.
fn refuses_tls(folder: &Path, program: &Path) -> Outcome {
    let plant = Plant::new(folder, 0);
    plant.write("ca.crt", "")?;
    plant.write_agent("url = \"mqtts://127.0.0.1\"\nca_file = \"ca.crt\"", Path::new("none.csv"), "")?;
    let said = plant.refusal(program, &["check", "--config", "agent.toml"])?;
    let words = "asks for TLS, and this program was built without it";
    if said.contains(words) {
        Ok(())
    } else {
        Err(format!("the agent without TLS does not say \"{words}\" but:\n{said}"))
    }
}

/// Resident memory in MiB of an agent that waits for a job, and the highest while it trains, with one thread.
fn memory(place: &Place, folder: &Path, program: &Path) -> Outcome<(f64, f64)> {
    let digits = place.root.join("tests").join("data").join("digits.csv");
    let mut plant = Plant::new(folder, free_port()?);
    plant.start_broker()?;
    plant.write_agent(&format!("url = \"{}\"", plant.url()), &digits, "nice = 0")?;
    plant.write_job(ROUNDS)?;
    let mut agent = plant.start(program, "agent")?;
    agent.wait_for("connected to the broker")?;
    let idle = agent.memory("VmRSS")?;
    let aggregator = place.target.join("debug").join("heijunka-aggregator");
    plant.start(&aggregator, "aggregator")?.succeed()?;
    Ok((idle / MIB, agent.memory("VmHWM")? / MIB))
}

fn judge(figures: &[Figure]) -> Outcome<Table> {
    let mut table = Table::new("the agent on this machine", &["what", "measured", "budget", "unit"]);
    for Figure { what, value, budget, unit } in figures {
        table.row([Cell::text(*what), Cell::Number(*value, 2), Cell::Number(*budget, 1), Cell::text(*unit)]);
    }
    let over: Vec<&str> =
        figures.iter().filter(|figure| figure.value > figure.budget).map(|figure| figure.what).collect();
    if over.is_empty() { Ok(table) } else { Err(format!("over its budget: {}\n{table}", over.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_its_budget_is_named() {
        let figure = |what, value| Figure { what, value, budget: 2.0, unit: "MB" };
        assert!(judge(&[figure("small", 1.0), figure("equal", 2.0)]).is_ok());
        let message = judge(&[figure("small", 1.0), figure("large", 2.01)]).unwrap_err();
        let (first, table) = message.split_once('\n').unwrap();
        assert_eq!(first, "over its budget: large");
        assert!(table.contains("2.01"), "{table}");
    }
}
