//! How good a model is, from sums over held-out rows. Conventions are those of scikit-learn.

pub mod ranking;

use crate::error::{Error, same_length};

/// Rows by true and predicted class.
#[derive(Clone, Copy, Debug)]
pub struct Confusion<'a> {
    classes: usize,
    counts: &'a [u64],
}

/// Precision, recall and F1 of one class, each in [0, 1], and 0 where its denominator is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassScores {
    /// Share of the rows predicted to be of the class that are.
    pub precision: f64,
    /// Share of the rows of the class that are predicted to be.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Rows of the class.
    pub support: u64,
}

impl<'a> Confusion<'a> {
    /// `counts[true * classes + predicted]`, which must have classes x classes elements.
    pub fn new(classes: usize, counts: &'a [u64]) -> Result<Self, Error> {
        same_length("confusion", counts.len(), classes.saturating_mul(classes))?;
        Ok(Self { classes, counts })
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Rows counted.
    pub fn rows(&self) -> u64 {
        sum(self.counts.iter())
    }

    /// Share of the rows whose class was predicted, in [0, 1]; 0 without rows.
    pub fn accuracy(&self) -> f64 {
        ratio(sum(self.counts.iter().step_by(self.classes + 1)), self.rows())
    }

    /// Unweighted mean of F1 over the classes that occur among the true or the predicted; 0 without rows.
    pub fn macro_f1(&self) -> f64 {
        let occurring = (0..self.classes).filter(|class| self.support(*class) + self.predicted(*class) > 0);
        let (total, count) = occurring.fold((0.0, 0_u64), |(total, count), class| {
            (total + self.class(class).map_or(0.0, |scores| scores.f1), count + 1)
        });
        if count == 0 { 0.0 } else { total / count as f64 }
    }

    /// Scores of one class, or nothing if there is no such class.
    pub fn class(&self, class: usize) -> Option<ClassScores> {
        if class >= self.classes {
            return None;
        }
        let hits = *self.counts.get(class * self.classes + class)?;
        let (support, predicted) = (self.support(class), self.predicted(class));
        Some(ClassScores {
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(hits.saturating_mul(2), support.saturating_add(predicted)),
            support,
        })
    }

    fn support(&self, class: usize) -> u64 {
        sum(self.counts.iter().skip(class * self.classes).take(self.classes))
    }

    fn predicted(&self, class: usize) -> u64 {
        sum(self.counts.iter().skip(class).step_by(self.classes.max(1)))
    }
}

/// Root mean squared error from a sum over `count` errors; 0 without any.
pub fn root_mean_squared_error(squared_error_sum: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { libm::sqrt(squared_error_sum / count as f64) }
}

/// Coefficient of determination, 1 - (sum of squared errors) / (sum of squared distances of the targets from their
/// mean). For constant targets 1 if there is no error and 0 otherwise.
pub fn r_squared(squared_error_sum: f64, target_m2: f64) -> f64 {
    if target_m2 > 0.0 {
        1.0 - squared_error_sum / target_m2
    } else if squared_error_sum == 0.0 {
        1.0
    } else {
        0.0
    }
}

fn sum<'a>(counts: impl Iterator<Item = &'a u64>) -> u64 {
    counts.fold(0, |sum, count| u64::saturating_add(sum, *count))
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
