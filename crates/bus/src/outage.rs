//! What is logged about a lost connection: when it is lost, at growing intervals while it is away, and when it is back.

use std::fmt;
use std::time::{Duration, Instant};

use crate::DisconnectReason;

/// An attempt is logged once the connection has been away for this time, and again each time that this has doubled.
const LOG_AFTER: Duration = Duration::from_secs(5);
/// An attempt is logged at least this often.
const LOG_EVERY: Duration = Duration::from_secs(3600);

/// A connection's absence, from [`crate::BusEvent::Disconnected`] to [`crate::BusEvent::Connected`].
#[derive(Debug, Default)]
pub struct Outage {
    since: Option<Instant>,
    /// How long it had been away when that was last logged.
    logged: Duration,
}

impl Outage {
    /// The connection is lost or could not be made. Returns the line to log, if one is due.
    pub fn lost(&mut self, now: Instant, reason: &DisconnectReason, retry_in: Duration) -> Option<String> {
        let Some(since) = self.since else {
            (self.since, self.logged) = (Some(now), Duration::ZERO);
            return Some(format!("no connection to the broker: {reason}; retrying until it is back"));
        };
        let away = now.saturating_duration_since(since);
        if away < (self.logged + self.logged.min(LOG_EVERY)).max(LOG_AFTER) {
            return None;
        }
        self.logged = away;
        let (away, retry_in) = (Rounded(away), Rounded(retry_in));
        Some(format!("still no connection to the broker after {away}: {reason}; next attempt in {retry_in}"))
    }

    /// The connection is there. Returns the line to log.
    pub fn over(&mut self, now: Instant) -> String {
        match self.since.take() {
            None => "connected to the broker".to_owned(),
            Some(since) => format!("connected to the broker after {}", Rounded(now.saturating_duration_since(since))),
        }
    }
}

/// A time in the unit that suits it, without fractions.
struct Rounded(Duration);

impl fmt::Display for Rounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => f.write_str("less than a second"),
            seconds @ 1..120 => write!(f, "{seconds} s"),
            seconds @ 120..7200 => write!(f, "{} min", seconds / 60),
            seconds => write!(f, "{} h", seconds / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason() -> DisconnectReason {
        DisconnectReason::Refused { address: "pc:1883".to_owned() }
    }

    #[test]
    fn a_loss_is_logged_at_once_then_at_growing_intervals_and_so_is_its_end() {
        let (begin, mut outage) = (Instant::now(), Outage::default());
        assert_eq!(outage.over(begin), "connected to the broker");
        let mut logged = Vec::new();
        // A day of attempts, the first within moments.
        let attempts = (0..20).map(|tenths| tenths * 100).chain((2..86_400).map(|seconds| seconds * 1000));
        for ms in attempts {
            let line = outage.lost(begin + Duration::from_millis(ms), &reason(), Duration::from_millis(ms.min(30_000)));
            logged.extend(line.map(|line| (ms / 1000, line)));
        }
        let times: Vec<u64> = logged.iter().map(|(seconds, _)| *seconds).collect();
        assert_eq!(times[..9], [0, 5, 10, 20, 40, 80, 160, 320, 640]);
        assert!(times.len() < 36 && times.windows(2).all(|pair| pair[1] - pair[0] <= 3600), "{times:?}");
        let lines: Vec<&str> = logged.iter().map(|(_, line)| line.as_str()).collect();
        assert!(lines[0].starts_with("no connection to the broker: pc:1883 refuses the connection: is the broker"));
        assert!(lines[0].ends_with("; retrying until it is back"), "{}", lines[0]);
        assert!(lines[1].starts_with("still no connection to the broker after 5 s: pc:1883 refuses"), "{}", lines[1]);
        assert!(lines[1].ends_with("; next attempt in 5 s") && lines[6].contains("after 2 min"), "{lines:?}");
        assert_eq!(outage.over(begin + Duration::from_secs(86_400)), "connected to the broker after 24 h");
        assert_eq!(outage.over(begin), "connected to the broker", "the next connection");
    }

    #[test]
    fn each_loss_is_logged_and_no_time_is_zero() {
        let (now, mut outage) = (Instant::now(), Outage::default());
        for _ in 0..3 {
            assert!(outage.lost(now, &reason(), Duration::ZERO).is_some());
            assert_eq!(outage.over(now), "connected to the broker after less than a second");
        }
        outage.lost(now, &reason(), Duration::ZERO);
        let line = outage.lost(now + LOG_AFTER, &reason(), Duration::from_millis(40)).unwrap();
        assert!(line.ends_with("next attempt in less than a second"), "{line}");
    }
}
