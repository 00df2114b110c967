//! A limit on what is sent over a link, and the times at which messages leave under it.

use crate::{ByteRate, Timestamp};
use core::time::Duration;

/// The most that a program sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// All packets together, in any time, but for one.
    pub rate: ByteRate,
    /// Bytes of a packet besides its frame: the headers, and the topic where it is always the same.
    pub packet_extra_bytes: usize,
}

impl Cap {
    /// How long so many bytes take, headers left out.
    pub const fn time(&self, bytes: usize) -> Duration {
        self.rate.time(bytes)
    }
}

/// When messages leave over a link that carries no more than its rate: one after the other, each once those before it
/// are paid for. In any time T that is no more than rate x T and one message.
///
/// ```
/// use core::time::Duration;
/// use heijunka_units::{ByteRate, Pacer, Timestamp};
///
/// let mut pacer = Pacer::new(ByteRate::from_bytes_per_s(1000).unwrap());
/// let start = Timestamp::ZERO;
/// assert_eq!(pacer.take(500, start), (start, start + Duration::from_millis(500)));
/// // The second one waits for the first.
/// assert_eq!(pacer.take(500, start).0, start + Duration::from_millis(500));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    rate: ByteRate,
    free_at: Timestamp,
}

impl Pacer {
    /// The pacer of a link that is free.
    pub const fn new(rate: ByteRate) -> Self {
        Self { rate, free_at: Timestamp::ZERO }
    }

    /// When everything taken so far is paid for.
    pub const fn free_at(&self) -> Timestamp {
        self.free_at
    }

    /// A message of so many bytes comes at `now`: when it begins to leave, and when it has left.
    pub fn take(&mut self, bytes: usize, now: Timestamp) -> (Timestamp, Timestamp) {
        let begins = self.free_at.max(now);
        self.free_at = begins + self.rate.time(bytes);
        (begins, self.free_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_each_other_and_an_idle_link_saves_nothing_up() {
        let at = |millis: u64| Timestamp::from_nanos(millis * 1_000_000);
        let mut pacer = Pacer::new(ByteRate::from_bytes_per_s(1000).unwrap());
        assert_eq!(pacer.take(500, at(100)), (at(100), at(600)));
        assert_eq!(pacer.take(250, at(200)), (at(600), at(850)));
        assert_eq!(pacer.take(1, at(5000)), (at(5000), at(5001)));
        assert_eq!(pacer.free_at(), at(5001));
        let slowest = ByteRate::from_bits_per_s(1).unwrap();
        assert_eq!(Pacer::new(slowest).take(usize::MAX, at(0)).1, Timestamp::NEVER);
    }
}
