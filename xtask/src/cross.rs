//! `cargo xtask cross`: the core compiled for a microcontroller, and the agent's tests run on emulated 64-bit ARM.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::shell::{Outcome, Place, succeed};
use crate::suite::Ended;

mod debian;
mod kit;

use kit::{Kit, Tools};

const MICROCONTROLLER: &str = "thumbv7em-none-eabihf";
const BOARD: &str = "aarch64-unknown-linux-gnu";
/// The agent's side: it must do without an allocator.
const WITHOUT_ALLOCATOR: [&str; 4] = ["units", "wire", "learn", "worker"];
/// The aggregator's side: without std, with an allocator.
const WITH_ALLOCATOR: [&str; 3] = ["allocate", "round", "sim"];
const TESTED_ON_BOARD: [&str; 4] = ["heijunka-agent", "heijunka-worker", "heijunka-wire", "heijunka-learn"];
/// Emulation is slow, and the same properties run in full on the machine itself.
const PROPTEST_CASES: &str = "32";

/// The command `cross`.
pub(crate) fn run(place: &Place, args: &[String]) -> Outcome<ExitCode> {
    let debian = match args {
        [] => false,
        [flag] if flag == "--debian" => true,
        _ => return Err("takes nothing but --debian".into()),
    };
    if let Ended::Skipped(why) = check(place, debian)? {
        println!("skipped: {why}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds and tests for the other machines; a machine that cannot do it says what to install.
pub(crate) fn check(place: &Place, from_debian: bool) -> Outcome<Ended> {
    let kit = match kit::find(place, from_debian) {
        Ok(kit) => kit,
        Err(why) => return Ok(Ended::Skipped(why)),
    };
    println!("Rust for {MICROCONTROLLER} and {BOARD}: {}", kit.rust.title());
    for name in WITHOUT_ALLOCATOR {
        println!("-- {name} for {MICROCONTROLLER}, without an allocator");
        without_allocator(place, &kit, name)?;
    }
    for name in WITH_ALLOCATOR {
        println!("-- {name} for {MICROCONTROLLER}");
        let package = format!("heijunka-{name}");
        let mut build = kit.cargo(place, &["build", "--lib", "-p", &package, "--target", MICROCONTROLLER]);
        succeed(kit.rust.with_std_parts(&mut build, "core,alloc"))?;
    }
    match &kit.tools {
        Ok(tools) => test_on_board(place, &kit, tools).map(|()| Ended::Passed),
        Err(why) => Ok(Ended::Skipped(format!("tests on {BOARD}: {why}"))),
    }
}

fn test_on_board(place: &Place, kit: &Kit, tools: &Tools) -> Outcome {
    println!("-- tests on {BOARD}, emulated");
    let packages = TESTED_ON_BOARD.iter().flat_map(|name| ["-p", name]);
    succeed(
        kit.cargo(place, &["test", "--tests", "--target", BOARD])
            .args(packages)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", &tools.linker)
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", &tools.emulator)
            .env("CC_aarch64_unknown_linux_gnu", &tools.linker)
            .env("QEMU_LD_PREFIX", &tools.libraries)
            .env("PROPTEST_CASES", PROPTEST_CASES),
    )
}

/// Links one crate into a library for firmware that has no allocator: the compiler refuses when anything needs one.
/// One crate at a time and in a workspace of its own, as feature unification could bring an allocator in.
fn without_allocator(place: &Place, kit: &Kit, name: &str) -> Outcome {
    let folder = place.target.join("cross").join("probe").join(name);
    write(&folder.join("Cargo.toml"), &probe_manifest(&place.root, name))?;
    write(&folder.join("src").join("lib.rs"), &probe_source(name))?;
    let lock =
        std::fs::read_to_string(place.root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    write(&folder.join("Cargo.lock"), &lock)?;
    let mut build = kit.cargo(place, &["build", "--target", MICROCONTROLLER]);
    succeed(kit.rust.with_std_parts(build.current_dir(&folder), "core"))
}

fn probe_manifest(root: &Path, name: &str) -> String {
    format!(
        "[workspace]\n\n[package]\nname = \"probe-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [lib]\ncrate-type = [\"staticlib\"]\n\n\
         [dependencies]\nheijunka-{name} = {{ path = '{}', default-features = false }}\n",
        root.join("core").join(name).display()
    )
}

fn probe_source(name: &str) -> String {
    format!(
        "//! Firmware without an allocator that links heijunka-{name}.\n#![no_std]\n\nuse heijunka_{name} as _;\n\n\
         #[panic_handler]\nfn panic(_: &core::panic::PanicInfo<'_>) -> ! {{\n    loop {{}}\n}}\n"
    )
}

/// Writes a file with its folders.
fn write(file: &Path, text: &str) -> Outcome {
    let folder = file.parent().unwrap_or(file);
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(file, text))
        .map_err(|error| format!("{}: {error}", file.display()))
}

impl Kit {
    /// A cargo command with this kit's compiler and a build folder of its own.
    fn cargo(&self, place: &Place, args: &[&str]) -> Command {
        let mut command = place.cargo(args);
        command.env("CARGO_TARGET_DIR", place.target.join("cross").join(self.rust.build_folder()));
        self.rust.choose(&mut command);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_a_workspace_of_its_own_with_one_crate_of_ours() {
        let manifest: toml::Table = probe_manifest(Path::new("/plant"), "wire").parse().unwrap();
        assert!(manifest.contains_key("workspace"));
        let wire = &manifest["dependencies"]["heijunka-wire"];
        assert_eq!(wire["default-features"].as_bool(), Some(false));
        assert!(wire["path"].as_str().unwrap().ends_with("wire"));
        assert!(probe_source("wire").contains("use heijunka_wire as _;"));
    }
}
