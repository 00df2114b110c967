//! `cargo xtask footprint`: what the agent takes of an old machine, on disk and in memory, held against a budget.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::shell::{Outcome, Place, succeed};

pub(crate) mod plant;

use plant::Plant;

const MIB: f64 = 1024.0 * 1024.0;
/// Rounds of the job on the bundled digits; memory has settled long before.
const ROUNDS: &str = "300";

/// The budget: it may shrink, and grow for a reason. Sizes of stripped programs in MB, memory in MiB.
const WITH_TLS_MB: f64 = 4.0;
const WITHOUT_TLS_MB: f64 = 2.5;
const IDLE_MIB: f64 = 8.0;
const TRAINING_MIB: f64 = 12.0;

/// One figure beside the most it may be.
struct Figure {
    what: &'static str,
    value: f64,
    most: f64,
    unit: &'static str,
}

/// The command `footprint`.
pub(crate) fn run(place: &Place, args: &[String]) -> Outcome<ExitCode> {
    if !args.is_empty() {
        return Err("takes nothing".into());
    }
    check(place).map(|()| ExitCode::SUCCESS)
}

/// Builds, measures, prints; an error if anything is over its budget.
pub(crate) fn check(place: &Place) -> Outcome {
    // The aggregator only has to be there: what it takes is not the question.
    succeed(&mut place.cargo(&["build", "-p", "heijunka-aggregator"]))?;
    let folder = place.target.join("footprint");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let without = build(place, &folder, "heijunka-agent-without-tls", &["--no-default-features"])?;
    let with = build(place, &folder, "heijunka-agent", &[])?;
    says_what_it_lacks(&folder, &without)?;
    let (idle, training) = memory(place, &folder, &with)?;
    judge(&[
        Figure { what: "program with TLS", value: megabytes(&with)?, most: WITH_TLS_MB, unit: "MB" },
        Figure { what: "program without TLS", value: megabytes(&without)?, most: WITHOUT_TLS_MB, unit: "MB" },
        Figure { what: "memory, waiting for a job", value: idle, most: IDLE_MIB, unit: "MiB" },
        Figure { what: "memory, training digits", value: training, most: TRAINING_MIB, unit: "MiB" },
    ])
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
fn says_what_it_lacks(folder: &Path, program: &Path) -> Outcome {
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

/// Resident memory in MiB of an agent that waits for a job, and the most of one that trains, with one thread.
fn memory(place: &Place, folder: &Path, program: &Path) -> Outcome<(f64, f64)> {
    let digits = place.root.join("tests").join("data").join("digits.csv");
    let mut plant = Plant::new(folder, plant::free_port()?);
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

fn judge(figures: &[Figure]) -> Outcome {
    println!();
    for Figure { what, value, most, unit } in figures {
        println!("{what:<26}{value:>6.2} {unit:<4} of {most:>4.1}");
    }
    let over: Vec<&str> =
        figures.iter().filter(|figure| figure.value > figure.most).map(|figure| figure.what).collect();
    if over.is_empty() { Ok(()) } else { Err(format!("over the budget: {}", over.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_its_budget_is_named() {
        let figure = |what, value| Figure { what, value, most: 2.0, unit: "MB" };
        assert!(judge(&[figure("small", 1.0), figure("just", 2.0)]).is_ok());
        let message = judge(&[figure("small", 1.0), figure("large", 2.01)]).unwrap_err();
        assert!(message.contains("large") && !message.contains("small"), "{message}");
    }
}
