//! Durations with their unit.

use crate::quantity::{self, Quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration, written with its unit: `500ms`, `2s`, `1.5min`, `1h`. Units: us, ms, s, min, h, d.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

const FIX: &str = "write for example \"5s\", \"500ms\" or \"2min\"";
const UNITS: [(&str, f64); 7] =
    [("us", 1e-6), ("µs", 1e-6), ("ms", 1e-3), ("s", 1.0), ("min", 60.0), ("h", 3_600.0), ("d", 86_400.0)];
const WHOLE_UNITS: [(&str, u128); 6] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("min", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
];

impl Span {
    /// Whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Whole milliseconds.
    pub const fn from_millis(milliseconds: u64) -> Self {
        Self(Duration::from_millis(milliseconds))
    }

    /// As the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Seconds.
    pub fn as_secs_f64(self) -> f64 {
        self.0.as_secs_f64()
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl FromStr for Span {
    type Err = String;

    /// The error is one line on what is wrong and one line on what to write.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = quantity::parts::<Self>(text)?;
        let Some((_, seconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err(format!("'{text}' is not a duration\n{FIX} (units: us, ms, s, min, h, d)"));
        };
        let number: f64 = number.parse().map_err(|_| format!("'{text}' is not a duration\n{FIX}"))?;
        let span = Duration::try_from_secs_f64(number * seconds);
        span.map(Self).map_err(|_| format!("the duration '{text}' is too long\n{FIX}"))
    }
}

impl fmt::Display for Span {
    /// In the largest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.as_nanos();
        if nanoseconds == 0 {
            return f.write_str("0s");
        }
        match WHOLE_UNITS.iter().find(|(_, size)| nanoseconds.is_multiple_of(*size)) {
            Some((unit, size)) => write!(f, "{}{unit}", nanoseconds / size),
            None => write!(f, "{}us", nanoseconds as f64 / 1e3),
        }
    }
}

impl Quantity for Span {
    const NOUN: &'static str = "duration";
    const FIX: &'static str = FIX;
    const SUGGESTED: &'static [&'static str] = &["s", "ms"];
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity::deserialize(deserializer)
    }
}
