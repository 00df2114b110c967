//! `cargo xtask test`: everything that must pass, step by step, with what each step took.

use std::io::{BufRead as _, BufReader};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::cross;
use crate::footprint;
use crate::packages;
use crate::shell::{Outcome, Place, succeed};
use crate::tidy;
use crate::tools;

/// How many tests ran, over all test binaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

/// One step; `slow` ones are left out by `--quick`.
struct Step {
    title: &'static str,
    slow: bool,
    run: fn(&Place, &mut Tally) -> Outcome<Ended>,
}

/// How a step that did not fail ended.
pub(crate) enum Ended {
    /// All of it ran and passed.
    Passed,
    /// This machine cannot run it, and why.
    Skipped(String),
}

const STEPS: &[Step] = &[
    Step { title: "tools", slow: false, run: |_, _| tools() },
    Step { title: "format", slow: false, run: |place, _| cargo(place, &["fmt", "--all", "--check"]) },
    Step { title: "tidy", slow: false, run: |place, _| tidy::check(&place.root).map(|()| Ended::Passed) },
    Step {
        title: "clippy",
        slow: false,
        run: |place, _| cargo(place, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        title: "dependencies",
        slow: true,
        run: |place, _| tools::check_dependencies(place).map(|()| Ended::Passed),
    },
    Step { title: "programs", slow: false, run: |place, _| cargo(place, &["build", "--workspace", "--bins"]) },
    Step { title: "tests", slow: false, run: |place, tally| tests(place, tally).map(|()| Ended::Passed) },
    Step {
        title: "packages",
        slow: true,
        run: |place, _| {
            tools::ensure_readers();
            packages::check(place)
        },
    },
    Step { title: "footprint", slow: true, run: |place, _| footprint::check(place).map(|()| Ended::Passed) },
    Step { title: "cross", slow: true, run: |place, _| cross::check(place, false) },
];

/// The command `test`.
pub(crate) fn run(place: &Place, args: &[String]) -> Outcome<ExitCode> {
    let quick = match args {
        [] => false,
        [flag] if flag == "--quick" => true,
        _ => return Err("takes nothing but --quick".into()),
    };
    let steps: Vec<&Step> = STEPS.iter().filter(|step| !(quick && step.slow)).collect();
    let mut tally = Tally::default();
    let mut summary = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {} of {}: {}", index + 1, steps.len(), step.title);
        let started = Instant::now();
        let ended = (step.run)(place, &mut tally)
            .map_err(|message| format!("the step '{}' failed after {}\n{message}", step.title, seconds(started)))?;
        let line = match ended {
            Ended::Passed => format!("{:<14}{:>9}", step.title, seconds(started)),
            Ended::Skipped(why) => format!("{:<14}{:>9}  skipped: {why}", step.title, seconds(started)),
        };
        println!("== {line}");
        summary.push(line);
    }
    println!("\n{}\n", summary.join("\n"));
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.ignored);
    Ok(ExitCode::SUCCESS)
}

/// What the tests need: the broker, and what checks their work if it can be had.
fn tools() -> Outcome<Ended> {
    tools::ensure_broker()?;
    let left_out = tools::ensure_checkers();
    Ok(if left_out.is_empty() { Ended::Passed } else { Ended::Skipped(left_out.join("; ")) })
}

fn seconds(started: Instant) -> String {
    let took: Duration = started.elapsed();
    format!("{:.1} s", took.as_secs_f64())
}

fn cargo(place: &Place, args: &[&str]) -> Outcome<Ended> {
    succeed(&mut place.cargo(args)).map(|()| Ended::Passed)
}

/// Runs the tests, showing their output and counting them from it.
fn tests(place: &Place, tally: &mut Tally) -> Outcome {
    let mut child = place
        .cargo(&["test", "--workspace"])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cargo test: {error}"))?;
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).split(b'\n')) {
        let bytes = line.map_err(|error| format!("cargo test: {error}"))?;
        let line = String::from_utf8_lossy(&bytes);
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait().map_err(|error| format!("cargo test: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo test --workspace: {status}")) }
}

impl Tally {
    /// Adds the counts of a `test result:` line; any other line says nothing.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(count), Some(what)) = (words.next().and_then(|word| word.parse::<u64>().ok()), words.next())
            else {
                continue;
            };
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests_of_the_suite {
    use super::*;

    #[test]
    fn tests_are_counted_from_the_harness_lines_alone() {
        let mut tally = Tally::default();
        tally.add("running 7 tests");
        tally.add("test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 1 filtered out; finished in 0.03s");
        tally.add("test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s");
        assert_eq!(tally, Tally { passed: 6, failed: 3, ignored: 2 });
    }
}
