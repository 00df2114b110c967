//! The frame of `main`: command line in, exit code out.

use clap::Parser;
use heijunka_settings::{Exit, Failure};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Columns of a failure's report.
const WIDTH: usize = 100;

/// Reads the command line, runs `work` on it and returns the exit code. A failure is shown on standard error.
pub fn start<C: Parser>(work: impl FnOnce(C) -> Result<Exit, Failure>) -> ExitCode {
    let outcome = match C::try_parse_from(command_line()) {
        Ok(command) => work(command),
        Err(error) => {
            // If the terminal is gone, there is nowhere left to write to.
            let _ = error.print();
            // Help and version are errors to clap that belong on standard output.
            Ok(if error.use_stderr() { Exit::Usage } else { Exit::Success })
        }
    };
    let exit = outcome.unwrap_or_else(|failure| {
        show(&failure);
        failure.exit()
    });
    ExitCode::from(exit.code())
}

/// In colours only on a terminal and without `NO_COLOR`.
fn show(failure: &Failure) {
    let mut stderr = std::io::stderr().lock();
    let colour = stderr.is_terminal() && wants_colour();
    // If standard error is closed, there is nowhere left to write to.
    let _ = stderr.write_all(failure.render(colour, WIDTH).as_bytes());
}

/// See <https://no-color.org>.
pub(crate) fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The arguments, but that `help --help` becomes `help`: clap takes the second word for a verb's name.
fn command_line() -> impl Iterator<Item = OsString> {
    let helps = std::env::args_os().nth(1).is_some_and(|verb| verb == "help");
    std::env::args_os().filter(move |word| !(helps && (word == "--help" || word == "-h")))
}
