//! Which start of an aggregator is meant.

use core::fmt;
use serde::{Deserialize, Serialize};

/// 16 random bytes that an aggregator draws when it starts: they distinguish two starts that took the same run number.
///
/// ```
/// use heijunka_units::Start;
///
/// let start = Start::new([0xab; 16]);
/// assert_eq!(start.to_string(), "abababababababababababababababab");
/// assert_ne!(start, Start::UNKNOWN);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Start([u8; 16]);

impl Start {
    /// What an agent names before it knows an aggregator: all bytes are 0.
    pub const UNKNOWN: Self = Self([0; 16]);

    /// The start with these bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
