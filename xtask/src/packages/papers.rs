//! Manual pages that render without a warning, and completions that the shells can read.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, find_program, succeed};
use crate::suite::Ended;

/// Each shell and where its completions lie.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions"),
    ("zsh", "usr/share/zsh/vendor-completions"),
    ("fish", "usr/share/fish/vendor_completions.d"),
];

pub(crate) fn check(unpacked: &Path) -> Outcome<Ended> {
    let mut lacks = Vec::new();
    for (shell, folder) in COMPLETIONS {
        match find_program(shell) {
            None => lacks.push(shell),
            Some(program) => {
                for file in files(&unpacked.join(folder))? {
                    succeed(Command::new(&program).arg("-n").arg(file))?;
                }
            }
        }
    }
    if find_program("groff").is_none() {
        lacks.push("groff");
    } else {
        files(&unpacked.join("usr/share/man/man1"))?.iter().try_for_each(|page| render(page))?;
    }
    if lacks.is_empty() {
        return Ok(Ended::Passed);
    }
    Ok(Ended::Skipped(format!(
        "pages or completions not read: {0} missing (Debian: apt-get install {0})",
        lacks.join(" ")
    )))
}

/// Any warning of the formatter is an error here.
fn render(page: &Path) -> Outcome {
    let formatter = "gzip -dc \"$1\" | groff -K utf8 -man -Tutf8 -ww -z";
    let said = Command::new("sh")
        .args(["-c", formatter, "sh"])
        .arg(page)
        .output()
        .map_err(|error| format!("groff: {error}"))?;
    if said.status.success() && said.stderr.is_empty() {
        return Ok(());
    }
    Err(format!("{}:\n{}", page.display(), String::from_utf8_lossy(&said.stderr)))
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    if files.is_empty() { Err(format!("{} is empty", folder.display())) } else { Ok(files) }
}
