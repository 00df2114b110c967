//! Outputs and gradients of a block of samples.

use crate::error::{Error, front_mut, same_length};
use crate::loss::{Targets, check_targets, differentiate};
use crate::product::{Dimensions, add_rows, add_transposed_times, affine, times_transposed};
use crate::shape::{Activation, ModelShape};

/// Samples that are computed at once. Cutting every share into blocks of this size from its start, and adding the
/// blocks in order, gives the same bits whatever the number of threads.
pub const BLOCK: usize = 64;

/// Length of the scratch that [`gradient_sum`] and [`predict`] need for `samples` samples: the units of all layers and
/// once more the widest hidden layer, for each sample. `usize::MAX`, which no slice has, if that overflows.
pub fn scratch_len(shape: &ModelShape, samples: usize) -> usize {
    (shape.units() + shape.widest_hidden()).saturating_mul(samples)
}

/// Adds the weighted sum of the gradients of a block's samples to `gradient` and returns the weighted sum of their
/// losses.
///
/// * `x`: `[samples][inputs]` row by row; its length gives the number of samples, which may be 0.
/// * `sample_weights`: one finite number, at least 0, for each sample; without them each sample counts 1.
/// * `scratch`: at least [`scratch_len`] elements, which are overwritten.
/// * `gradient`: as long as the parameters and in their layout. It is added to, not overwritten: divide by the sum of
///   the weights at the end for the gradient of the mean loss.
///
/// Numbers that are not finite in `x` or the parameters make the result not finite, which the caller must look for.
/// On error nothing has been changed.
pub fn gradient_sum(
    shape: &ModelShape,
    parameters: &[f32],
    x: &[f32],
    targets: Targets<'_>,
    sample_weights: Option<&[f32]>,
    scratch: &mut [f32],
    gradient: &mut [f32],
) -> Result<f64, Error> {
    let samples = check_block(shape, parameters, x)?;
    check_targets(shape, samples, targets, sample_weights)?;
    same_length("gradient", gradient.len(), parameters.len())?;
    let scratch = front_mut("scratch", scratch, scratch_len(shape, samples))?;
    let (units, spare) = scratch.split_at_mut(samples * shape.units());
    forward(shape, parameters, x, samples, units);
    let outputs = samples * shape.outputs();
    let loss = differentiate(shape, back_mut(units, outputs).1, targets, sample_weights);
    backward(shape, parameters, x, samples, units, spare, gradient);
    Ok(loss)
}

/// Writes the model's outputs for a block of samples: values, or logits whose largest names the class.
///
/// `x` is `[samples][inputs]`, `scratch` has at least [`scratch_len`] elements, `outputs` is `[samples][outputs]`.
pub fn predict(
    shape: &ModelShape,
    parameters: &[f32],
    x: &[f32],
    scratch: &mut [f32],
    outputs: &mut [f32],
) -> Result<(), Error> {
    let samples = check_block(shape, parameters, x)?;
    same_length("outputs", outputs.len(), samples.saturating_mul(shape.outputs()))?;
    let scratch = front_mut("scratch", scratch, scratch_len(shape, samples))?;
    let units = front_mut("scratch", scratch, samples * shape.units())?;
    forward(shape, parameters, x, samples, units);
    outputs.copy_from_slice(back_mut(units, outputs.len()).1);
    Ok(())
}

/// The number of samples, if parameters and inputs fit the shape.
fn check_block(shape: &ModelShape, parameters: &[f32], x: &[f32]) -> Result<usize, Error> {
    same_length("parameters", parameters.len(), shape.parameters())?;
    let samples = x.len() / shape.inputs();
    same_length("inputs", x.len(), samples * shape.inputs())?;
    Ok(samples)
}

/// Fills `units` with the activations of all layers, first to last, each `[samples][outputs of the layer]`.
fn forward(shape: &ModelShape, parameters: &[f32], x: &[f32], samples: usize, units: &mut [f32]) {
    let (mut input, mut rest) = (x, units);
    for layer in shape.layers() {
        let size = Dimensions { samples, inputs: layer.inputs, outputs: layer.outputs };
        let (out, after) = rest.split_at_mut(samples * layer.outputs);
        affine(size, input, &parameters[layer.weights], &parameters[layer.biases], out);
        if !layer.last {
            activate(shape.activation(), out);
        }
        (input, rest) = (out, after);
    }
}

/// Takes `units` with the derivatives of the last layer in place of its outputs, and replaces the activations of the
/// other layers by their derivatives on the way back (Rumelhart, Hinton and Williams, 1986).
fn backward(
    shape: &ModelShape,
    parameters: &[f32],
    x: &[f32],
    samples: usize,
    units: &mut [f32],
    spare: &mut [f32],
    gradient: &mut [f32],
) {
    let (mut before, mut d) = back_mut(units, samples * shape.outputs());
    for layer in shape.layers().rev() {
        let size = Dimensions { samples, inputs: layer.inputs, outputs: layer.outputs };
        add_rows(d, &mut gradient[layer.biases]);
        if before.is_empty() {
            add_transposed_times(size, x, d, &mut gradient[layer.weights]);
            return;
        }
        let (further, input) = back_mut(before, samples * layer.inputs);
        add_transposed_times(size, input, d, &mut gradient[layer.weights.clone()]);
        let (back, _) = spare.split_at_mut(samples * layer.inputs);
        times_transposed(size, d, &parameters[layer.weights], back);
        deactivate(shape.activation(), input, back);
        (before, d) = (further, input);
    }
}

fn activate(activation: Activation, units: &mut [f32]) {
    match activation {
        // Unlike max, the comparison lets NaN through.
        Activation::Relu => units.iter_mut().for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
        Activation::Tanh => units.iter_mut().for_each(|z| *z = libm::tanhf(*z)),
    }
}

/// Replaces activations by derivatives before the activation, given those behind it.
fn deactivate(activation: Activation, units: &mut [f32], behind: &[f32]) {
    let pairs = units.iter_mut().zip(behind);
    match activation {
        Activation::Relu => pairs.for_each(|(unit, d)| *unit = if *unit > 0.0 { *d } else { 0.0 }),
        Activation::Tanh => pairs.for_each(|(unit, d)| *unit = (1.0 - *unit * *unit) * d),
    }
}

/// Splits off the last `count` elements.
fn back_mut(slice: &mut [f32], count: usize) -> (&mut [f32], &mut [f32]) {
    slice.split_at_mut(slice.len().saturating_sub(count))
}
