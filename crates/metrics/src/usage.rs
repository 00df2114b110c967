//! What this or another process has used, from `/proc`.

use super::process::{cpu_seconds, number_after};
use serde::Serialize;

/// Memory and processor time of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Largest resident memory, in bytes.
    pub peak_rss_bytes: u64,
    /// User and system time, in seconds.
    pub cpu_seconds: f64,
}

impl Usage {
    /// Of process `pid` ("self" for this one); `None` where there is no `/proc`.
    pub fn of(pid: &str) -> Option<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).ok();
        let peak_kib = number_after(&read("status")?, "VmHWM:")?;
        Some(Self { peak_rss_bytes: peak_kib * 1024, cpu_seconds: cpu_seconds(&read("stat")?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_memory() {
        let usage = Usage::of("self");
        assert!(!cfg!(target_os = "linux") || usage.is_some_and(|usage| usage.peak_rss_bytes > 0), "{usage:?}");
        assert_eq!(Usage::of("0"), None);
    }
}
