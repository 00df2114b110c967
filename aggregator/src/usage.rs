//! What this or another process has used, from `/proc`.

use std::time::Duration;

/// Clock ticks a second in `/proc/<pid>/stat`; Linux reports 100 to user space on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory and time of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Usage {
    /// Largest resident memory, in bytes.
    pub(crate) peak_rss_bytes: u64,
    /// User and system time, in seconds.
    pub(crate) cpu_seconds: f64,
}

impl Usage {
    /// Of process `pid` ("self" for this one); `None` where there is no `/proc`.
    pub(crate) fn of(pid: &str) -> Option<Self> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kilobytes: u64 = peak.split_whitespace().next()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything; user and system ticks are fields 14 and 15.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
        Some(Self { peak_rss_bytes: kilobytes * 1024, cpu_seconds: ticks / TICKS_PER_SECOND })
    }
}

/// `1 h 02 min`, `3 min 05 s`, `4.2 s`.
pub(crate) fn readable(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", span.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_readable() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [4.2, 185.0, 3720.0].map(|s| readable(Duration::from_secs_f64(s))),
            ["4.2 s", "3 min 05 s", "1 h 02 min"]
        );
    }
}
