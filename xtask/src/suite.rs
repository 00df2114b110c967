//! `cargo xtask test`: everything that must pass, step by step, with what each step took.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::cross;
use crate::dist;
use crate::packages;
use crate::shell::{Outcome, Place, succeed};
use crate::tidy;
use crate::tools;

/// The variable that names the file in which tests record what they skip, one per line (`heijunka_tests::skip`).
const SKIPS_FILE: &str = "HEIJUNKA_SKIPS_FILE";

/// The step `seeds` simulates this many times as many jobs as the ordinary tests.
const SEEDS: &str = "60";

/// How many tests ran, over all test binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// What tests skipped as a tool is missing: `name of the test: what is missing and how to install it`.
    skips: BTreeSet<String>,
}

/// How much is to be tested; each includes what comes before it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Some minutes: while a change is made.
    Quick,
    /// What must pass, within 20 minutes on a quiet machine of two cores.
    Plain,
    /// What takes longer, too: before a release.
    All,
}

/// One step.
struct Step {
    title: &'static str,
    /// The least extent that it belongs to.
    from: Extent,
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
    Step { title: "tools", from: Extent::Quick, run: |_, _| tools() },
    Step { title: "format", from: Extent::Quick, run: |place, _| cargo(place, &["fmt", "--all", "--check"]) },
    Step { title: "tidy", from: Extent::Quick, run: |place, _| tidy::check(place).map(|()| Ended::Passed) },
    Step {
        title: "clippy",
        from: Extent::Quick,
        run: |place, _| cargo(place, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    },
    Step {
        title: "dependencies",
        from: Extent::Plain,
        run: |place, _| tools::check_dependencies(place).map(|()| Ended::Passed),
    },
    Step { title: "programs", from: Extent::Quick, run: |place, _| cargo(place, &["build", "--workspace", "--bins"]) },
    Step { title: "tests", from: Extent::Quick, run: |place, tally| tests(place, tally).map(|()| Ended::Passed) },
    Step {
        title: "packages",
        from: Extent::Plain,
        run: |place, _| {
            // Without them the step says what it left out.
            let _ = tools::ensure(tools::READERS);
            packages::check(place)
        },
    },
    Step {
        title: "footprint",
        from: Extent::Plain,
        run: |place, _| crate::bench(place, &["footprint"]).map(|()| Ended::Passed),
    },
    Step { title: "cross", from: Extent::Plain, run: |place, _| cross::check(place) },
    Step {
        title: "seeds",
        from: Extent::All,
        run: |place, _| {
            succeed(place.cargo(&["test", "-p", "heijunka-sim"]).env("HEIJUNKA_SEEDS", SEEDS)).map(|()| Ended::Passed)
        },
    },
    Step { title: "dist", from: Extent::All, run: |place, _| dist::run(place, &[]).map(|()| Ended::Passed) },
];

/// The command `test`.
pub(crate) fn run(place: &Place, extent: Extent) -> Outcome {
    let steps: Vec<&Step> = STEPS.iter().filter(|step| step.from <= extent).collect();
    let mut tally = Tally::default();
    let mut summary = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        println!("\n== {} of {}: {}", index + 1, steps.len(), step.title);
        let started = Instant::now();
        let ended = (step.run)(place, &mut tally)
            .and_then(|ended| strict(ended, tools::is_ci()))
            .map_err(|message| format!("the step '{}' failed after {}\n{message}", step.title, seconds(started)))?;
        let line = match ended {
            Ended::Passed => format!("{:<14}{:>9}", step.title, seconds(started)),
            Ended::Skipped(why) => format!("{:<14}{:>9}  skipped: {why}", step.title, seconds(started)),
        };
        println!("== {line}");
        summary.push(line);
    }
    println!("\n{}\n", summary.join("\n"));
    for skip in &tally.skips {
        println!("skipped: {skip}");
    }
    println!("{tally}");
    Ok(())
}

/// On the CI machine nothing may be skipped.
fn strict(ended: Ended, is_ci: bool) -> Outcome<Ended> {
    match ended {
        Ended::Skipped(why) if is_ci => Err(format!("with CI=true nothing is skipped: {why}")),
        ended => Ok(ended),
    }
}

/// What the tests need: the broker, and what checks their work if it can be had.
fn tools() -> Outcome<Ended> {
    tools::ensure(tools::BROKER)?;
    Ok(tools::ensure(tools::CHECKERS).map_or_else(Ended::Skipped, |()| Ended::Passed))
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
    let skips = place.target.join("skipped-tests.txt");
    forget(&skips)?;
    let mut child = place
        .cargo(&["test", "--workspace"])
        .env(SKIPS_FILE, &skips)
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
    tally.skips = read_skips(&skips)?;
    if status.success() { Ok(()) } else { Err(format!("cargo test --workspace: {status}")) }
}

/// Deletes the record of an earlier run.
fn forget(skips: &Path) -> Outcome {
    match fs::remove_file(skips) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(format!("{}: {error}", skips.display())),
        _ => Ok(()),
    }
}

/// What tests recorded; no file means that nothing was skipped.
fn read_skips(skips: &Path) -> Outcome<BTreeSet<String>> {
    match fs::read_to_string(skips) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(format!("{}: {error}", skips.display())),
    }
}

impl Tally {
    /// Tests that passed for the harness although a part of them was skipped. One test may lack several tools.
    fn tests_with_skips(&self) -> u64 {
        let names: BTreeSet<&str> = self.skips.iter().map(|skip| skip.split(": ").next().unwrap_or(skip)).collect();
        names.len() as u64
    }

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

impl Display for Tally {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let skipped = self.tests_with_skips();
        let passed = self.passed.saturating_sub(skipped);
        write!(f, "{passed} passed, {} failed, {} skipped", self.failed, self.ignored + skipped)
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
        assert_eq!(tally.to_string(), "6 passed, 3 failed, 2 skipped");
    }

    #[test]
    fn a_test_that_lacks_a_tool_counts_as_skipped_and_not_as_passed() {
        let file = std::env::temp_dir().join(format!("heijunka-skips-{}", std::process::id()));
        forget(&file).unwrap();
        assert_eq!(read_skips(&file), Ok(BTreeSet::new()));
        let lines = "web::page: chromium is missing: a\nweb::page: promtool is missing: b\nrare::onnx: python: c\n";
        fs::write(&file, format!("{lines}{lines}")).unwrap();
        let tally = Tally { passed: 10, ignored: 1, skips: read_skips(&file).unwrap(), ..Tally::default() };
        assert_eq!((tally.skips.len(), tally.to_string().as_str()), (3, "8 passed, 0 failed, 3 skipped"));
        forget(&file).unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn only_the_ci_machine_refuses_a_step_that_was_skipped() {
        let skipped = || Ended::Skipped("no lintian".into());
        assert!(strict(skipped(), true).is_err_and(|message| message.contains("no lintian")));
        assert!(matches!(strict(skipped(), false), Ok(Ended::Skipped(_))));
        assert!(matches!(strict(Ended::Passed, true), Ok(Ended::Passed)));
    }
}
