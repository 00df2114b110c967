//! The files of a package before they are packed: each with its mode, whatever this machine's umask is.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, output_of, succeed};

/// A folder that stands for a machine's `/`.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    pub(crate) fn new(root: &Path) -> Outcome<Self> {
        super::empty(root)?;
        let tree = Self { root: root.to_owned() };
        tree.set_mode(root, 0o755)?;
        Ok(tree)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file with its folders.
    pub(crate) fn write(&self, inside: &str, mode: u32, bytes: &[u8]) -> Outcome<PathBuf> {
        let file = self.root.join(inside);
        let mut missing: Vec<&Path> = file.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        while let Some(folder) = missing.pop() {
            fs::create_dir(folder).map_err(|error| named(folder, &error))?;
            self.set_mode(folder, 0o755)?;
        }
        fs::write(&file, bytes).map_err(|error| named(&file, &error))?;
        self.set_mode(&file, mode)?;
        Ok(file)
    }

    /// The same, packed by gzip without name and time.
    pub(crate) fn write_packed(&self, inside: &str, bytes: &[u8]) -> Outcome {
        let file = self.write(inside, 0o644, bytes)?;
        succeed(Command::new("gzip").args(["-9", "-n", "-f"]).arg(file))
    }

    /// A file of the project.
    pub(crate) fn copy(&self, inside: &str, mode: u32, from: &Path) -> Outcome {
        let bytes = fs::read(from).map_err(|error| named(from, &error))?;
        self.write(inside, mode, &bytes).map(drop)
    }

    /// Bytes of all files, in KiB.
    pub(crate) fn kib(&self) -> Outcome<u64> {
        let said = output_of(Command::new("du").args(["--apparent-size", "-sk"]).arg(&self.root))?;
        let count = said.split_whitespace().next().and_then(|count| count.parse().ok());
        count.ok_or_else(|| format!("du said {said}"))
    }

    fn set_mode(&self, path: &Path, mode: u32) -> Outcome {
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| named(path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}
