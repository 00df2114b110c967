//! What the program asks of the system: its priority, and signals to stop.

use heijunka_settings::{Exit, Failure};
use tokio::signal::unix::{Signal, SignalKind, signal};
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

/// What stops the agent.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| Failure::new(Exit::Unavailable, "no signals").why(error.to_string());
        let terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt()).map_err(cannot)? })
    }

    pub(crate) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
