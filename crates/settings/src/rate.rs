//! Rates of a link in bits per second, with their unit.

use crate::Problem;
use crate::quantity::{self, Quantity};
use heijunka_units::ByteRate;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What a link carries, written with its unit as network people do: `500kbit/s`, `2Mbit/s`, `1Gbit/s` (1,000 each).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

const FIX: &str = "write for example \"500kbit/s\" or \"2Mbit/s\"";
const UNITS: [(&str, u64); 4] = [("Gbit/s", 1_000_000_000), ("Mbit/s", 1_000_000), ("kbit/s", 1_000), ("bit/s", 1)];

impl Rate {
    /// From bits per second.
    pub const fn from_bits_per_s(bits: u64) -> Self {
        Self(bits)
    }

    /// Bits per second.
    pub const fn bits_per_s(self) -> u64 {
        self.0
    }
}

/// Slowest link that a job can use, in bits per second.
const CAP_MIN_BITS_PER_S: u64 = 8_000;

/// A limit on what is sent, as a rate; `key` counts from the file.
///
/// # Errors
/// The limit is too low for a job.
pub fn link_cap(key: &str, cap: Option<Rate>) -> Result<Option<ByteRate>, Problem> {
    let bits = cap.map(Rate::bits_per_s);
    if bits.is_some_and(|bits| bits < CAP_MIN_BITS_PER_S) {
        let name = key.rsplit('.').next().unwrap_or(key);
        let fix = format!("write {name} = \"2Mbit/s\", or leave it out for no limit");
        return Err(Problem::new(key, "at least 8kbit/s is needed", fix));
    }
    Ok(bits.and_then(ByteRate::from_bits_per_s))
}

impl FromStr for Rate {
    type Err = String;

    /// The error is one line on what is wrong and one line on what to write.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (number, unit) = quantity::parts::<Self>(text)?;
        if unit.to_ascii_lowercase().ends_with("b/s") {
            return Err(format!(
                "the rate '{text}' counts bytes; rates of links are in bits: 1 MB/s is 8 Mbit/s\n{FIX}"
            ));
        }
        let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (Some((_, bits)), Ok(number)) = (known, number.parse::<f64>()) else {
            return Err(format!("'{text}' is not a rate\n{FIX}"));
        };
        let bits = number * *bits as f64;
        if !(1.0..=1e15).contains(&bits) {
            return Err(format!("the rate '{text}' is out of range\n{FIX}"));
        }
        Ok(Self(bits as u64))
    }
}

impl fmt::Display for Rate {
    /// In the largest unit that gives at least 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, bits)| self.0 >= *bits);
        let (name, bits) = unit.copied().unwrap_or(("bit/s", 1));
        write!(f, "{}{name}", self.0 as f64 / bits as f64)
    }
}

impl Quantity for Rate {
    const NOUN: &'static str = "rate";
    const FIX: &'static str = FIX;
    const SUGGESTED: &'static [&'static str] = &["kbit/s"];
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        quantity::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_units() {
        for (text, bits, shown) in [
            ("2Mbit/s", 2_000_000, "2Mbit/s"),
            ("1.5 mbit/s", 1_500_000, "1.5Mbit/s"),
            ("500kbit/s", 500_000, "500kbit/s"),
            ("1Gbit/s", 1_000_000_000, "1Gbit/s"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate.bits_per_s(), rate.to_string().as_str()), (bits, shown));
        }
        let refused = |text: &str| text.parse::<Rate>().unwrap_err();
        assert!(refused("2").starts_with("the rate '2' has no unit"));
        assert!(refused("1MB/s").contains("1 MB/s is 8 Mbit/s"));
        assert!(refused("0kbit/s").contains("out of range"));
        for text in ["", "fast", "2Mbit", "1e3kbit/s", "-2Mbit/s"] {
            assert!(refused(text).contains("is not a rate"), "{text}");
        }
    }
}
