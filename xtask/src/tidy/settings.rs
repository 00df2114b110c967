//! The samples and docs/settings.md are made of the docs of the fields that the programs read: one source, never stale.

mod page;
mod read;
mod sample;
#[cfg(test)]
mod tests;

use super::File;
use crate::shell::Outcome;
use read::{Program, read};
use std::path::Path;

const PAGE: &str = "docs/settings.md";

/// A program: its folder and the first line of its sample.
const PROGRAMS: &[(&str, &str)] = &[
    ("agent", "heijunka-agent: this machine's part in training."),
    ("aggregator", "heijunka-aggregator: one training job."),
];

/// What is wrong with the docs of the fields, and which files are not what they say.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let made = match made(files) {
        Ok(made) => made,
        Err(findings) => return findings,
    };
    let stale = |(path, text): &(String, String)| !files.iter().any(|file| file.path == *path && file.text == *text);
    let finding =
        |(path, _): (String, String)| format!("{path}: is not what the fields' docs say: run cargo xtask tidy --bless");
    made.into_iter().filter(stale).map(finding).collect()
}

/// Writes the files, and returns their paths.
pub(crate) fn bless(root: &Path, files: &[File]) -> Outcome<Vec<String>> {
    let made = made(files).map_err(|findings| findings.join("\n"))?;
    for (path, text) in &made {
        std::fs::write(root.join(path), text).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(made.into_iter().map(|(path, _)| path).collect())
}

/// Path and text of each file.
fn made(files: &[File]) -> Result<Vec<(String, String)>, Vec<String>> {
    let mut programs: Vec<Program> = Vec::new();
    let mut findings = Vec::new();
    for (folder, title) in PROGRAMS {
        match read(files, folder, title) {
            Ok(program) => programs.push(program),
            Err(found) => findings.extend(found),
        }
    }
    if !findings.is_empty() {
        // What both programs share is found twice.
        findings.dedup();
        return Err(findings);
    }
    let samples = programs.iter().map(|program| (sample::path(program), sample::text(program)));
    Ok(samples.chain([(PAGE.to_owned(), page::text(&programs))]).collect())
}
