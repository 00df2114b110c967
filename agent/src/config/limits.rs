//! `[limits]`: what the machine's first job leaves to training.

use heijunka_settings::{Problem, Size};
use heijunka_wire::limits::PARAMETERS_MAX;
use serde::Deserialize;

/// Copies of the model that the agent holds at once: model, written gradient and update, residual, momentum, the engine's
/// model and sums.
const MODEL_COPIES: u64 = 8;

/// `[limits]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Threads that compute, 1 to 256; as many as there are cores if left out; for example `cpu_threads = 2`
    cpu_threads: Option<usize>,
    /// For model and gradients, 1MiB or more; a larger job is refused, not begun. `memory = "256MiB"`
    memory: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu_threads: None, memory: Size::from_bytes(256 * 1024 * 1024) }
    }
}

impl Limits {
    /// Compute threads.
    pub(super) fn threads(&self) -> Result<usize, Problem> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = self.cpu_threads.unwrap_or(cores);
        if !(1..=256).contains(&threads) {
            return Err(Problem::new("limits.cpu_threads", format!("{threads} is out of range"), "write 1 to 256"));
        }
        Ok(threads)
    }

    /// Parameters that the memory has room for.
    pub(super) fn parameters_max(&self) -> Result<usize, Problem> {
        let memory = self.memory.bytes();
        if memory < 1 << 20 {
            return Err(Problem::new("limits.memory", "less than 1 MiB", "write memory = \"256MiB\""));
        }
        Ok(usize::try_from(memory / 4 / MODEL_COPIES).unwrap_or(usize::MAX).min(PARAMETERS_MAX))
    }
}
