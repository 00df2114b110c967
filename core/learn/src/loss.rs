//! Losses and their derivatives with respect to the model's outputs.

use crate::error::{Error, same_length};
use crate::shape::ModelShape;
use heijunka_units::Loss;

/// What the model should have given for each sample of a block.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// One class for each sample, below the number of outputs.
    Classes(&'a [u32]),
    /// One number for each output of each sample, sample by sample.
    Values(&'a [f32]),
}

/// Sum of weighted losses, given what [`predict`](crate::predict) wrote for as many samples. Without weights each
/// sample counts 1.
pub fn loss_sum(
    shape: &ModelShape,
    outputs: &[f32],
    targets: Targets<'_>,
    sample_weights: Option<&[f32]>,
) -> Result<f64, Error> {
    let width = shape.outputs();
    check_targets(shape, outputs.len() / width, targets, sample_weights)?;
    same_length("outputs", outputs.len() % width, 0)?;
    let rows = outputs.chunks_exact(width).enumerate();
    Ok(match targets {
        Targets::Classes(classes) => rows
            .zip(classes)
            .map(|((row, logits), class)| weight(sample_weights, row) * Softmax::new(logits).loss(logits, *class))
            .sum(),
        Targets::Values(values) => rows
            .zip(values.chunks_exact(width))
            .map(|((row, outputs), values)| weight(sample_weights, row) * squared_error(outputs, values))
            .sum(),
    })
}

/// Mean of the squared differences of a row's outputs from what it should have given, as equally long slices.
pub fn mean_squared_error(outputs: &[f32], values: &[f32]) -> f32 {
    (2.0 * squared_error(outputs, values)) as f32
}

/// The class with the largest logit, the first of several.
pub fn class_of(logits: &[f32]) -> usize {
    let best = |best: (usize, f32), (class, logit): (usize, &f32)| if *logit > best.1 { (class, *logit) } else { best };
    logits.iter().enumerate().fold((0, f32::NEG_INFINITY), best).0
}

/// Turns outputs into the derivatives of the weighted losses and returns `loss` with the losses added, one after another.
/// Targets and weights have been checked.
pub(crate) fn differentiate(
    shape: &ModelShape,
    outputs: &mut [f32],
    targets: Targets<'_>,
    sample_weights: Option<&[f32]>,
    loss: f64,
) -> f64 {
    let width = shape.outputs();
    let rows = outputs.chunks_exact_mut(width).enumerate();
    match targets {
        Targets::Classes(classes) => rows
            .zip(classes)
            .fold(loss, |sum, ((row, logits), class)| sum + cross_entropy(logits, *class, weight(sample_weights, row))),
        Targets::Values(values) => rows.zip(values.chunks_exact(width)).fold(loss, |sum, ((row, outputs), values)| {
            sum + half_squares(outputs, values, weight(sample_weights, row))
        }),
    }
}

/// Refuses targets and weights that do not fit the model and the number of samples.
pub(crate) fn check_targets(
    shape: &ModelShape,
    samples: usize,
    targets: Targets<'_>,
    sample_weights: Option<&[f32]>,
) -> Result<(), Error> {
    if let Some(weights) = sample_weights {
        same_length("sample weights", weights.len(), samples)?;
    }
    match (shape.loss(), targets) {
        (Loss::CrossEntropy, Targets::Classes(classes)) => {
            same_length("targets", classes.len(), samples)?;
            let bound = u32::try_from(shape.outputs()).unwrap_or(u32::MAX);
            let stray = classes.iter().find(|class| **class >= bound);
            stray.map_or(Ok(()), |class| Err(Error::Class { class: *class, classes: bound }))
        }
        (Loss::MeanSquaredError, Targets::Values(values)) => {
            same_length("targets", values.len(), samples.saturating_mul(shape.outputs()))
        }
        _ => Err(Error::TargetKind),
    }
}

fn weight(sample_weights: Option<&[f32]>, row: usize) -> f64 {
    sample_weights.and_then(|weights| weights.get(row)).map_or(1.0, |weight| f64::from(*weight))
}

/// Largest logit, and the sum of exp(logit - largest), which neither overflows nor vanishes.
struct Softmax {
    largest: f32,
    sum: f64,
}

impl Softmax {
    fn new(logits: &[f32]) -> Self {
        let largest = largest(logits);
        Self { largest, sum: logits.iter().map(|logit| f64::from(libm::expf(logit - largest))).sum() }
    }

    fn loss(&self, logits: &[f32], class: u32) -> f64 {
        let logit = logits.get(class as usize).copied().unwrap_or(f32::NAN);
        libm::log(self.sum) - f64::from(logit - self.largest)
    }
}

fn largest(logits: &[f32]) -> f32 {
    logits.iter().fold(f32::NEG_INFINITY, |most, logit| if *logit > most { *logit } else { most })
}

/// d/dz = weight x (softmax(z) - onehot(class)).
fn cross_entropy(logits: &mut [f32], class: u32, weight: f64) -> f64 {
    let largest = largest(logits);
    let target = logits.get(class as usize).copied().unwrap_or(f32::NAN);
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        *logit = libm::expf(*logit - largest);
        sum += f64::from(*logit);
    }
    let scale = (weight / sum) as f32;
    logits.iter_mut().for_each(|logit| *logit *= scale);
    if let Some(logit) = logits.get_mut(class as usize) {
        *logit -= weight as f32;
    }
    weight * (libm::log(sum) - f64::from(target - largest))
}

/// d/dy = weight x (y - t) / outputs.
fn half_squares(outputs: &mut [f32], values: &[f32], weight: f64) -> f64 {
    let loss = squared_error(outputs, values);
    let scale = (weight / outputs.len() as f64) as f32;
    outputs.iter_mut().zip(values).for_each(|(output, value)| *output = scale * (*output - value));
    weight * loss
}

fn squared_error(outputs: &[f32], values: &[f32]) -> f64 {
    let square = |(output, value): (&f32, &f32)| {
        let error = f64::from(output - value);
        error * error
    };
    outputs.iter().zip(values).map(square).sum::<f64>() * 0.5 / outputs.len() as f64
}
