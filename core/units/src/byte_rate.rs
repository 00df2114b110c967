//! How much a link carries, or may carry, in a second.

use core::num::NonZeroU64;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Bytes per second, 1 or more. "No limit" is `None` of an `Option`, never a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ByteRate(NonZeroU64);

impl ByteRate {
    /// `None` for 0.
    pub const fn new(bytes_per_s: u64) -> Option<Self> {
        match NonZeroU64::new(bytes_per_s) {
            Some(rate) => Some(Self(rate)),
            None => None,
        }
    }

    /// Whole bytes of so many bits per second: rounded down, 1 at least. `None` for 0.
    pub const fn from_bits_per_s(bits_per_s: u64) -> Option<Self> {
        match bits_per_s {
            0 => None,
            1..8 => Self::new(1),
            _ => Self::new(bits_per_s / 8),
        }
    }

    /// Bytes per second.
    pub const fn bytes_per_s(self) -> u64 {
        self.0.get()
    }

    /// Bits per second; at most `u64::MAX`.
    pub const fn bits_per_s(self) -> u64 {
        self.0.get().saturating_mul(8)
    }

    /// Time that so many bytes take.
    pub fn time(self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / u128::from(self.0.get());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_become_whole_bytes_and_only_zero_is_no_rate() {
        let bytes = |bits| ByteRate::from_bits_per_s(bits).map(ByteRate::bytes_per_s);
        assert_eq!([0, 1, 8, 15, 16, 2_000_000].map(bytes), [None, Some(1), Some(1), Some(1), Some(2), Some(250_000)]);
        assert_eq!(bytes(u64::MAX), Some(u64::MAX / 8));
        assert_eq!(ByteRate::new(0), None);
        assert_eq!(ByteRate::new(u64::MAX).map(ByteRate::bits_per_s), Some(u64::MAX));
    }

    #[test]
    fn time_is_bytes_by_rate() {
        let rate = ByteRate::new(1000).unwrap();
        assert_eq!(rate.time(250), Duration::from_millis(250));
        assert_eq!(ByteRate::new(1).unwrap().time(usize::MAX), Duration::from_nanos(u64::MAX));
    }
}
