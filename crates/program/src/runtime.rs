//! The programs' async runtime.

use heijunka_settings::{Exit, Failure};
use tokio::runtime::{Builder, Runtime};

/// A runtime on the calling thread, with timers and sockets.
///
/// # Errors
/// The system refuses what it needs.
pub fn runtime() -> Result<Runtime, Failure> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| Failure::new(Exit::Unavailable, "no runtime").why(error.to_string()))
}
