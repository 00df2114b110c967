//! The words that a program was started with.

use std::ffi::OsString;

/// As they are, but that `help --help` asks for what `help` does: clap takes the second for a verb's name.
pub fn command_line() -> impl Iterator<Item = OsString> {
    let helps = std::env::args_os().nth(1).is_some_and(|verb| verb == "help");
    std::env::args_os().filter(move |word| !(helps && (word == "--help" || word == "-h")))
}
