//! `cargo xtask demo`: builds the programs in release, then becomes the demo.

use std::process::{Command, ExitCode};

use crate::shell::{Outcome, Place, succeed};

const PACKAGES: [&str; 6] = ["-p", "heijunka-agent", "-p", "heijunka-aggregator", "-p", "heijunka-demo"];

/// Builds, then becomes `heijunka-demo <options>`.
pub(crate) fn run(place: &Place, options: &[String]) -> Outcome<ExitCode> {
    succeed(place.cargo(&["build", "--release"]).args(PACKAGES))?;
    let program = place.target.join("release").join(format!("heijunka-demo{}", std::env::consts::EXE_SUFFIX));
    hand_over(Command::new(&program).args(options)).map_err(|error| format!("{}: {error}", program.display()))
}

/// Replaces this process, so that Ctrl-C and the exit code are the demo's own.
#[cfg(unix)]
fn hand_over(command: &mut Command) -> std::io::Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;
    Err(command.exec())
}

#[cfg(not(unix))]
fn hand_over(command: &mut Command) -> std::io::Result<ExitCode> {
    let code = command.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
