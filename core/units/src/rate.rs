//! How many bytes a link carries in a second.

use core::num::NonZeroU64;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Bytes per second, never 0: a link without a cap is `Option::<ByteRate>::None`.
///
/// ```
/// use core::time::Duration;
/// use heijunka_units::ByteRate;
///
/// let rate = ByteRate::from_bits_per_s(8_000_000).unwrap();
/// assert_eq!(rate.bytes_per_s(), 1_000_000);
/// assert_eq!(rate.time(500_000), Duration::from_millis(500));
/// assert_eq!(ByteRate::from_bits_per_s(0), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ByteRate(NonZeroU64);

impl ByteRate {
    /// A rate in bytes per second; `None` for 0.
    pub const fn from_bytes_per_s(bytes: u64) -> Option<Self> {
        match NonZeroU64::new(bytes) {
            Some(bytes) => Some(Self(bytes)),
            None => None,
        }
    }

    /// A rate in bits per second, rounded down to bytes, but never to 0; `None` for 0.
    pub const fn from_bits_per_s(bits: u64) -> Option<Self> {
        match bits {
            0 => None,
            1..8 => Self::from_bytes_per_s(1),
            more => Self::from_bytes_per_s(more / 8),
        }
    }

    /// Bytes per second, at least 1.
    pub const fn bytes_per_s(self) -> u64 {
        self.0.get()
    }

    /// Bits per second; the largest number where 64 bits do not hold them.
    pub const fn bits_per_s(self) -> u64 {
        self.0.get().saturating_mul(8)
    }

    /// How long so many bytes take; at most 584 years.
    pub const fn time(self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 1_000_000_000 / self.0.get() as u128;
        Duration::from_nanos(if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rate_is_0_and_the_largest_is_not_lost() {
        assert_eq!(ByteRate::from_bits_per_s(7).map(ByteRate::bytes_per_s), Some(1));
        assert_eq!(ByteRate::from_bits_per_s(8001).map(ByteRate::bytes_per_s), Some(1000));
        let most = ByteRate::from_bytes_per_s(u64::MAX).unwrap();
        assert_eq!((most.bytes_per_s(), most.bits_per_s()), (u64::MAX, u64::MAX));
        assert_eq!(ByteRate::from_bytes_per_s(1).unwrap().time(usize::MAX), Duration::from_nanos(u64::MAX));
    }
}
