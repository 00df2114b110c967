//! How a program is built for a machine.

use std::env::consts::ARCH;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cross::Rust;
use crate::shell::{Outcome, Place, output_of, succeed};

/// A compiler, a target and a linker that go together.
pub(crate) struct Way {
    /// As Rust names it.
    pub(crate) target: &'static str,
    pub(crate) rust: Rust,
    /// Whether the standard library is built, too.
    pub(crate) std_from_source: bool,
    pub(crate) linker: PathBuf,
    /// What runs its programs here; `None`: they run by themselves, or nothing does.
    pub(crate) emulator: Option<PathBuf>,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let std = if self.std_from_source { ", its standard library built from source" } else { "" };
        write!(f, "{} with {}{std}", self.target, self.rust.title())
    }
}

impl Way {
    /// Builds a program as it is installed, and returns its path. Its bytes do not depend on where it is built.
    pub(crate) fn build(&self, place: &Place, program: &str) -> Outcome<PathBuf> {
        let name = self.target.replace('-', "_");
        let folder = self.folder(place);
        let mut cargo =
            place.cargo(&["build", "--profile", "dist", "--locked", "--target", self.target, "-p", program]);
        cargo
            .env("CARGO_ENCODED_RUSTFLAGS", self.flags(place)?.join("\u{1f}"))
            .env("CARGO_TARGET_DIR", &folder)
            .env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), &self.linker)
            .env(format!("CC_{name}"), &self.linker);
        self.rust.choose(&mut cargo);
        if self.std_from_source {
            self.rust.with_std_parts(&mut cargo, "std,panic_abort");
        }
        succeed(&mut cargo)?;
        Ok(folder.join(self.target).join("dist").join(program))
    }

    /// Starts a built program where that can be done here.
    pub(crate) fn try_out(&self, program: &Path) -> Outcome {
        let said = match &self.emulator {
            Some(emulator) => output_of(Command::new(emulator).arg(program).arg("--version"))?,
            None if self.target.starts_with(ARCH) => output_of(Command::new(program).arg("--version"))?,
            None => return Ok(()),
        };
        print!("{said}");
        Ok(())
    }

    /// Each compiler has a build folder of its own: one would throw away what the other has built.
    fn folder(&self, place: &Place) -> PathBuf {
        match self.rust {
            Rust::Rustup => place.target.clone(),
            Rust::Debian { .. } => place.target.join("cross").join(self.rust.build_folder()),
        }
    }

    fn flags(&self, place: &Place) -> Outcome<Vec<String>> {
        let cargo_home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))
            .ok_or("neither CARGO_HOME nor HOME is set")?;
        let remapped = |folder: &Path, name: &str| format!("--remap-path-prefix={}={name}", folder.display());
        Ok(vec![
            // The C library is linked in; with musl it is so anyway.
            "-Ctarget-feature=+crt-static".to_owned(),
            remapped(&place.root, "heijunka"),
            remapped(&cargo_home, "cargo"),
        ])
    }
}
