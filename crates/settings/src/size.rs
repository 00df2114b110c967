//! Sizes in bytes with their unit.

use crate::quantity::{self, Quantity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A size in bytes, written with its unit: `256KB` (1,000 bytes each), `256KiB` (1,024 bytes each), `2MB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

const FIX: &str = "write for example \"256KB\", \"2MB\" or \"1GiB\"";
const UNITS: [(&str, u64); 7] = [
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("KB", 1_000),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Size {
    /// From bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;

    /// The error is one line on what is wrong and one line on what to write.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = quantity::parts::<Self>(text)?;
        let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (Some((_, bytes)), Ok(number)) = (known, number.parse::<u64>()) else {
            return Err(format!("'{text}' is not a size\n{FIX}, with a whole number"));
        };
        let bytes = number.checked_mul(*bytes);
        bytes.map(Self).ok_or_else(|| format!("the size '{text}' is too large\n{FIX}"))
    }
}

impl fmt::Display for Size {
    /// In the largest unit that leaves a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, bytes)| self.0 >= *bytes && self.0.is_multiple_of(*bytes));
        let (name, bytes) = unit.copied().unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / bytes)
    }
}

impl Quantity for Size {
    const NOUN: &'static str = "size";
    const FIX: &'static str = FIX;
    const SUGGESTED: &'static [&'static str] = &["KB", "B"];
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity::deserialize(deserializer)
    }
}
