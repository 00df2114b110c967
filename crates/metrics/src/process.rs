//! Figures of every process, under the names of Prometheus' own client libraries, from Linux' `/proc`.

use crate::Text;

/// Clock ticks per second in `/proc/<pid>/stat`; Linux reports 100 to user space on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;
/// Bytes of a kilobyte in `/proc/<pid>/status`.
const KIB: u64 = 1024;

/// Adds `process_*` of this process; leaves out what the system does not report.
pub fn process(text: &mut Text) {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let (stat, status) = (read("stat"), read("status"));
    if let Some(seconds) = cpu_seconds(&stat) {
        text.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", seconds);
    }
    for (name, help, key) in [
        ("process_resident_memory_bytes", "Resident memory size in bytes.", "VmRSS:"),
        ("process_virtual_memory_bytes", "Virtual memory size in bytes.", "VmSize:"),
    ] {
        if let Some(kib) = number_after(&status, key) {
            text.gauge(name, help, kib * KIB);
        }
    }
    if let Some(threads) = number_after(&status, "Threads:") {
        text.gauge("process_threads", "Threads of the process.", threads);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        text.gauge("process_open_fds", "Number of open file descriptors.", open.count());
    }
    if let Some(most) = read("limits").lines().find_map(open_files_max) {
        text.gauge("process_max_fds", "Maximum number of open file descriptors.", most);
    }
    let boot = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    if let Some((boot, after)) = number_after(&boot, "btime").zip(start_ticks(&stat)) {
        let seconds = boot as f64 + after / TICKS_PER_SECOND;
        text.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", seconds);
    }
}

/// Fields after the name in parentheses, which may hold anything; the first of these is field 3 of proc_pid_stat(5).
fn fields(stat: &str) -> Option<Vec<&str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace().collect())
}

/// Fields 14 and 15.
pub(crate) fn cpu_seconds(stat: &str) -> Option<f64> {
    let fields = fields(stat)?;
    let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

/// Field 22: ticks after boot.
fn start_ticks(stat: &str) -> Option<f64> {
    fields(stat)?.get(19)?.parse().ok()
}

pub(crate) fn number_after(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The soft limit.
fn open_files_max(line: &str) -> Option<u64> {
    line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_files_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 123456 0 0";
        assert_eq!((cpu_seconds(stat), start_ticks(stat)), (Some(3.0), Some(123_456.0)));
        assert_eq!((cpu_seconds("7 (a"), start_ticks("")), (None, None));
        assert_eq!(number_after("Name:\ta\nVmRSS:\t   4096 kB\n", "VmRSS:"), Some(4096));
        assert_eq!(
            open_files_max("Max open files            1024                 524288               files"),
            Some(1024)
        );
        assert_eq!(open_files_max("Max open files unlimited unlimited files"), None);
    }

    #[test]
    fn this_process_has_figures() {
        let mut text = Text::default();
        process(&mut text);
        let text = text.finish();
        for name in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_start_time_seconds"] {
            assert!(!cfg!(target_os = "linux") || text.contains(&format!("\n{name} ")), "no {name} in\n{text}");
        }
    }
}
