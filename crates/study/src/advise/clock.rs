//! Times of day, as people write them.

use std::fmt;
use std::str::FromStr;

const DAY_S: f64 = 86_400.0;

/// A time of day on this machine's own clock on the wall, in seconds since midnight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Clock(f64);

impl FromStr for Clock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str, most: u32| {
            let digits = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|number: &u32| digits && *number <= most)
        };
        let parts = text.split_once(':').and_then(|(hours, minutes)| {
            let minutes = number(minutes, 59).filter(|_| minutes.len() == 2)?;
            Some((number(hours, 23)?, minutes))
        });
        let (hours, minutes) = parts.ok_or("write a time of day as in 06:00")?;
        Ok(Self(f64::from(hours * 3600 + minutes * 60)))
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = (self.0 / 60.0) as u32;
        write!(f, "{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl Clock {
    /// What the clock on this machine says.
    pub(crate) fn now() -> Self {
        let time = jiff::ZonedDateTime::now().time();
        Self(f64::from(time.hour()) * 3600.0 + f64::from(time.minute()) * 60.0 + f64::from(time.second()))
    }

    /// Seconds until it is that late next.
    pub(crate) fn seconds_until(self, later: Self) -> f64 {
        let seconds = (later.0 - self.0).rem_euclid(DAY_S);
        if seconds > 0.0 { seconds } else { DAY_S }
    }

    /// The time of day after that many seconds, in words: full minutes, rounded up.
    pub(crate) fn after(self, seconds: f64) -> String {
        let minutes = ((self.0 + seconds) / 60.0).ceil();
        let days = (minutes * 60.0 / DAY_S).floor();
        let time = Self((minutes * 60.0).rem_euclid(DAY_S));
        match days {
            0.0 => time.to_string(),
            1.0 => format!("{time} the next day"),
            _ => format!("{time} {days:.0} days later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_and_told() {
        let clock = |text: &str| text.parse::<Clock>().unwrap();
        assert_eq!(clock("6:05").to_string(), "06:05");
        assert_eq!(clock("22:00").seconds_until(clock("06:00")), 8.0 * 3600.0);
        assert_eq!(clock("06:00").seconds_until(clock("06:00")), DAY_S);
        assert_eq!(clock("22:00").after(61.0), "22:02");
        assert_eq!(clock("22:00").after(7200.0), "00:00 the next day");
        assert_eq!(clock("22:00").after(3.0 * DAY_S), "22:00 3 days later");
        for wrong in ["", "6", "24:00", "06:60", "6:5", "06:00:00", "+6:00", "six"] {
            assert!(wrong.parse::<Clock>().is_err(), "{wrong}");
        }
        assert!((0.0..DAY_S).contains(&Clock::now().0));
    }
}
