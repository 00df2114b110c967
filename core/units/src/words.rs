//! Durations and large numbers, for people.

use core::fmt;
use core::time::Duration;

/// A duration: `4.2 s`, `3 min 05 s`, `1 h 02 min`.
#[derive(Clone, Copy, Debug)]
pub struct Readable(Duration);

/// A duration for people.
pub fn readable(duration: Duration) -> Readable {
    Readable(duration)
}

/// The same from seconds; negative ones and those that are not finite count as 0.
pub fn readable_seconds(seconds: f64) -> Readable {
    Readable(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

impl fmt::Display for Readable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            60..3600 => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
            _ => write!(f, "{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        }
    }
}

/// A number in groups of three digits: `1,234,567`.
#[derive(Clone, Copy, Debug)]
pub struct Grouped(u64);

/// A large number for people.
pub fn grouped(number: u64) -> Grouped {
    Grouped(number)
}

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut group = 1_u64;
        while self.0 / group >= 1000 {
            group *= 1000;
        }
        write!(f, "{}", self.0 / group)?;
        while group > 1 {
            group /= 1000;
            write!(f, ",{:03}", self.0 / group % 1000)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_readable() {
        let numbers = [0, 999, 1000, 1_234_567, u64::MAX].map(|number| grouped(number).to_string());
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567", "18,446,744,073,709,551,615"]);
        let durations = [4.2, 185.0, 3720.0, -1.0, f64::NAN].map(|seconds| readable_seconds(seconds).to_string());
        assert_eq!(durations, ["4.2 s", "3 min 05 s", "1 h 02 min", "0.0 s", "0.0 s"]);
        assert_eq!(readable(Duration::from_secs(60)).to_string(), "1 min 00 s");
    }
}
