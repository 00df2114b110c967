//! `cargo xtask cross`: the core compiled for a microcontroller, and the agent's tests run on emulated 64-bit ARM.

use std::path::Path;
use std::process::Command;

use crate::shell::{Outcome, Place, find_program, succeed};
use crate::suite::Ended;
use crate::tools;

const MICROCONTROLLER: &str = "thumbv7em-none-eabihf";
const BOARD: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64-static";
/// The board's C library, for the emulator.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";
/// The agent's side: it must do without an allocator.
const WITHOUT_ALLOCATOR: [&str; 5] = ["units", "wire", "learn", "compress", "worker"];
/// The aggregator's side: without std, with an allocator.
const WITH_ALLOCATOR: [&str; 5] = ["allocate", "compute", "judge", "round", "sim"];
const TESTED_ON_BOARD: [&str; 6] =
    ["heijunka-agent", "heijunka-compute", "heijunka-worker", "heijunka-wire", "heijunka-learn", "heijunka-compress"];
/// Emulation is slow, and the same properties run in full on the machine itself.
const PROPTEST_CASES: &str = "32";
/// Compiling is what takes long here; what computes much keeps the optimisation that the workspace gives it.
const COMPILE_FAST: [&str; 4] =
    ["--config", "profile.dev.opt-level=0", "--config", "profile.dev.package.'*'.opt-level=0"];

/// The command `cross`.
pub(crate) fn run(place: &Place) -> Outcome {
    if let Ended::Skipped(why) = check(place)? {
        println!("skipped: {why}");
    }
    Ok(())
}

/// Builds and tests for the other machines; a machine that lacks a tool says what to install.
pub(crate) fn check(place: &Place) -> Outcome<Ended> {
    if let Err(why) = tools::ensure_target(place, MICROCONTROLLER) {
        return Ok(Ended::Skipped(why));
    }
    for name in WITHOUT_ALLOCATOR {
        compile(place, name, Memory::Fixed)?;
    }
    for name in WITH_ALLOCATOR {
        compile(place, name, Memory::Allocator)?;
    }
    if std::env::consts::ARCH == "aarch64" {
        println!("this machine is {BOARD}: the ordinary tests ran on it");
        return Ok(Ended::Passed);
    }
    match tools::ensure_target(place, BOARD).and_then(|()| tools::ensure(tools::ARM64)) {
        Ok(()) => test_on_board(place).map(|()| Ended::Passed),
        Err(why) => Ok(Ended::Skipped(format!("tests on {BOARD}: {why}"))),
    }
}

fn test_on_board(place: &Place) -> Outcome {
    println!("-- tests on {BOARD}, emulated");
    let packages = TESTED_ON_BOARD.iter().flat_map(|name| ["-p", name]);
    succeed(
        cargo(place, &["test", "--tests", "--target", BOARD])
            .args(packages)
            .args(COMPILE_FAST)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", find_program(EMULATOR).unwrap_or_default())
            .env("CC_aarch64_unknown_linux_gnu", LINKER)
            .env("QEMU_LD_PREFIX", LIBRARIES)
            .env("PROPTEST_CASES", PROPTEST_CASES),
    )
}

/// A cargo command with a build folder of its own.
fn cargo(place: &Place, args: &[&str]) -> Command {
    let mut command = place.cargo(args);
    command.env("CARGO_TARGET_DIR", place.target.join("cross").join("build"));
    command
}

/// What a crate may ask of a microcontroller.
#[derive(Clone, Copy)]
enum Memory {
    /// No heap: linked into a whole library for firmware, where the compiler refuses anything that needs an allocator.
    Fixed,
    /// A heap, from an allocator that the firmware brings: compiled, not linked.
    Allocator,
}

impl Memory {
    fn title(self) -> &'static str {
        match self {
            Self::Fixed => "without an allocator",
            Self::Allocator => "with an allocator",
        }
    }

    fn crate_type(self) -> &'static str {
        match self {
            Self::Fixed => "staticlib",
            Self::Allocator => "lib",
        }
    }
}

/// Compiles one crate as firmware would use it: in a workspace of its own, as feature unification with the others
/// could bring an allocator in.
fn compile(place: &Place, name: &str, memory: Memory) -> Outcome {
    println!("-- {name} for {MICROCONTROLLER}, {}", memory.title());
    let folder = place.target.join("cross").join("probe").join(name);
    write(&folder.join("Cargo.toml"), &probe_manifest(&place.root, name, memory))?;
    write(&folder.join("src").join("lib.rs"), &probe_source(name, memory))?;
    let lock =
        std::fs::read_to_string(place.root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    write(&folder.join("Cargo.lock"), &lock)?;
    succeed(cargo(place, &["build", "--target", MICROCONTROLLER]).current_dir(&folder))
}

fn probe_manifest(root: &Path, name: &str, memory: Memory) -> String {
    format!(
        "[workspace]\n\n[package]\nname = \"probe-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"{}\"]\n\n\
         [dependencies]\nheijunka-{name} = {{ path = '{}', default-features = false }}\n",
        memory.crate_type(),
        root.join("core").join(name).display()
    )
}

fn probe_source(name: &str, memory: Memory) -> String {
    let uses = format!("//! Firmware that uses heijunka-{name}.\n#![no_std]\n\nuse heijunka_{name} as _;\n");
    match memory {
        Memory::Allocator => uses,
        Memory::Fixed => uses + PANIC_HANDLER,
    }
}

/// A library that is linked as a whole must say what a panic does.
const PANIC_HANDLER: &str = "
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
";

/// Writes a file with its folders.
fn write(file: &Path, text: &str) -> Outcome {
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_a_workspace_of_its_own_with_one_crate_of_ours() {
        let manifest = probe_manifest(Path::new("/plant"), "wire", Memory::Fixed);
        let manifest: toml::Table = manifest.parse().unwrap();
        assert!(manifest.contains_key("workspace"));
        assert_eq!(manifest["lib"]["crate-type"][0].as_str(), Some("staticlib"));
        let wire = &manifest["dependencies"]["heijunka-wire"];
        assert_eq!(wire["default-features"].as_bool(), Some(false));
        assert!(wire["path"].as_str().unwrap().ends_with("wire"));
    }

    #[test]
    fn only_a_probe_without_an_allocator_is_linked() {
        assert!(probe_source("wire", Memory::Fixed).contains("use heijunka_wire as _;"));
        assert!(probe_source("wire", Memory::Fixed).contains("panic_handler"));
        assert!(!probe_source("sim", Memory::Allocator).contains("panic_handler"));
    }
}
