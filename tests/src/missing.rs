//! Tests that need a tool which this machine lacks: with `CI=true` they fail, elsewhere they are counted as skipped.

use std::fs::OpenOptions;
use std::io::{self, Write};

/// The file that skips are appended to, one per line; `cargo xtask test` sets it and reads it at the end.
const SKIPS_FILE: &str = "HEIJUNKA_SKIPS_FILE";

/// Records that the calling test skips what needs `tool`; `fix` is how to install it.
///
/// # Errors
/// `CI=true` is set, where every tool must be installed, or the record cannot be written.
pub fn skip(tool: &str, fix: &str) -> io::Result<()> {
    if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
        return Err(io::Error::other(format!("{tool} is missing, and with CI=true nothing is skipped: {fix}")));
    }
    println!("skipped: {tool} is missing: {fix}");
    let Some(file) = std::env::var_os(SKIPS_FILE) else { return Ok(()) };
    // The test harness names each test's thread after the test.
    let thread = std::thread::current();
    let line = format!("{}: {tool} is missing: {fix}\n", thread.name().unwrap_or("a test"));
    OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}
