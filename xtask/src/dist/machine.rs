//! The machines that packages are built for.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::way::Way;
use crate::cross::Rust;
use crate::cross::debian::{self, Set};
use crate::shell::{Outcome, Place, find_program, output_of, succeed_within};

const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// One architecture.
pub(crate) struct Machine {
    /// Debian's name of it.
    pub(crate) debian: &'static str,
    /// Rust's, with musl: one file runs on any Linux, however old its C library.
    musl: &'static str,
    /// Rust's, with the GNU C library, which is linked in as well.
    gnu: &'static str,
    /// As `std::env::consts::ARCH` says it.
    arch: &'static str,
    /// C compiler and linker, on another machine.
    cross_linker: &'static str,
    /// Debian's linker and emulator for it, where they can be unpacked.
    unpacked: Option<Unpacked>,
}

struct Unpacked {
    tools: Set,
    emulator: &'static str,
    /// Debian has no standard library of it that could be unpacked.
    std_from_source: bool,
}

pub(crate) const MACHINES: &[Machine] = &[
    Machine {
        debian: "amd64",
        musl: "x86_64-unknown-linux-musl",
        gnu: "x86_64-unknown-linux-gnu",
        arch: "x86_64",
        cross_linker: "x86_64-linux-gnu-gcc",
        unpacked: None,
    },
    Machine {
        debian: "arm64",
        musl: "aarch64-unknown-linux-musl",
        gnu: "aarch64-unknown-linux-gnu",
        arch: "aarch64",
        cross_linker: "aarch64-linux-gnu-gcc",
        unpacked: Some(Unpacked { tools: Set::Tools, emulator: "qemu-aarch64-static", std_from_source: false }),
    },
    Machine {
        debian: "armhf",
        musl: "armv7-unknown-linux-musleabihf",
        gnu: "armv7-unknown-linux-gnueabihf",
        arch: "arm",
        cross_linker: "arm-linux-gnueabihf-gcc",
        unpacked: Some(Unpacked { tools: Set::Tools32, emulator: "qemu-arm-static", std_from_source: true }),
    },
];

impl Machine {
    /// How programs for it are built here: with musl where rustup has it, else with the GNU C library, from the installed
    /// toolchain or from Debian's packages; an error says what is missing.
    pub(crate) fn way(&self, place: &Place) -> Outcome<Way> {
        let (linker, emulator) = self.tools(place)?;
        let installed = |target| Way {
            target,
            rust: Rust::Rustup,
            std_from_source: false,
            linker: linker.clone(),
            emulator: emulator.clone(),
        };
        let Err(why) = add_standard_library(place, self.musl) else { return Ok(installed(self.musl)) };
        if has_standard_library(place, self.gnu) {
            return Ok(installed(self.gnu));
        }
        let Some(unpacked) = &self.unpacked else { return Err(why) };
        let rust =
            debian::unpack(place, Set::RustAndTools).map_err(|debian| format!("{why}; nor from Debian: {debian}"))?;
        Ok(Way {
            rust: Rust::Debian { rustc: debian::rustc(&rust) },
            std_from_source: unpacked.std_from_source,
            ..installed(self.gnu)
        })
    }

    /// The linker, and what runs the machine's programs here, if they do not by themselves.
    fn tools(&self, place: &Place) -> Outcome<(PathBuf, Option<PathBuf>)> {
        if std::env::consts::ARCH == self.arch {
            let cc = find_program("cc").ok_or("there is no C compiler (Debian: apt-get install gcc)")?;
            return Ok((cc, None));
        }
        let emulator = self.unpacked.as_ref().map(|unpacked| unpacked.emulator);
        if let Some(linker) = find_program(self.cross_linker) {
            return Ok((linker, emulator.and_then(find_program)));
        }
        let missing =
            format!("there is no {0} (Debian: apt-get install gcc-{1})", self.cross_linker, self.tool_chain());
        let Some(unpacked) = &self.unpacked else { return Err(missing) };
        let tools = debian::unpack(place, unpacked.tools).map_err(|why| format!("{missing}: {why}"))?;
        Ok((debian::linker(&tools), Some(tools.join("usr/bin").join(unpacked.emulator))))
    }

    fn tool_chain(&self) -> &str {
        self.cross_linker.trim_end_matches("-gcc")
    }
}

fn has_standard_library(place: &Place, target: &str) -> bool {
    output_of(&mut place.command("rustc", &["--print", "sysroot"]))
        .is_ok_and(|sysroot| Path::new(sysroot.trim()).join("lib/rustlib").join(target).join("lib").is_dir())
}

fn add_standard_library(place: &Place, target: &str) -> Outcome {
    if has_standard_library(place, target) {
        return Ok(());
    }
    let how = format!("there is no Rust for it (rustup target add {target})");
    let rustup = find_program("rustup").ok_or_else(|| how.clone())?;
    // Where it has none, its own words would be a page long.
    let mut add = place.command(rustup, &["target", "add", target]);
    succeed_within(add.stderr(Stdio::null()), RUSTUP_LIMIT).map_err(|why| format!("{how}: {why}"))?;
    if has_standard_library(place, target) { Ok(()) } else { Err(how) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_has_two_targets_of_its_own_and_a_linker_whose_package_is_named() {
        for machine in MACHINES {
            assert!(machine.musl.contains("-musl") && machine.gnu.contains("-gnu"), "{}", machine.debian);
            assert_eq!(machine.musl.split('-').next(), machine.gnu.split('-').next());
            assert!(!machine.tool_chain().ends_with("gcc"), "{}", machine.tool_chain());
        }
    }
}
