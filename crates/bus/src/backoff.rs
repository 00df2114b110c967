//! How long to wait before the next attempt: exponential back-off with full jitter.

use std::time::Duration;

/// First ceiling of the back-off, doubled with every failed attempt.
const FIRST_CEILING: Duration = Duration::from_millis(100);

/// Wait before attempt `attempt` (0 is the first retry), uniform between zero and `min(max, 100 ms * 2^attempt)`.
///
/// `random` is any 64 random bits: the same bits give the same wait. Full jitter, so that a hundred agents do not
/// come back in step after a broker restart ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#[must_use]
pub fn backoff(attempt: u32, max: Duration, random: u64) -> Duration {
    let doublings = 1_u32.checked_shl(attempt).unwrap_or(u32::MAX);
    let ceiling = FIRST_CEILING.saturating_mul(doublings).min(max);
    let nanos = u64::try_from(ceiling.as_nanos()).unwrap_or(u64::MAX);
    // The upper half of the product scales `random` into 0..=nanos without a division's bias.
    let scaled = (u128::from(random) * (u128::from(nanos) + 1)) >> 64;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_units::SplitMix64;

    #[test]
    fn ceilings_double_up_to_the_maximum() {
        let max = Duration::from_secs(30);
        let ceilings: Vec<u64> =
            (0..12).map(|attempt| u64::try_from(backoff(attempt, max, u64::MAX).as_millis()).unwrap()).collect();
        assert_eq!(ceilings, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000, 30000]);
        assert_eq!(backoff(u32::MAX, max, u64::MAX), max);
    }

    #[test]
    fn jitter_is_full_and_reproducible() {
        let max = Duration::from_secs(10);
        let waits = |seed| {
            let mut jitter = SplitMix64::new(seed);
            (0..1000).map(|_| backoff(20, max, jitter.next_u64())).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
        let mean = waits(7).iter().sum::<Duration>() / 1000;
        assert!(mean > max * 45 / 100 && mean < max * 55 / 100, "mean {mean:?} is not half of {max:?}");
        assert!(waits(7).iter().any(|wait| *wait < max / 20), "full jitter reaches down to zero");
    }
}
