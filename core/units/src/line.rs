//! A line of so many bits a second.

use crate::Timestamp;
use core::time::Duration;

/// What leaves through a line that is not to carry more: one message after the other, each once those before it are paid for.
/// In any time T that is no more than rate x T and one message.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    bits_per_s: u64,
    free_at: Timestamp,
}

impl Line {
    /// A free line; 0 bits a second are taken for 1.
    pub const fn new(bits_per_s: u64) -> Self {
        Self { bits_per_s, free_at: Timestamp::ZERO }
    }

    /// A message of so many bytes comes at `now`: when it begins, and when it is through.
    pub fn take(&mut self, bytes: usize, now: Timestamp) -> (Timestamp, Timestamp) {
        let begins = self.free_at.max(now);
        self.free_at = begins + self.time(bytes);
        (begins, self.free_at)
    }

    /// How long so many bytes take.
    pub fn time(&self, bytes: usize) -> Duration {
        let nanos = bytes as u128 * 8_000_000_000 / u128::from(self.bits_per_s.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_follow_each_other_and_an_idle_line_saves_nothing_up() {
        let at = |millis: u64| Timestamp::from_nanos(millis * 1_000_000);
        let mut line = Line::new(8000);
        assert_eq!(line.take(500, at(100)), (at(100), at(600)));
        assert_eq!(line.take(250, at(200)), (at(600), at(850)));
        assert_eq!(line.take(1, at(5000)), (at(5000), at(5001)));
        assert_eq!(Line::new(0).take(usize::MAX, at(0)).1, Timestamp::NEVER);
    }
}
