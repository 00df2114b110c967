//! The learned deadline of a round.

use crate::plan::Patience;
use core::time::Duration;

const RECENT_ROUNDS: usize = 32;

/// Remembers how long the recent rounds took.
#[derive(Debug)]
pub(crate) struct DeadlineRule {
    recent_s: [f64; RECENT_ROUNDS],
    seen: usize,
}

impl DeadlineRule {
    pub(crate) fn new() -> Self {
        Self { recent_s: [0.0; RECENT_ROUNDS], seen: 0 }
    }

    pub(crate) fn observe(&mut self, seconds: f64) {
        if let Some(place) = self.recent_s.get_mut(self.seen % RECENT_ROUNDS) {
            *place = seconds;
        }
        self.seen += 1;
    }

    /// A round ran into its deadline: the next one may take half as long again, in case the agents are slow rather than
    /// gone. (Tripling it for each dead machine would stop the line for minutes.)
    pub(crate) fn observe_missed(&mut self, seconds: f64, patience: &Patience) {
        self.observe(seconds * 1.5 / patience.deadline_factor);
    }

    /// Factor x the slower of the slowest recent round and what is predicted, never below the floor nor above the most.
    pub(crate) fn next(&self, patience: &Patience, predicted_s: Option<f64>) -> Duration {
        if self.seen == 0 {
            return patience.first_deadline.min(patience.deadline_max);
        }
        let slowest = self.recent_s.iter().copied().chain(predicted_s).fold(0.0, f64::max);
        let learned = Duration::try_from_secs_f64(slowest * patience.deadline_factor);
        learned.unwrap_or(patience.first_deadline).max(patience.deadline_floor).min(patience.deadline_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_follows_the_slowest_recent_round() {
        let patience = Patience::default();
        let mut rule = DeadlineRule::new();
        assert_eq!(rule.next(&patience, None), patience.first_deadline);
        rule.observe(4.0);
        assert_eq!(rule.next(&patience, None), Duration::from_secs(12));
        for _ in 0..RECENT_ROUNDS {
            rule.observe(0.1);
        }
        assert_eq!(rule.next(&patience, None), patience.deadline_floor);
        rule.observe_missed(6.0, &patience);
        assert_eq!(rule.next(&patience, None), Duration::from_secs(9));
        assert_eq!(rule.next(&patience, Some(2.0)), Duration::from_secs(9));
        assert_eq!(rule.next(&patience, Some(4.0)), Duration::from_secs(12));
        let impatient = Patience { deadline_max: Duration::from_secs(2), ..patience };
        assert_eq!(rule.next(&impatient, Some(4.0)), Duration::from_secs(2));
        assert_eq!(DeadlineRule::new().next(&impatient, None), Duration::from_secs(2));
    }
}
