//! Outputs and gradients of a block of samples.

use crate::activate::{activate, deactivate, deactivate_by_input};
use crate::convolve::{add_weights, convolve, pool, spread, unpool};
use crate::error::{Error, front_mut, same_length};
use crate::loss::{Targets, check_targets, differentiate};
use crate::product::{Dimensions, Layout, add_rows, add_transposed_times, affine, panels_len, times_transposed};
use crate::shape::{Layer, ModelShape};
use heijunka_units::Pooling;

/// Samples that are computed at once where nothing else says how many: few enough for small memories.
pub const BLOCK: usize = 64;

/// Samples in multiples of which batches may be cut without changing the bits of [`add_gradient`]'s sums.
pub const BATCH_UNIT: usize = 8;

/// Length of the scratch that [`gradient_sum`] and [`predict`] need for `samples` samples: the units of all layers and
/// once more the widest hidden layer, for each sample, what the positions of a convolution behind another see of one
/// sample, and with the feature `std` up to 128 KiB for packed factors. `usize::MAX`, which no slice has, if that
/// overflows.
pub fn scratch_len(shape: &ModelShape, samples: usize) -> usize {
    let products = panels_len(samples, shape.widest()).saturating_add(shape.widest_columns());
    units_len(shape, samples).saturating_add(products)
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
    let (units, rest) = scratch.split_at_mut(units_len(shape, samples));
    let (columns, panels) = rest.split_at_mut(shape.widest_columns());
    let (units, spare) = units.split_at_mut(samples * shape.units());
    forward(shape, parameters, x, samples, units, panels);
    let outputs = samples * shape.outputs();
    *loss = differentiate(shape, back_mut(units, outputs).1, targets, weights, *loss);
    backward(shape, parameters, x, samples, Memory { units, spare, columns, panels }, gradient);
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

/// Fills `units` with the activations of all layers, first to last, each `[samples][positions][outputs of the layer]`, and
/// what is pooled of them behind them.
fn forward(shape: &ModelShape, parameters: &[f32], x: &[f32], samples: usize, units: &mut [f32], panels: &mut [f32]) {
    let (mut input, mut rest) = (x, units);
    for layer in shape.layers() {
        let (out, after) = rest.split_at_mut(samples * layer.units());
        if layer.kernel.is_some() {
            convolve(&layer, input, parameters, out, panels);
        } else {
            let size = dimensions(&layer, samples);
            affine(size, input, &parameters[layer.weights.clone()], &parameters[layer.biases.clone()], out, panels);
        }
        if !layer.last {
            activate(shape.activation(), out);
        }
        (input, rest) = (out, after);
        if layer.pooling != Pooling::None {
            let (pooled, after) = rest.split_at_mut(samples * layer.outputs);
            pool(&layer, input, pooled);
            (input, rest) = (pooled, after);
        }
    }
}

fn dimensions(layer: &Layer, samples: usize) -> Dimensions {
    Dimensions { samples, inputs: layer.inputs, outputs: layer.outputs, step: layer.step() }
}

/// Parts of the scratch.
struct Memory<'a> {
    /// Activations of all layers.
    units: &'a mut [f32],
    /// Derivatives of one layer.
    spare: &'a mut [f32],
    /// Derivatives of what a convolution's positions see.
    columns: &'a mut [f32],
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
    let Memory { units, spare, columns, panels } = memory;
    let (mut before, mut d) = back_mut(units, samples * shape.outputs());
    let mut layers = shape.layers().rev().peekable();
    while let Some(layer) = layers.next() {
        add_rows(d, &mut gradient[layer.biases.clone()]);
        let Some(feeding) = layers.peek() else {
            return add_gradient_of_weights(&layer, samples, x, d, gradient, panels);
        };
        let (further, input) = back_mut(before, samples * layer.source);
        add_gradient_of_weights(&layer, samples, input, d, gradient, panels);
        let (behind, _) = spare.split_at_mut(samples * layer.source);
        let weights = &parameters[layer.weights.clone()];
        let layout = if layer.kernel.is_some() {
            spread(&layer, d, weights, columns, behind, panels);
            Layout::BySample
        } else {
            times_transposed(dimensions(&layer, samples), d, weights, behind, panels)
        };
        (before, d) = through(shape, feeding, samples, (further, input), (behind, layout));
    }
}

fn add_gradient_of_weights(
    layer: &Layer,
    samples: usize,
    x: &[f32],
    d: &[f32],
    gradient: &mut [f32],
    panels: &mut [f32],
) {
    if layer.kernel.is_some() {
        add_weights(layer, x, d, gradient, panels);
    } else {
        add_transposed_times(dimensions(layer, samples), x, d, &mut gradient[layer.weights.clone()], panels);
    }
}

/// Turns derivatives of what `layer` passes on into those before its activation, in place of its units. `units` are split
/// before what it passes; returns them split before its units.
fn through<'a>(
    shape: &ModelShape,
    layer: &Layer,
    samples: usize,
    units: (&'a mut [f32], &'a mut [f32]),
    behind: (&[f32], Layout),
) -> (&'a mut [f32], &'a mut [f32]) {
    let ((further, passed), (behind, layout)) = (units, behind);
    let activation = shape.activation();
    if layer.pooling != Pooling::None {
        let (further, units) = back_mut(further, samples * layer.units());
        let at = |sample: usize, filter: usize| match layout {
            Layout::BySample => behind[sample * layer.outputs + filter],
            Layout::ByInput => behind[filter * samples + sample],
        };
        unpool(layer, activation, units, passed, at);
        return (further, units);
    }
    match layout {
        Layout::BySample => deactivate(activation, passed.iter_mut().zip(behind)),
        Layout::ByInput => deactivate_by_input(activation, samples, layer.passes(), passed, behind),
    }
    (further, passed)
}

/// Splits off the last `count` elements.
fn back_mut(slice: &mut [f32], count: usize) -> (&mut [f32], &mut [f32]) {
    slice.split_at_mut(slice.len().saturating_sub(count))
}
