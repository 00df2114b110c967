//! What the program asks of the system: its priority.

use tracing::warn;

/// Gives way to other programs: threads that are started from here on inherit it. A priority that is lower already, set by
/// the service manager, stays.
pub(crate) fn be_nice(nice: u8) {
    let nice = i32::from(nice);
    let now = rustix::process::getpriority_process(None).unwrap_or(0);
    if nice > now
        && let Err(error) = rustix::process::setpriority_process(None, nice)
    {
        warn!("[limits] nice = {nice} cannot be set: {error}");
    }
}
