//! What is known of the model's quality: who judges, which step was scored, and with what.

use heijunka_judge::{Judge, ScoreName, Summary};
use heijunka_wire::document::Scores;

/// Scores of the model, and how they are judged.
#[derive(Debug)]
pub(crate) struct Scoring {
    judge: Judge,
    judged_by: ScoreName,
    /// The step at which the model was last scored, or could not be.
    scored_at: Option<u64>,
    last: Option<Scores>,
    /// The step of the best model, once it has been made the model.
    best_step: Option<u64>,
}

impl Scoring {
    pub(crate) fn new() -> Self {
        Self { judge: Judge::default(), judged_by: ScoreName::Loss, scored_at: None, last: None, best_step: None }
    }

    /// The job is settled: that is how its scores are judged.
    pub(crate) fn settle(&mut self, (judge, judged_by): (Judge, ScoreName)) {
        (self.judge, self.judged_by) = (judge, judged_by);
    }

    pub(crate) fn judge(&self) -> Judge {
        self.judge
    }

    pub(crate) fn judged_by(&self) -> ScoreName {
        self.judged_by
    }

    pub(crate) fn summary(&self, scores: &Scores) -> Summary {
        self.judge.summary(scores)
    }

    /// How good a model with these scores is, to be compared.
    pub(crate) fn worth(&self, scores: &Scores) -> (f64, f64) {
        self.judged_by.worth(&self.summary(scores))
    }

    /// The figure that the scores are judged by.
    pub(crate) fn figure(&self, scores: &Scores) -> Option<(ScoreName, f64)> {
        self.judged_by.of(&self.summary(scores)).map(|figure| (self.judged_by, figure))
    }

    pub(crate) fn is_scored(&self, step: u64) -> bool {
        self.scored_at == Some(step)
    }

    /// The model after `step` was scored; without scores if no agent could.
    pub(crate) fn note(&mut self, step: u64, scores: Option<&Scores>) {
        self.scored_at = Some(step);
        if let Some(scores) = scores {
            self.last = Some(scores.clone());
        }
    }

    /// The best model, of `step`, has been made the model.
    pub(crate) fn restore(&mut self, step: u64, scores: Scores) {
        (self.last, self.best_step) = (Some(scores), Some(step));
    }

    pub(crate) fn last(&self) -> Option<&Scores> {
        self.last.as_ref()
    }

    pub(crate) fn best_step(&self) -> Option<u64> {
        self.best_step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_stay_until_there_are_others() {
        let mut scoring = Scoring::new();
        let scores = Scores { rows: 4, loss_sum: 2.0, ..Scores::default() };
        scoring.note(10, Some(&scores));
        scoring.note(20, None);
        assert!(scoring.is_scored(20) && !scoring.is_scored(10) && scoring.last() == Some(&scores));
        assert_eq!((scoring.figure(&scores), scoring.best_step()), (Some((ScoreName::Loss, 0.5)), None));
        scoring.restore(10, Scores::default());
        assert_eq!((scoring.last(), scoring.best_step()), (Some(&Scores::default()), Some(10)));
    }
}
