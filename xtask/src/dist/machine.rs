//! The machines that packages are built for, and how a program is built for one.

use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, Place, find_program, output_of, succeed};
use crate::tools::{self, Tool};

/// One architecture.
pub(crate) struct Machine {
    /// Debian's name of it.
    pub(crate) debian: &'static str,
    /// Rust's, with musl: one file runs on any Linux, however old its C library.
    pub(crate) target: &'static str,
    /// As `std::env::consts::ARCH` has it.
    arch: &'static str,
    /// C compiler and linker on another machine.
    linker: &'static str,
    emulator: &'static str,
    tools: &'static [Tool],
}

pub(crate) const MACHINES: &[Machine] = &[
    Machine {
        debian: "amd64",
        target: "x86_64-unknown-linux-musl",
        arch: "x86_64",
        linker: "x86_64-linux-gnu-gcc",
        emulator: "qemu-x86_64-static",
        tools: tools::AMD64,
    },
    Machine {
        debian: "arm64",
        target: "aarch64-unknown-linux-musl",
        arch: "aarch64",
        linker: "aarch64-linux-gnu-gcc",
        emulator: "qemu-aarch64-static",
        tools: tools::ARM64,
    },
    Machine {
        debian: "armhf",
        target: "armv7-unknown-linux-musleabihf",
        arch: "arm",
        linker: "arm-linux-gnueabihf-gcc",
        emulator: "qemu-arm-static",
        tools: tools::ARM32,
    },
];

impl Machine {
    fn is_this_one(&self) -> bool {
        ARCH == self.arch
    }

    /// Makes sure that Rust and the linker are here; the error says what to install.
    pub(crate) fn ensure(&self, place: &Place) -> Outcome {
        tools::ensure_target(place, self.target)?;
        tools::ensure(if self.is_this_one() { tools::COMPILER } else { self.tools })
    }

    /// Builds a program as it is installed, and returns its path. Its bytes do not depend on the folder that it is built in.
    pub(crate) fn build(&self, place: &Place, program: &str) -> Outcome<PathBuf> {
        let name = self.target.replace('-', "_");
        let linker = if self.is_this_one() { "cc" } else { self.linker };
        succeed(
            place
                .cargo(&["build", "--profile", "dist", "--locked", "--target", self.target, "-p", program])
                .env("CARGO_ENCODED_RUSTFLAGS", flags(place)?.join("\u{1f}"))
                .env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), linker)
                .env(format!("CC_{name}"), linker),
        )?;
        Ok(place.target.join(self.target).join("dist").join(program))
    }

    /// Starts a built program, under emulation if it is for another machine.
    pub(crate) fn try_out(&self, program: &Path) -> Outcome {
        let mut command = if self.is_this_one() {
            Command::new(program)
        } else {
            let mut emulator = Command::new(find_program(self.emulator).unwrap_or_default());
            emulator.arg(program);
            emulator
        };
        print!("{}", output_of(command.arg("--version"))?);
        Ok(())
    }
}

fn flags(place: &Place) -> Outcome<Vec<String>> {
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
        .ok_or("neither CARGO_HOME nor HOME is set")?;
    let remapped = |folder: &Path, name: &str| format!("--remap-path-prefix={}={name}", folder.display());
    Ok(vec![
        "-Ctarget-feature=+crt-static".to_owned(),
        remapped(&place.root, "heijunka"),
        remapped(&cargo_home, "cargo"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_has_a_target_with_musl_of_its_own() {
        for machine in MACHINES {
            assert!(machine.target.contains("-musl"), "{}", machine.debian);
            let (arch, _) = machine.target.split_once('-').unwrap();
            assert!(arch.starts_with(machine.arch) && machine.emulator.contains(machine.arch), "{}", machine.debian);
        }
    }
}
