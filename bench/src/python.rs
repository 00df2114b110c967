//! The peers that are written in Python: only those that can be imported here are measured.

use std::path::PathBuf;
use std::process::Command;

use xtask::shell::{Outcome, Place, find_program, output_of};

/// The variable that names the interpreter.
const VARIABLE: &str = "HEIJUNKA_PYTHON";

/// A Python that has what a peer needs.
pub(crate) struct Python {
    program: PathBuf,
}

impl Python {
    /// The interpreter, if `module` can be imported; else a plain line says that `peer` is left out.
    pub(crate) fn with(module: &str, peer: &str) -> Option<Self> {
        let program = std::env::var_os(VARIABLE).map(PathBuf::from).or_else(|| find_program("python3"));
        let imports = |program: &PathBuf| {
            let output = Command::new(program).args(["-c", &format!("import {module}")]).output();
            output.is_ok_and(|output| output.status.success())
        };
        let found = program.filter(imports).map(|program| Self { program });
        if found.is_none() {
            eprintln!("without {peer}: no Python with {module} (set {VARIABLE} to one that has it)");
        }
        found
    }

    /// What a script of the project prints.
    pub(crate) fn output_of(&self, place: &Place, script: &str, words: &[&str]) -> Outcome<String> {
        output_of(place.command(&self.program, &[script]).args(words))
    }
}
