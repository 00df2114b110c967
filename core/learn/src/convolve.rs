//! A convolution, sample by sample: the fully connected layer's products at each position of the kernel.
//!
//! What a sample adds to a sum is one chain of its own, so that bits do not depend on which samples are computed together.

use crate::activate::slope;
use crate::product::{Dimensions, Layout, add_transposed_times, affine, times_transposed};
use crate::shape::Layer;
use heijunka_units::{Activation, Pooling};

/// The products' dimensions for one sample.
fn dimensions(layer: &Layer) -> Dimensions {
    Dimensions { samples: layer.positions, inputs: layer.inputs, outputs: layer.outputs, step: layer.step() }
}

/// The units before the activation: out `[samples][positions][filters]` of x `[samples][rows][channels]`.
pub(crate) fn convolve(layer: &Layer, x: &[f32], parameters: &[f32], out: &mut [f32], panels: &mut [f32]) {
    let size = dimensions(layer);
    let (weights, biases) = (&parameters[layer.weights.clone()], &parameters[layer.biases.clone()]);
    for (x, out) in x.chunks_exact(layer.source).zip(out.chunks_exact_mut(layer.units())) {
        affine(size, x, weights, biases, out, panels);
    }
}

/// Adds the derivatives of the weights.
pub(crate) fn add_weights(layer: &Layer, x: &[f32], d: &[f32], gradient: &mut [f32], panels: &mut [f32]) {
    let size = dimensions(layer);
    let weights = &mut gradient[layer.weights.clone()];
    for (x, d) in x.chunks_exact(layer.source).zip(d.chunks_exact(layer.units())) {
        add_transposed_times(size, x, d, weights, panels);
    }
}

/// Writes the derivatives of what the convolution sees, `[samples][rows][channels]`. `columns` has room for those of
/// every position of a sample.
pub(crate) fn spread(
    layer: &Layer,
    d: &[f32],
    weights: &[f32],
    columns: &mut [f32],
    out: &mut [f32],
    panels: &mut [f32],
) {
    let (size, step) = (dimensions(layer), layer.step());
    let (columns, _) = columns.split_at_mut(layer.positions * layer.inputs);
    out.fill(0.0);
    for (d, out) in d.chunks_exact(layer.units()).zip(out.chunks_exact_mut(layer.source)) {
        match times_transposed(size, d, weights, columns, panels) {
            Layout::BySample => {
                for (position, column) in columns.chunks_exact(layer.inputs).enumerate() {
                    out[position * step..].iter_mut().zip(column).for_each(|(out, d)| *out += d);
                }
            }
            Layout::ByInput => {
                for (input, row) in columns.chunks_exact(layer.positions).enumerate() {
                    out[input..].iter_mut().step_by(step).zip(row).for_each(|(out, d)| *out += d);
                }
            }
        }
    }
}

/// Writes each filter's mean or largest unit over the positions, `[samples][filters]`.
pub(crate) fn pool(layer: &Layer, units: &[f32], out: &mut [f32]) {
    let share = 1.0 / layer.positions as f32;
    for (units, out) in units.chunks_exact(layer.units()).zip(out.chunks_exact_mut(layer.outputs)) {
        let (first, others) = units.split_at(layer.outputs);
        out.copy_from_slice(first);
        for row in others.chunks_exact(layer.outputs) {
            match layer.pooling {
                // Unlike max, the comparison lets NaN through.
                Pooling::Max => {
                    out.iter_mut().zip(row).for_each(|(out, z)| *out = if *z > *out || z.is_nan() { *z } else { *out });
                }
                Pooling::Mean | Pooling::None => out.iter_mut().zip(row).for_each(|(out, z)| *out += z),
            }
        }
        if layer.pooling == Pooling::Mean {
            out.iter_mut().for_each(|out| *out *= share);
        }
    }
}

/// Replaces the units that [`pool`] took by the derivatives before their activation: `pooled` is what it gave, `d` the
/// derivative of that by sample and filter.
pub(crate) fn unpool(
    layer: &Layer,
    activation: Activation,
    units: &mut [f32],
    pooled: &[f32],
    d: impl Fn(usize, usize) -> f32,
) {
    let share = 1.0 / layer.positions as f32;
    let samples = units.chunks_exact_mut(layer.units()).zip(pooled.chunks_exact(layer.outputs));
    for (sample, (units, pooled)) in samples.enumerate() {
        for (filter, most) in pooled.iter().enumerate() {
            let d = d(sample, filter);
            let units = units.iter_mut().skip(filter).step_by(layer.outputs);
            if layer.pooling == Pooling::Max {
                let mut before = true;
                units.for_each(|unit| {
                    let here = before && *unit >= *most;
                    before &= !here;
                    *unit = if here { slope(activation, *unit) * d } else { 0.0 };
                });
            } else {
                units.for_each(|unit| *unit = slope(activation, *unit) * share * d);
            }
        }
    }
}
