//! From a model's outputs to what people read.

use heijunka_data::{Targets, Truth};
use heijunka_judge::{Judge, Summary};
use heijunka_learn::metrics::ranking::ScoreScale;
use heijunka_learn::{Confusion, class_of};
use heijunka_model::Trained;
use heijunka_units::counted;
use heijunka_wire::document::{Scores, Target};
use std::io::Write;

/// What is said of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Prediction<'a> {
    /// Its class, by place and name, and how probable the model takes it to be.
    Class { place: usize, name: &'a str, probability: f32 },
    /// Its value in the target's unit.
    Value(f64),
    /// How far it is from normal rows, and whether that makes it an anomaly, if there is a threshold.
    Score { score: f32, is_anomaly: Option<bool> },
}

/// What an anomaly and a row that is none are called.
pub(crate) fn anomaly(is_anomaly: Option<bool>) -> &'static str {
    match is_anomaly {
        Some(true) => "anomaly",
        Some(false) => "normal",
        None => "",
    }
}

/// Turns outputs into predictions.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) target: &'a Target,
    /// Outputs a row.
    pub(crate) width: usize,
    /// When the positive one of two classes is predicted, the more probable one if none; or an anomaly.
    pub(crate) decision: Option<Decision>,
}

/// When a row is taken for positive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Decision {
    /// From this difference on of the logit of the class at `positive`, 0 or 1, and the other one's.
    Class { positive: usize, logit: f64 },
    /// From this score on.
    Score(f64),
}

impl Decision {
    /// From a probability on.
    pub(crate) fn at(positive: usize, probability: f64) -> Self {
        Self::Class { positive, logit: (probability / (1.0 - probability)).ln() }
    }
}

impl<'a> Reader<'a> {
    /// Reads this model's outputs, by the card's threshold or by this one.
    pub(crate) fn of(trained: &'a Trained, threshold: Option<f64>) -> Self {
        let known = trained.card.decision.as_ref();
        let decision = if trained.card.is_anomaly() {
            threshold.or(known.map(|known| known.threshold)).map(Decision::Score)
        } else {
            let positive = trained.card.judge().positive;
            let logit = known.and_then(|known| known.threshold_logit);
            match threshold {
                Some(threshold) => Some(Decision::at(positive.unwrap_or(1), threshold)),
                None => positive.zip(logit).map(|(positive, logit)| Decision::Class { positive, logit }),
            }
        };
        Self { target: &trained.fitted.target, width: trained.width(), decision }
    }

    /// A prediction for each row of `outputs`.
    pub(crate) fn read(self, outputs: &[f32]) -> impl Iterator<Item = Prediction<'a>> {
        outputs.chunks_exact(self.width).map(move |output| self.read_one(output))
    }

    fn read_one(self, output: &[f32]) -> Prediction<'a> {
        match self.target {
            Target::Classes { names, .. } => {
                let (place, probability) = self.class(output);
                Prediction::Class { place, name: names.get(place).map_or("", String::as_str), probability }
            }
            Target::Scaled { offset, scale } => {
                Prediction::Value(output.first().map_or(0.0, |output| f64::from(*output) / scale + offset))
            }
            Target::Inputs => {
                let score = output.first().copied().unwrap_or_default();
                let is_anomaly = match self.decision {
                    Some(Decision::Score(threshold)) => Some(f64::from(score) >= threshold),
                    _ => None,
                };
                Prediction::Score { score, is_anomaly }
            }
        }
    }

    /// The class, and its probability.
    fn class(self, logits: &[f32]) -> (usize, f32) {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
        let probability = |class: usize| logits.get(class).map_or(0.0, |logit| (logit - most).exp() / sum);
        let class = match (self.decision, logits) {
            (Some(Decision::Class { positive, logit }), [first, second]) => {
                let margin = if positive == 1 { second - first } else { first - second };
                if f64::from(margin) >= logit { positive } else { 1 - positive }
            }
            _ => class_of(logits),
        };
        (class, probability(class))
    }

    /// Writes a CSV line for each of a table's `rows`; `predicted` are the numbers of those that have outputs, the others
    /// get an empty prediction.
    pub(crate) fn write(
        self,
        out: impl Write,
        rows: usize,
        predicted: &[usize],
        outputs: &[f32],
    ) -> std::io::Result<()> {
        let mut out = csv::Writer::from_writer(out);
        match self.target {
            Target::Classes { .. } => out.write_record(["row", "prediction", "probability"]),
            Target::Scaled { .. } => out.write_record(["row", "prediction"]),
            Target::Inputs => out.write_record(["row", "prediction", "score"]),
        }
        .map_err(cause)?;
        let mut predictions = predicted.iter().zip(self.read(outputs)).peekable();
        for row in 0..rows {
            let prediction = predictions.next_if(|(predicted, _)| **predicted == row).map(|(_, prediction)| prediction);
            let row = row.to_string();
            let Some(prediction) = prediction else {
                let columns = if matches!(self.target, Target::Scaled { .. }) { 2 } else { 3 };
                out.write_record([&row, "", ""].iter().take(columns)).map_err(cause)?;
                continue;
            };
            match prediction {
                Prediction::Class { name, probability, .. } => out.write_record([&row, name, &probability.to_string()]),
                Prediction::Value(value) => out.write_record([row, format!("{value:.6}")]),
                Prediction::Score { score, is_anomaly } => {
                    out.write_record([&row, anomaly(is_anomaly), &score.to_string()])
                }
            }
            .map_err(cause)?;
        }
        out.flush()
    }

    /// How well `outputs` meet the truth, in a sentence.
    pub(crate) fn scores(self, truth: &Truth, outputs: &[f32], judge: Judge) -> String {
        let mut scores = Scores { rows: truth.known.len() as u64, ..Scores::default() };
        let known = || truth.known.iter().map(|row| outputs.chunks_exact(self.width).nth(*row).unwrap_or_default());
        match (&truth.targets, self.target) {
            (Targets::Classes(classes), Target::Classes { names, .. }) => {
                scores.confusion = vec![0; names.len() * names.len()];
                for (class, logits) in classes.iter().zip(known()) {
                    if let [first, second] = logits {
                        let rows = if *class == 0 { [1, 0] } else { [0, 1] };
                        scores.count((ScoreScale::Margin.bucket(second - first), rows));
                    }
                    let place = *class as usize * names.len() + self.class(logits).0;
                    scores.confusion.get_mut(place).into_iter().for_each(|count| *count += 1);
                }
            }
            (Targets::Values(values), Target::Scaled { scale, .. }) => {
                for (value, output) in values.iter().zip(known().flatten()) {
                    let error = f64::from(output - value) / scale;
                    scores.squared_error_sum += error * error;
                    scores.absolute_error_sum += error.abs();
                }
            }
            (Targets::Classes(labels), Target::Inputs) => {
                scores.confusion = vec![0; 4];
                for (label, score) in labels.iter().zip(known().flatten()) {
                    let rows = if *label == 0 { [1, 0] } else { [0, 1] };
                    scores.count((ScoreScale::Error.bucket(*score), rows));
                    let reached =
                        matches!(self.decision, Some(Decision::Score(threshold)) if f64::from(*score) >= threshold);
                    let place = *label as usize * 2 + usize::from(reached);
                    scores.confusion.get_mut(place).into_iter().for_each(|count| *count += 1);
                }
            }
            _ => {}
        }
        sentence(&scores, &judge.summary(&scores), judge)
    }
}

fn sentence(scores: &Scores, summary: &Summary, judge: Judge) -> String {
    let mut words = vec![format!("{} with a known target", counted(scores.rows, "row"))];
    let mut say = |name: &str, value: Option<f64>| words.extend(value.map(|value| format!("{name} {value:.4}")));
    say("accuracy", summary.accuracy);
    say("macro-F1", summary.macro_f1);
    say("PR-AUC", summary.pr_auc);
    say("ROC AUC", summary.roc_auc);
    let confusion = Confusion::new(scores.confusion.len().isqrt(), &scores.confusion).ok();
    let positive = judge.positive.or(judge.anomaly_quantile.map(|_| 1));
    let positive = positive.and_then(|positive| confusion?.class(positive));
    let name = if judge.anomaly_quantile.is_some() { "F1 of anomalies" } else { "F1 of the positive class" };
    say(&format!("at the threshold {name}"), positive.map(|scores| scores.f1));
    say("precision", positive.map(|scores| scores.precision));
    say("recall", positive.map(|scores| scores.recall));
    say("RMSE", summary.rmse);
    say("mean absolute error", summary.mean_absolute_error);
    words.join(", ")
}

/// The system's own error, which says whether the reader is gone.
fn cause(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(decision: Option<Decision>) -> Vec<usize> {
        let target = Target::Classes { names: vec!["good".into(), "bad".into()], weights: vec![1.0; 2] };
        let reader = Reader { target: &target, width: 2, decision };
        let place = |prediction| match prediction {
            Prediction::Class { place, .. } => place,
            Prediction::Value(_) | Prediction::Score { .. } => panic!("a class was asked for"),
        };
        reader.read(&[1.0, 0.0, 0.0, 1.0]).map(place).collect()
    }

    #[test]
    fn a_threshold_moves_the_positive_class() {
        let at = |positive, probability| classes(Some(Decision::at(positive, probability)));
        assert_eq!(classes(None), [0, 1]);
        assert_eq!(at(1, 0.2), [1, 1], "the second has a probability of 0.27 and 0.73");
        assert_eq!((at(1, 0.8), at(0, 0.8)), (vec![0, 0], vec![1, 1]));
        assert_eq!((at(1, 0.0), at(1, 1.0)), (vec![1, 1], vec![0, 0]));
    }

    #[test]
    fn a_score_is_an_anomaly_from_the_threshold_on() {
        let reader = Reader { target: &Target::Inputs, width: 1, decision: Some(Decision::Score(0.5)) };
        let mut text = Vec::new();
        reader.write(&mut text, 4, &[0, 2], &[0.25, 0.5]).unwrap();
        assert_eq!(text, b"row,prediction,score\n0,normal,0.25\n1,,\n2,anomaly,0.5\n3,,\n");
        let unknown = Reader { decision: None, ..reader };
        assert_eq!(unknown.read(&[0.5]).next(), Some(Prediction::Score { score: 0.5, is_anomaly: None }));
        let truth = Truth { known: vec![0, 1, 2], targets: Targets::Classes(vec![0, 0, 1]) };
        let judge = Judge { anomaly_quantile: Some(0.99), ..Judge::default() };
        let said = reader.scores(&truth, &[0.1, 0.6, 0.7], judge);
        assert!(said.contains("PR-AUC 1.0000") && said.contains("F1 of anomalies 0.6667, precision 0.5000"), "{said}");
    }

    #[test]
    fn values_are_scaled_back() {
        let target = Target::Scaled { offset: 100.0, scale: 0.5 };
        let reader = Reader { target: &target, width: 1, decision: None };
        assert_eq!(reader.read(&[-3.0]).next(), Some(Prediction::Value(94.0)));
        let mut text = Vec::new();
        reader.write(&mut text, 2, &[1], &[-3.0]).unwrap();
        assert_eq!(text, b"row,prediction\n0,\n1,94.000000\n");
    }
}
