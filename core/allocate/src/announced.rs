//! What agents say of their machines, for the time in which nothing has been measured of them.

/// A machine's limits, as its agent announces them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// How much it may compute: threads x percent of their time; 100 is one whole thread. At least 1.
    pub capacity: u32,
    /// Microseconds that an answer takes through the uplink that it has been given; 0 if that is not capped.
    pub uplink_us: u32,
}

impl Default for Announced {
    fn default() -> Self {
        Self { capacity: 100, uplink_us: 0 }
    }
}

/// Before anything is measured, computing is taken to last so long: long enough that an uplink of some milliseconds moves
/// no share.
const FIRST_ROUND_S: f64 = 1.0;

impl Announced {
    /// Seconds that an answer takes through the uplink.
    #[must_use]
    pub fn uplink_s(self) -> f64 {
        f64::from(self.uplink_us) / 1e6
    }

    fn capacity(self) -> f64 {
        f64::from(self.capacity.max(1))
    }

    /// Weight of its share in a round before which no agent was measured: what it can compute, in the time that its uplink
    /// leaves.
    pub(crate) fn weight(self) -> f64 {
        self.capacity() * FIRST_ROUND_S / (FIRST_ROUND_S + self.uplink_s())
    }

    /// How many times as long it is taken to compute as a machine that announces `other`.
    pub(crate) fn slower_than(self, other: Self) -> f64 {
        other.capacity() / self.capacity()
    }
}
