//! The machines that packages are built for. Programs are linked with musl, so that one file runs on any Linux, however old
//! its C library.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cross;
use crate::shell::{Outcome, Place, find_program, output_of, succeed, succeed_within};

const RUSTUP_LIMIT: Duration = Duration::from_secs(180);

/// One architecture.
pub(crate) struct Machine {
    /// Debian's name of it.
    pub(crate) debian: &'static str,
    /// Rust's.
    pub(crate) target: &'static str,
    /// As `std::env::consts::ARCH` says it.
    arch: &'static str,
    /// C compiler and linker, on another machine.
    cross_linker: &'static str,
}

pub(crate) const MACHINES: &[Machine] = &[
    Machine {
        debian: "amd64",
        target: "x86_64-unknown-linux-musl",
        arch: "x86_64",
        cross_linker: "x86_64-linux-gnu-gcc",
    },
    Machine {
        debian: "arm64",
        target: "aarch64-unknown-linux-musl",
        arch: "aarch64",
        cross_linker: "aarch64-linux-gnu-gcc",
    },
    Machine {
        debian: "armhf",
        target: "armv7-unknown-linux-musleabihf",
        arch: "arm",
        cross_linker: "arm-linux-gnueabihf-gcc",
    },
];

impl Machine {
    /// The linker, once the standard library is there, too; else what is missing.
    pub(crate) fn linker(&self, place: &Place) -> Outcome<PathBuf> {
        let linker = if std::env::consts::ARCH == self.arch {
            find_program("cc").ok_or("there is no C compiler (Debian: apt-get install gcc)")?
        } else {
            let unpacked = || cross::unpacked_linker(place).filter(|_| self.debian == "arm64");
            find_program(self.cross_linker).or_else(unpacked).ok_or_else(|| {
                format!("there is no {0} (Debian: apt-get install gcc-{1})", self.cross_linker, self.tool_chain())
            })?
        };
        self.add_standard_library(place)?;
        Ok(linker)
    }

    fn tool_chain(&self) -> &str {
        self.cross_linker.trim_end_matches("-gcc")
    }

    fn add_standard_library(&self, place: &Place) -> Outcome {
        let installed = || {
            output_of(&mut place.command("rustc", &["--print", "sysroot"])).is_ok_and(|sysroot| {
                Path::new(sysroot.trim()).join("lib/rustlib").join(self.target).join("lib").is_dir()
            })
        };
        if installed() {
            return Ok(());
        }
        let how = format!("there is no Rust for it (rustup target add {})", self.target);
        let rustup = find_program("rustup").ok_or_else(|| how.clone())?;
        succeed_within(&mut place.command(rustup, &["target", "add", self.target]), RUSTUP_LIMIT)
            .map_err(|why| format!("{how}: {why}"))?;
        if installed() { Ok(()) } else { Err(how) }
    }

    /// Builds a program as it is installed, and returns its path. Its bytes do not depend on where it is built.
    pub(crate) fn build(&self, place: &Place, program: &str, linker: &Path) -> Outcome<PathBuf> {
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
            .ok_or("neither CARGO_HOME nor HOME is set")?;
        let flags = [
            format!("--remap-path-prefix={}=heijunka", place.root.display()),
            format!("--remap-path-prefix={}=cargo", cargo_home.display()),
        ];
        let name = self.target.replace('-', "_");
        succeed(
            place
                .cargo(&["build", "--profile", "dist", "--locked", "--target", self.target, "-p", program])
                .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
                .env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), linker)
                .env(format!("CC_{name}"), linker),
        )?;
        Ok(place.target.join(self.target).join("dist").join(program))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_program_is_linked_statically_and_every_missing_linker_names_its_package() {
        for machine in MACHINES {
            assert!(machine.target.contains("-musl"), "{}", machine.target);
            assert!(!machine.tool_chain().ends_with("gcc"), "{}", machine.tool_chain());
        }
    }
}
