//! `[limits]`: what the machine's first job leaves to training.

use crate::hours::Hours;
use crate::memory;
use heijunka_compute::RUNS;
use heijunka_settings::{Problem, Rate, Size, between, link_cap};
use heijunka_units::ByteRate;
use heijunka_wire::limits::PARAMETERS_MAX;
use serde::Deserialize;

/// `[limits]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Threads that compute, 1 to 256; one per core if omitted; for example `cpu_threads = 2`
    cpu_threads: Option<usize>,
    /// Share of each thread that the program uses, in percent, 1 to 100; it computes in slices of about 10 ms with rests between.
    /// `cpu_share_percent = 100`
    cpu_share_percent: i64,
    /// Priority, 0 (like other programs) to 19 (lowest): with 10 the others get nine tenths of a processor that both need. `nice = 10`
    nice: i64,
    /// Memory for data, model and gradients, 1MiB or more; a job that needs more is refused. `memory = "256MiB"`
    memory: Size,
    /// Hours in which to train, by this machine's clock; outside them the agent is away; always if omitted; for example
    /// `train_only = "Mon-Fri 22:00-06:00, Sat, Sun"`
    train_only: Option<String>,
    /// Most that is sent, 8kbit/s or more; unlimited if omitted; for example `uplink = "2Mbit/s"`
    uplink: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_threads: None,
            cpu_share_percent: 100,
            // Of a processor that both want, the first job has nine tenths; one that is idle otherwise is ours all the same.
            nice: 10,
            memory: Size::from_bytes(256 * 1024 * 1024),
            train_only: None,
            uplink: None,
        }
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

    /// Share of the time in which each thread computes, 1 to 100.
    pub(super) fn cpu_share_percent(&self) -> Result<u8, Problem> {
        Ok(between("limits.cpu_share_percent", self.cpu_share_percent as f64, 1.0, 100.0)? as u8)
    }

    /// Priority of the whole program, 0 (like others) to 19 (after all others).
    pub(super) fn nice(&self) -> Result<u8, Problem> {
        Ok(between("limits.nice", self.nice as f64, 0.0, 19.0)? as u8)
    }

    /// The hours in which to train; `None`: always.
    pub(super) fn hours(&self) -> Result<Option<Hours>, Problem> {
        let Some(text) = &self.train_only else { return Ok(None) };
        Hours::parse(text).map(Some).map_err(|(what, fix)| Problem::new("limits.train_only", what, fix))
    }

    /// The most that is sent; `None` without a limit.
    pub(super) fn uplink(&self) -> Result<Option<ByteRate>, Problem> {
        link_cap("limits.uplink", self.uplink)
    }

    /// Bytes that data, model and queues may take.
    pub(super) fn memory_bytes(&self) -> Result<u64, Problem> {
        let memory = self.memory.bytes();
        if memory < 1 << 20 {
            return Err(Problem::new("limits.memory", "less than 1 MiB", "write memory = \"256MiB\""));
        }
        Ok(memory)
    }

    /// Parameters that the memory has room for.
    pub(super) fn parameters_max(&self) -> Result<usize, Problem> {
        let parameters = memory::parameters_max(self.memory_bytes()?, self.threads()?.min(RUNS) as u64);
        Ok(usize::try_from(parameters).unwrap_or(usize::MAX).min(PARAMETERS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_kept_however_large_it_is() {
        let uplink = |text: &str| Limits { uplink: Some(text.parse().unwrap()), ..Limits::default() }.uplink().unwrap();
        assert_eq!(uplink("2Mbit/s"), ByteRate::from_bytes_per_s(250_000));
        assert_eq!(uplink("100Gbit/s"), ByteRate::from_bytes_per_s(12_500_000_000));
        assert_eq!(Limits::default().uplink().unwrap(), None);
    }
}
