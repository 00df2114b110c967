//! `cargo xtask tidy`: the rules that neither the compiler nor clippy keeps. Each finding names a file and its fix.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::shell::{Outcome, Place, output_of};

mod law;
mod settings;
mod sources;
mod wire;

const ARCHITECTURE_LINES_MAX: usize = 150;

/// A file of the project: its path from the root, with `/`, and its text.
pub(crate) struct File {
    path: String,
    text: String,
}

/// The command `tidy`.
pub(crate) fn run(place: &Place, bless: bool) -> Outcome {
    if bless {
        let files = read_files(&place.root)?;
        println!("docs/wire.md now carries {}", wire::bless(&place.root, &files)?);
        for path in settings::bless(&place.root, &files)? {
            println!("{path} is written from the fields' docs");
        }
    }
    check(place)
}

/// Reads the project and prints every finding; one is enough to fail.
pub(crate) fn check(place: &Place) -> Outcome {
    let files = read_files(&place.root)?;
    let mut findings = findings(&files);
    findings.extend(law::libraries(&metadata(place)?));
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    Err(format!("{} findings, see above", findings.len()))
}

/// What cargo knows of the workspace's own crates.
fn metadata(place: &Place) -> Outcome<Value> {
    let text = output_of(&mut place.cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
}

fn findings(files: &[File]) -> Vec<String> {
    let mut found: Vec<String> = files.iter().flat_map(sources::check).collect();
    found.extend(files.iter().filter_map(architecture));
    found.extend(files.iter().filter_map(law::lints));
    found.extend(wire::check(files));
    found.extend(settings::check(files));
    found
}

fn architecture(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let long = file.path == "ARCHITECTURE.md" && lines > ARCHITECTURE_LINES_MAX;
    long.then(|| format!("{}: {lines} lines, at most {ARCHITECTURE_LINES_MAX}: say less, link to docs/", file.path))
}

/// Every text file that git tracks or would track.
fn read_files(root: &Path) -> Outcome<Vec<File>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
    let paths = output_of(Command::new("git").args(list).current_dir(root))
        .map_err(|message| format!("tidy takes the list of files from git\n{message}"))?;
    let paths = paths.split('\0').filter(|path| !path.is_empty());
    // Binary files and files deleted but not yet committed have no text.
    Ok(paths
        .filter_map(|path| Some(File { path: path.into(), text: std::fs::read_to_string(root.join(path)).ok()? }))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn a_long_architecture_page_is_found() {
        assert!(architecture(&file("ARCHITECTURE.md", &"x\n".repeat(150))).is_none());
        assert!(architecture(&file("ARCHITECTURE.md", &"x\n".repeat(151))).unwrap().contains("151 lines"));
    }
}
