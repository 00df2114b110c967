//! The rows that are computed on, and the model that they are held against.

use alloc::vec::Vec;
use heijunka_learn::{ModelShape, Targets};
use heijunka_units::Loss;

/// Encoded rows, each with its target.
pub trait Rows {
    /// Whether targets are classes.
    fn have_classes(&self) -> bool;

    /// Copies the inputs and targets of the rows at `indices` into `x` (row by row) and `targets`, which are overwritten.
    /// Returns how many rows; an index without a row gives none.
    fn gather(&self, indices: &[usize], x: &mut Vec<f32>, targets: &mut RowTargets) -> usize;
}

/// Targets of some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum RowTargets {
    /// A class for each row.
    Classes(Vec<u32>),
    /// A number for each row.
    Values(Vec<f32>),
}

impl RowTargets {
    pub(crate) fn as_targets(&self) -> Targets<'_> {
        match self {
            Self::Classes(classes) => Targets::Classes(classes),
            Self::Values(values) => Targets::Values(values),
        }
    }
}

impl Default for RowTargets {
    fn default() -> Self {
        Self::Values(Vec::new())
    }
}

/// A model, and rows to compute on.
#[derive(Debug)]
pub struct Problem<'a, R> {
    /// The model's shape.
    pub shape: &'a ModelShape,
    /// The rows.
    pub rows: &'a R,
    /// Weight of each class; empty if targets are values.
    pub class_weights: &'a [f32],
    /// Factor by which the targets were scaled (values only): errors are scored in the targets' own unit.
    pub target_scale: f64,
    /// The model's parameters.
    pub model: &'a [f32],
}

impl<R> Clone for Problem<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Problem<'_, R> {}

impl<R: Rows> Problem<'_, R> {
    /// Whether the model is to reproduce its inputs. The rows' classes then say which rows are normal.
    pub(crate) fn reproduces_inputs(&self) -> bool {
        self.shape.loss() == Loss::MeanSquaredError && self.rows.have_classes()
    }
}
