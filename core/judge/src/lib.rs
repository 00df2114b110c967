//! What scores mean: the figures that people compare, from scores added over agents, and which of them decides which is the better
//! model. The aggregator judges with it while it trains, `predict` when the target is in the table.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use heijunka_learn::Confusion;
use heijunka_learn::metrics::ranking::{BucketCount, Costs, Cut, Ranking, ScoreScale};
use heijunka_learn::metrics::root_mean_squared_error;
use heijunka_wire::document::Scores;
use heijunka_wire::limits::SCORE_BUCKETS;
use serde::Serialize;

/// Figures of held-out rows; those that the task does not have are none. Those from the histogram are as near to those of
/// the rows themselves as `core/learn`'s `metrics::ranking` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Rows scored.
    pub held_out_rows: u64,
    /// Mean loss.
    pub loss: Option<f64>,
    /// Share of the rows whose most probable class is theirs.
    pub accuracy: Option<f64>,
    /// Mean F1 of the classes.
    pub macro_f1: Option<f64>,
    /// F1 of the second of two classes, where the more probable one is predicted.
    pub f1_second_class: Option<f64>,
    /// Root mean squared error in the target's unit.
    pub rmse: Option<f64>,
    /// In the target's unit.
    pub mean_absolute_error: Option<f64>,
    /// Rows of the positive class.
    pub positive_rows: Option<u64>,
    /// Average precision of the positive class.
    pub pr_auc: Option<f64>,
    /// By how much `pr_auc` can differ from that of the rows themselves.
    pub pr_auc_off_max: Option<f64>,
    /// Area under the ROC curve.
    pub roc_auc: Option<f64>,
    /// Greatest F1 of the positive class over all thresholds.
    pub best_f1: Option<f64>,
    /// Its threshold, on the scale of `threshold`.
    pub best_f1_threshold: Option<f64>,
    /// Probability of the positive class from which a row is taken for positive: the one of the least cost if costs are
    /// known, else of the best F1. Of an anomaly's score: the one of the least cost, else the normal rows' quantile.
    /// Chosen on these very rows.
    pub threshold: Option<f64>,
    /// The same as a difference of logits (two classes).
    pub threshold_logit: Option<f64>,
    /// Share of the rows that are not positive that are taken for it at the threshold.
    pub false_alarm_share: Option<f64>,
    /// Share of the rows taken for positive at the threshold that are.
    pub precision_at_threshold: Option<f64>,
    /// Share of the positive rows that are taken for positive at the threshold.
    pub recall_at_threshold: Option<f64>,
    /// Harmonic mean of both.
    pub f1_at_threshold: Option<f64>,
    /// Mean cost of a row at the threshold, if costs are known.
    pub cost_per_row: Option<f64>,
}

impl Default for Judging {
    fn default() -> Self {
        Self { positive: None, costs: None, threshold_quantile: 0.99, score: None }
    }
}

/// What models are judged by.
#[derive(Clone, Debug, PartialEq)]
pub struct Judging {
    /// Name of the positive one of two classes; the rarer one if none is named.
    pub positive: Option<String>,
    /// What mistakes cost.
    pub costs: Option<Costs>,
    /// Anomalies: share of the normal held-out rows that lie below the threshold.
    pub threshold_quantile: f64,
    /// Which figure decides which model is better; by default the PR-AUC of two classes, the macro-F1 of more, the RMSE of a
    /// regression, the loss of normal rows for anomalies.
    pub score: Option<ScoreName>,
}

/// What scores are judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judge {
    /// Place of the positive one of two classes; none for other tasks.
    pub positive: Option<usize>,
    /// What mistakes cost.
    pub costs: Option<Costs>,
    /// Anomalies are looked for: share of the normal rows below the threshold. Those that are not normal are the positive
    /// ones.
    pub anomaly_quantile: Option<f64>,
}

impl Judge {
    /// The figures of `scores`.
    pub fn summary(&self, scores: &Scores) -> Summary {
        let rows = scores.rows as f64;
        let classes = scores.confusion.len().isqrt();
        let finite = |value: f64| value.is_finite().then_some(value);
        let confusion = Confusion::new(classes, &scores.confusion).ok().filter(|_| classes > 0);
        let regression = confusion.is_none();
        let mut summary = Summary {
            held_out_rows: scores.rows,
            loss: finite(scores.loss_sum / rows),
            accuracy: confusion.map(|confusion| confusion.accuracy()),
            macro_f1: confusion.map(|confusion| confusion.macro_f1()),
            f1_second_class: confusion.filter(|_| classes == 2).and_then(|c| c.class(1)).map(|scores| scores.f1),
            rmse: finite(root_mean_squared_error(scores.squared_error_sum, scores.rows))
                .filter(|_| regression && scores.rows > 0),
            mean_absolute_error: finite(scores.absolute_error_sum / rows).filter(|_| regression),
            ..Summary::default()
        };
        if let Some(quantile) = self.anomaly_quantile {
            let normal = scores.histogram.iter().fold(0, |sum: u64, (_, [rows, _])| sum.saturating_add(*rows));
            summary.loss = finite(scores.loss_sum / normal as f64);
            (summary.rmse, summary.mean_absolute_error) = (None, None);
            let usual = |ranking: &Ranking<'_>| ranking.negative_quantile(quantile);
            self.rank(&scores.histogram, |bucket| ScoreScale::Error.edge(bucket), usual, &mut summary);
        } else if let Some(positive) = self.positive.filter(|_| classes == 2) {
            let probability = |bucket| 1.0 / (1.0 + libm::exp(-ScoreScale::Margin.edge(bucket)));
            let cut = self.rank(&counts(scores, positive), probability, Ranking::best_f1, &mut summary);
            summary.threshold_logit = cut.map(|cut| ScoreScale::Margin.edge(cut.bucket));
        }
        summary
    }

    /// `threshold`: a bucket's lower edge in people's terms; `usual`: the cut if costs are not known.
    fn rank<'a>(
        &self,
        counts: &'a [BucketCount],
        threshold: impl Fn(u16) -> f64,
        usual: impl Fn(&Ranking<'a>) -> Option<Cut>,
        summary: &mut Summary,
    ) -> Option<Cut> {
        let ranking = Ranking::new(counts);
        let best = ranking.best_f1();
        let cut = self.costs.and_then(|costs| ranking.least_cost(costs)).or_else(|| usual(&ranking));
        let area = ranking.average_precision();
        summary.positive_rows = Some(counts.iter().fold(0, |sum: u64, (_, [_, rows])| sum.saturating_add(*rows)));
        (summary.pr_auc, summary.pr_auc_off_max) = (area.map(|(area, _)| area), area.map(|(_, off)| off));
        summary.roc_auc = ranking.roc_auc().map(|(area, _)| area);
        summary.best_f1 = best.map(|cut| cut.f1());
        summary.best_f1_threshold = best.map(|cut| threshold(cut.bucket));
        let cut = cut?;
        summary.threshold = Some(threshold(cut.bucket));
        summary.false_alarm_share = cut.false_alarm_share();
        if best.is_some() {
            summary.precision_at_threshold = Some(cut.precision());
            summary.recall_at_threshold = Some(cut.recall());
            summary.f1_at_threshold = Some(cut.f1());
            summary.cost_per_row = self.costs.map(|costs| cut.cost_per_row(costs));
        }
        Some(cut)
    }
}

/// The histogram with the positive class second. What the other logit is below is turned round.
fn counts(scores: &Scores, positive: usize) -> Vec<BucketCount> {
    if positive == 1 {
        return scores.histogram.clone();
    }
    let turned =
        |(bucket, [first, second]): &BucketCount| (SCORE_BUCKETS.saturating_sub(1 + bucket), [*second, *first]);
    scores.histogram.iter().rev().map(turned).collect()
}

/// The figure that decides which model is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreName {
    /// Mean loss.
    Loss,
    /// Share of the rows classified rightly.
    Accuracy,
    /// Mean F1 of the classes.
    MacroF1,
    /// Average precision of the positive class.
    PrAuc,
    /// Area under the ROC curve of the positive class.
    RocAuc,
    /// Greatest F1 of the positive class.
    BestF1,
    /// Root mean squared error.
    Rmse,
}

impl ScoreName {
    /// As settings and people call it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro_f1",
            Self::PrAuc => "pr_auc",
            Self::RocAuc => "roc_auc",
            Self::BestF1 => "best_f1",
            Self::Rmse => "rmse",
        }
    }

    /// The figure, if the scores have it.
    pub fn of(self, summary: &Summary) -> Option<f64> {
        match self {
            Self::Loss => summary.loss,
            Self::Accuracy => summary.accuracy,
            Self::MacroF1 => summary.macro_f1,
            Self::PrAuc => summary.pr_auc,
            Self::RocAuc => summary.roc_auc,
            Self::BestF1 => summary.best_f1,
            Self::Rmse => summary.rmse,
        }
    }

    /// How good a model is, to be compared as pairs: the higher the better. Where the figure is the same, or the held-out
    /// rows do not have it, the loss decides.
    pub fn worth(self, summary: &Summary) -> (f64, f64) {
        let sign = if matches!(self, Self::Loss | Self::Rmse) { -1.0 } else { 1.0 };
        let figure = self.of(summary).map_or(f64::NEG_INFINITY, |figure| sign * figure);
        (figure, summary.loss.map_or(f64::NEG_INFINITY, |loss| -loss))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Four good rows and two bad ones, of which one scores above all others.
    fn scores() -> Scores {
        let histogram = vec![(400, [3, 0]), (500, [0, 1]), (520, [1, 0]), (600, [0, 1])];
        Scores { rows: 6, loss_sum: 3.0, confusion: vec![3, 1, 1, 1], histogram, ..Scores::default() }
    }

    #[test]
    fn a_rare_class_is_judged_by_its_rank() {
        let summary = Judge { positive: Some(1), ..Judge::default() }.summary(&scores());
        assert_eq!((summary.positive_rows, summary.held_out_rows), (Some(2), 6));
        // Precision 1 at recall 1/2, 2/3 at recall 1.
        assert_eq!(summary.pr_auc, Some(0.5 + 0.5 * 2.0 / 3.0));
        assert_eq!(summary.roc_auc, Some(7.0 / 8.0));
        assert_eq!(summary.f1_at_threshold, summary.best_f1);
        assert_eq!((summary.best_f1, summary.recall_at_threshold), (Some(0.8), Some(1.0)));
        assert_eq!(summary.cost_per_row, None);
        let (probability, logit) = (summary.threshold.unwrap(), summary.threshold_logit.unwrap());
        assert!(logit < 0.0 && (probability - 1.0 / (1.0 + libm::exp(-logit))).abs() < 1e-15);
    }

    #[test]
    fn costs_move_the_threshold() {
        let cost = |missed, false_alarm| {
            let costs = Some(Costs { missed, false_alarm });
            Judge { positive: Some(1), costs, ..Judge::default() }.summary(&scores())
        };
        let (dear_alarms, dear_faults) = (cost(1.0, 5.0), cost(50.0, 1.0));
        assert_eq!((dear_alarms.recall_at_threshold, dear_alarms.cost_per_row), (Some(0.5), Some(1.0 / 6.0)));
        assert_eq!((dear_faults.recall_at_threshold, dear_faults.cost_per_row), (Some(1.0), Some(1.0 / 6.0)));
        assert!(dear_alarms.threshold > dear_faults.threshold);
    }

    #[test]
    fn either_class_may_be_the_positive_one() {
        let first = Judge { positive: Some(0), ..Judge::default() }.summary(&scores());
        assert_eq!((first.positive_rows, first.roc_auc), (Some(4), Some(7.0 / 8.0)));
        let none = Judge::default().summary(&scores());
        assert_eq!((none.pr_auc, none.threshold, none.accuracy), (None, None, Some(4.0 / 6.0)));
    }

    #[test]
    fn anomalies_have_a_threshold_of_the_normal_rows() {
        let judge = Judge { anomaly_quantile: Some(0.75), ..Judge::default() };
        let labelled = judge.summary(&Scores { confusion: vec![], ..scores() });
        assert_eq!((labelled.loss, labelled.rmse, labelled.accuracy), (Some(0.75), None, None), "of four normal rows");
        assert_eq!((labelled.false_alarm_share, labelled.recall_at_threshold), (Some(0.25), Some(1.0)));
        assert_eq!(labelled.threshold, Some(ScoreScale::Error.edge(401)));
        assert_eq!((labelled.best_f1, labelled.threshold_logit), (Some(0.8), None));
        let normal = vec![(400, [3, 0]), (520, [1, 0])];
        let unlabelled = judge.summary(&Scores { rows: 4, confusion: vec![], histogram: normal, ..scores() });
        assert_eq!((unlabelled.threshold, unlabelled.false_alarm_share), (labelled.threshold, Some(0.25)));
        assert_eq!((unlabelled.pr_auc, unlabelled.f1_at_threshold), (None, None));
    }

    #[test]
    fn the_loss_decides_between_equals() {
        let summary = |macro_f1, loss| Summary { macro_f1, loss: Some(loss), ..Summary::default() };
        let worth = |macro_f1, loss| ScoreName::MacroF1.worth(&summary(macro_f1, loss));
        assert!(worth(Some(0.9), 2.0) > worth(Some(0.8), 1.0));
        assert!(worth(Some(0.9), 1.0) > worth(Some(0.9), 2.0));
        assert!(worth(None, 1.0) > worth(None, 2.0));
        assert!(ScoreName::Loss.worth(&summary(None, 1.0)) > ScoreName::Loss.worth(&summary(None, 2.0)));
    }
}
