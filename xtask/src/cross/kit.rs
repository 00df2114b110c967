//! What a cross build needs: a Rust with the standard library of other machines, a linker and an emulator.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::debian::{self, Set};
use super::{BOARD, MICROCONTROLLER};
use crate::shell::{Outcome, Place, find_program, output_of, succeed_within};

const RUSTUP_LIMIT: Duration = Duration::from_secs(180);
const EMULATORS: [&str; 2] = ["qemu-aarch64-static", "qemu-aarch64"];
const BOARD_LIBRARIES: &str = "/usr/aarch64-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";

/// All that the cross builds use.
pub(crate) struct Kit {
    pub(crate) rust: Rust,
    /// Only the tests on the board need them; else why they are missing.
    pub(crate) tools: Outcome<Tools>,
}

/// Where the compiler and its standard libraries come from.
#[derive(Clone)]
pub(crate) enum Rust {
    /// The ordinary one, with the targets added.
    Rustup,
    /// Debian's, unpacked under target/; it builds a microcontroller's core from source.
    Debian { rustc: PathBuf },
}

/// Linker, emulator, and the folder with the board's C library.
pub(crate) struct Tools {
    pub(crate) linker: PathBuf,
    pub(crate) emulator: PathBuf,
    pub(crate) libraries: PathBuf,
}

impl Rust {
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Rustup => "the installed toolchain",
            Self::Debian { .. } => "Debian's packages, unpacked under target/cross",
        }
    }

    pub(crate) fn build_folder(&self) -> &'static str {
        match self {
            Self::Rustup => "build",
            Self::Debian { .. } => "build-debian",
        }
    }

    /// Makes a cargo command use this compiler.
    pub(crate) fn choose(&self, command: &mut Command) {
        if let Self::Debian { rustc } = self {
            command.env("RUSTC", rustc);
        }
    }

    /// Lets a cargo command build the named parts of the standard library where none is prebuilt.
    pub(crate) fn with_std_parts<'command>(
        &self,
        command: &'command mut Command,
        parts: &str,
    ) -> &'command mut Command {
        match self {
            Self::Rustup => command,
            // Building core from source is not stable yet; nothing else here depends on it.
            Self::Debian { .. } => command.env("RUSTC_BOOTSTRAP", "1").arg(format!("-Zbuild-std={parts}")),
        }
    }
}

/// The installed toolchain first, Debian's packages next; else what to install.
pub(crate) fn find(place: &Place, from_debian: bool) -> Outcome<Kit> {
    if !from_debian && rustup_has_targets(place) {
        return Ok(Kit { rust: Rust::Rustup, tools: installed_tools().map_or_else(|| unpacked_tools(place), Ok) });
    }
    let prefix = debian::unpack(place, Set::RustAndTools).map_err(|why| {
        format!("no Rust for ARM here (rustup target add {MICROCONTROLLER} {BOARD}), and not from Debian: {why}")
    })?;
    Ok(Kit { rust: Rust::Debian { rustc: debian::rustc(&prefix) }, tools: Ok(tools_of(&prefix)) })
}

/// Whether both targets are installed; tries to add them once when rustup is there and Debian's are not unpacked yet.
fn rustup_has_targets(place: &Place) -> bool {
    if targets_installed(place) {
        return true;
    }
    if debian::is_unpacked(place, Set::RustAndTools) {
        return false;
    }
    let Some(rustup) = find_program("rustup") else { return false };
    succeed_within(&mut place.command(rustup, &["target", "add", MICROCONTROLLER, BOARD]), RUSTUP_LIMIT).is_ok()
        && targets_installed(place)
}

fn targets_installed(place: &Place) -> bool {
    let Ok(sysroot) = output_of(&mut place.command("rustc", &["--print", "sysroot"])) else { return false };
    let libraries = Path::new(sysroot.trim()).join("lib").join("rustlib");
    [MICROCONTROLLER, BOARD].iter().all(|target| libraries.join(target).join("lib").is_dir())
}

fn installed_tools() -> Option<Tools> {
    let libraries = PathBuf::from(BOARD_LIBRARIES);
    let emulator = EMULATORS.iter().find_map(|name| find_program(name))?;
    let linker = find_program(LINKER)?;
    libraries.join("lib").join("libc.so").is_file().then_some(Tools { linker, emulator, libraries })
}

fn unpacked_tools(place: &Place) -> Outcome<Tools> {
    if std::env::consts::ARCH == "aarch64" {
        return Err("this machine is one, the ordinary tests ran on it".into());
    }
    let needed = "needs gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user-static";
    debian::unpack(place, Set::Tools).map(|prefix| tools_of(&prefix)).map_err(|why| format!("{needed}: {why}"))
}

fn tools_of(prefix: &Path) -> Tools {
    Tools {
        linker: debian::linker(prefix),
        emulator: prefix.join("usr").join("bin").join("qemu-aarch64-static"),
        libraries: prefix.join("usr").join("aarch64-linux-gnu"),
    }
}
