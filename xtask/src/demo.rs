//! `cargo xtask demo`: builds the programs in release, then becomes the demo.

use std::process::{Command, ExitCode};

use crate::shell::{Outcome, Place, succeed};

/// Builds, then hands the terminal over to `heijunka-demo <args>`.
pub(crate) fn run(place: &Place, args: &[String]) -> Outcome<ExitCode> {
    succeed(&mut place.cargo(&[
        "build",
        "--release",
        "-p",
        "heijunka-agent",
        "-p",
        "heijunka-aggregator",
        "-p",
        "heijunka-demo",
    ]))?;
    let program = place.target.join("release").join(format!("heijunka-demo{}", std::env::consts::EXE_SUFFIX));
    hand_over(Command::new(&program).args(options(args))).map_err(|error| format!("{}: {error}", program.display()))
}

/// The demo's own options. The alias ends in `--` itself, so the one of `cargo demo -- --headless` arrives as a word.
fn options(args: &[String]) -> &[String] {
    match args {
        [dashes, rest @ ..] if dashes == "--" => rest,
        all => all,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_in_front_of_the_options_may_stand_or_not() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(options(&words("-- --headless")), words("--headless"));
        assert_eq!(options(&words("--headless --rounds 3")), words("--headless --rounds 3"));
        assert!(options(&[]).is_empty());
    }
}
