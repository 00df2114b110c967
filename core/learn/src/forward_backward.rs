//! Outputs and gradients of a block of samples.

use crate::error::{Error, front_mut, same_length};
use crate::loss::{Targets, check_targets, differentiate};
use crate::product::{Dimensions, Layout, add_rows, add_transposed_times, affine, panels_len, times_transposed};
use crate::shape::{Activation, ModelShape};

/// Samples that are computed at once where nothing else says how many: few enough for small memories.
pub const BLOCK: usize = 64;

/// Samples in multiples of which batches may be cut without changing the bits of [`add_gradient`]'s sums.
pub const BATCH_UNIT: usize = 8;

/// Length of the scratch that [`gradient_sum`] and [`predict`] need for `samples` samples: the units of all layers and
/// once more the widest hidden layer, for each sample, and with the feature `std` up to 128 KiB for packed factors.
/// `usize::MAX`, which no slice has, if that overflows.
pub fn scratch_len(shape: &ModelShape, samples: usize) -> usize {
    units_len(shape, samples).saturating_add(panels_len(samples, shape.widest()))
}

fn units_len(shape: &ModelShape, samples: usize) -> usize {
    (shape.units() + shape.widest_hidden()).saturating_mul(samples)
}

/// Samples to learn from.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// `[samples][inputs]` row by row; its length gives the number of samples, which may be 0.
    pub x: &'a [f32],
    /// What the model should give for them.
    pub targets: Targets<'a>,
    /// One finite number, at least 0, for each sample; without them each sample counts 1.
    pub weights: Option<&'a [f32]>,
}

/// Adds the weighted sum of the gradients of a batch's samples to `gradient`, and that of their losses to `loss`.
///
/// * `scratch`: at least [`scratch_len`] elements, which are overwritten.
/// * `gradient`: as long as the parameters and in their layout. It is added to, not overwritten: divide by the sum of
///   the weights at the end for the gradient of the mean loss.
///
/// The samples are added one after another. Sums over several batches have the same bits wherever samples are cut into
/// batches of a multiple of [`BATCH_UNIT`], the last of at least as many.
///
/// Numbers that are not finite in `x` or the parameters make the result not finite, which the caller must look for.
/// On error nothing has been changed.
pub fn add_gradient(
    shape: &ModelShape,
    parameters: &[f32],
    batch: Batch<'_>,
    scratch: &mut [f32],
    gradient: &mut [f32],
    loss: &mut f64,
) -> Result<(), Error> {
    let Batch { x, targets, weights } = batch;
    let samples = check_block(shape, parameters, x)?;
    check_targets(shape, samples, targets, weights)?;
    same_length("gradient", gradient.len(), parameters.len())?;
    let scratch = front_mut("scratch", scratch, scratch_len(shape, samples))?;
    let (units, panels) = scratch.split_at_mut(units_len(shape, samples));
    let (units, spare) = units.split_at_mut(samples * shape.units());
    forward(shape, parameters, x, samples, units, panels);
    let outputs = samples * shape.outputs();
    *loss = differentiate(shape, back_mut(units, outputs).1, targets, weights, *loss);
    backward(shape, parameters, x, samples, Memory { units, spare, panels }, gradient);
    Ok(())
}

/// [`add_gradient`] for a batch by itself: returns the weighted sum of its losses.
pub fn gradient_sum(
    shape: &ModelShape,
    parameters: &[f32],
    x: &[f32],
    targets: Targets<'_>,
    sample_weights: Option<&[f32]>,
    scratch: &mut [f32],
    gradient: &mut [f32],
) -> Result<f64, Error> {
    let mut loss = 0.0;
    let batch = Batch { x, targets, weights: sample_weights };
    add_gradient(shape, parameters, batch, scratch, gradient, &mut loss)?;
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
    let (units, panels) = scratch.split_at_mut(units_len(shape, samples));
    let units = front_mut("scratch", units, samples * shape.units())?;
    forward(shape, parameters, x, samples, units, panels);
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
fn forward(shape: &ModelShape, parameters: &[f32], x: &[f32], samples: usize, units: &mut [f32], panels: &mut [f32]) {
    let (mut input, mut rest) = (x, units);
    for layer in shape.layers() {
        let size = Dimensions { samples, inputs: layer.inputs, outputs: layer.outputs };
        let (out, after) = rest.split_at_mut(samples * layer.outputs);
        affine(size, input, &parameters[layer.weights], &parameters[layer.biases], out, panels);
        if !layer.last {
            activate(shape.activation(), out);
        }
        (input, rest) = (out, after);
    }
}

/// Parts of the scratch.
struct Memory<'a> {
    /// Activations of all layers.
    units: &'a mut [f32],
    /// Derivatives of one layer.
    spare: &'a mut [f32],
    /// For packed factors.
    panels: &'a mut [f32],
}

/// Takes `units` with the derivatives of the last layer in place of its outputs, and replaces the activations of the
/// other layers by their derivatives on the way back (Rumelhart, Hinton and Williams, 1986).
fn backward(
    shape: &ModelShape,
    parameters: &[f32],
    x: &[f32],
    samples: usize,
    memory: Memory<'_>,
    gradient: &mut [f32],
) {
    let Memory { units, spare, panels } = memory;
    let (mut before, mut d) = back_mut(units, samples * shape.outputs());
    for layer in shape.layers().rev() {
        let size = Dimensions { samples, inputs: layer.inputs, outputs: layer.outputs };
        add_rows(d, &mut gradient[layer.biases]);
        if before.is_empty() {
            add_transposed_times(size, x, d, &mut gradient[layer.weights], panels);
            return;
        }
        let (further, input) = back_mut(before, samples * layer.inputs);
        add_transposed_times(size, input, d, &mut gradient[layer.weights.clone()], panels);
        let (back, _) = spare.split_at_mut(samples * layer.inputs);
        match times_transposed(size, d, &parameters[layer.weights], back, panels) {
            Layout::BySample => deactivate(shape.activation(), input.iter_mut().zip(&*back)),
            Layout::ByInput => deactivate_by_input(shape.activation(), size, input, back),
        }
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

/// Replaces activations by derivatives before the activation, given pairs of them and those behind it.
fn deactivate<'a>(activation: Activation, pairs: impl Iterator<Item = (&'a mut f32, &'a f32)>) {
    match activation {
        Activation::Relu => pairs.for_each(|(unit, d)| *unit = if *unit > 0.0 { *d } else { 0.0 }),
        Activation::Tanh => pairs.for_each(|(unit, d)| *unit = (1.0 - *unit * *unit) * d),
    }
}

/// The same with those behind it as `[inputs][samples]`, a few inputs of all samples at a time.
fn deactivate_by_input(activation: Activation, size: Dimensions, units: &mut [f32], behind: &[f32]) {
    const INPUTS: usize = 16;
    for (few, behind) in behind.chunks(INPUTS * size.samples).enumerate() {
        for (sample, units) in units.chunks_exact_mut(size.inputs).enumerate() {
            let units = units.iter_mut().skip(few * INPUTS);
            deactivate(activation, units.zip(behind.iter().skip(sample).step_by(size.samples)));
        }
    }
}

/// Splits off the last `count` elements.
fn back_mut(slice: &mut [f32], count: usize) -> (&mut [f32], &mut [f32]) {
    slice.split_at_mut(slice.len().saturating_sub(count))
}
