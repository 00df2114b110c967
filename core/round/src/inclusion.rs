//! How often an agent's answer enters a step, from its own record.
//!
//! Private data: the mean update is the full gradient if each answer's weight is divided by the probability that it
//! enters (Horvitz and Thompson, 1952); renormalising over those who answered leaves a bias towards the reliable ones.

/// The record forgets about this part of itself with every step, so that it follows an agent that changes.
const FORGETS: f64 = 1.0 / 512.0;
/// An answer weighs at most 20 times as much as that of an agent that never misses.
const PROBABILITY_MIN: f64 = 0.05;

/// Of the steps in which an agent was expected, those that its answer entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inclusion {
    expected: f64,
    entered: f64,
}

impl Default for Inclusion {
    /// As if one step had been seen, with its answer: the probability starts at 1.
    fn default() -> Self {
        Self { expected: 1.0, entered: 1.0 }
    }
}

impl Inclusion {
    /// The probability that its next answer enters, as far as the record shows.
    pub(crate) fn probability(self) -> f64 {
        (self.entered / self.expected).max(PROBABILITY_MIN)
    }

    /// A step was taken in which it was expected.
    pub(crate) fn note(&mut self, entered: bool) {
        self.expected += 1.0 - FORGETS * self.expected;
        self.entered += f64::from(u8::from(entered)) - FORGETS * self.entered;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_starts_at_one_and_follows_the_record() {
        let mut inclusion = Inclusion::default();
        for _ in 0..1000 {
            assert!((inclusion.probability() - 1.0).abs() < 1e-12);
            inclusion.note(true);
        }
        for step in 0..5000 {
            inclusion.note(step % 5 < 3);
        }
        assert!((inclusion.probability() - 0.6).abs() < 0.005, "{inclusion:?}");
        for _ in 0..5000 {
            inclusion.note(false);
        }
        assert!((inclusion.probability() - PROBABILITY_MIN).abs() < 1e-12);
    }
}
