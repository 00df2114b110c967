//! The three matrix products of a layer. All matrices are row-major slices: inputs x `[samples][inputs]`, weights w
//! `[inputs][outputs]`, derivatives d `[samples][outputs]`.
//!
//! In a convolution of one sample its positions take the samples' place. What they see lies one after another in memory
//! and overlaps: the rows of x then begin `step` apart instead of `inputs`.
//!
//! The loops here serve small products, and all without the feature `std`. With it, the kernel serves those that are large
//! enough to pay for packing.

#![cfg_attr(
    not(feature = "std"),
    expect(unused_variables, dead_code, reason = "plain loops need no memory and transpose nothing")
)]

#[cfg(feature = "std")]
use crate::kernel::{Factor, Product, add_product};

/// Length of the memory that the products of layers at most `widest` wide need.
#[cfg(feature = "std")]
pub(crate) fn panels_len(samples: usize, widest: usize) -> usize {
    crate::kernel::panels_len(samples.max(widest), widest)
}

/// The plain loops need no memory.
#[cfg(not(feature = "std"))]
pub(crate) fn panels_len(_samples: usize, _widest: usize) -> usize {
    0
}

/// Dimensions of a layer's products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dimensions {
    /// Samples of the block, or a convolution's positions.
    pub(crate) samples: usize,
    /// Units that feed the layer.
    pub(crate) inputs: usize,
    /// Units of the layer.
    pub(crate) outputs: usize,
    /// From the beginning of one row of inputs to that of the next; `inputs` if fully connected.
    pub(crate) step: usize,
}

/// Least number of samples for the kernel; at most [`BATCH_UNIT`](crate::BATCH_UNIT).
#[cfg(feature = "std")]
const SAMPLES_MIN: usize = 4;

/// Least number of inputs and outputs for the kernel.
#[cfg(feature = "std")]
const WIDTH_MIN: usize = 6;

#[cfg(feature = "std")]
impl Dimensions {
    /// Whether a product is worth packing.
    fn large(self) -> bool {
        self.samples >= SAMPLES_MIN && self.inputs.min(self.outputs) >= WIDTH_MIN
    }
}

/// out = x w + biases in every row.
pub(crate) fn affine(
    size: Dimensions,
    x: &[f32],
    weights: &[f32],
    biases: &[f32],
    out: &mut [f32],
    panels: &mut [f32],
) {
    debug_assert!(size.samples == 0 || x.len() >= (size.samples - 1) * size.step + size.inputs);
    out.chunks_exact_mut(size.outputs).for_each(|row| row.copy_from_slice(biases));
    #[cfg(feature = "std")]
    if size.large() {
        let (rows, columns, terms) = (size.samples, size.outputs, size.inputs);
        let (left, right) = (Factor::Rows(x, size.step), Factor::Rows(weights, columns));
        return add_product(Product { rows, columns, terms, left, right, out, panels });
    }
    for (sample, out) in out.chunks_exact_mut(size.outputs).enumerate() {
        add_combination(out, x[sample * size.step..].iter().take(size.inputs), weights);
    }
}

/// gradient += transposed(x) d.
pub(crate) fn add_transposed_times(size: Dimensions, x: &[f32], d: &[f32], gradient: &mut [f32], panels: &mut [f32]) {
    #[cfg(feature = "std")]
    if size.large() {
        let (rows, columns, terms) = (size.inputs, size.outputs, size.samples);
        let (left, right) = (Factor::Columns(x, size.step), Factor::Rows(d, columns));
        return add_product(Product { rows, columns, terms, left, right, out: gradient, panels });
    }
    for (input, gradient) in gradient.chunks_exact_mut(size.outputs).enumerate() {
        add_combination(gradient, x.iter().skip(input).step_by(size.step), d);
    }
}

/// How [`times_transposed`] has written its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// `[samples][inputs]`.
    BySample,
    /// `[inputs][samples]`.
    ByInput,
}

/// out = d transposed(w). The kernel has to transpose one of the factors: the derivatives, and with them the result, where
/// they are smaller than the weights.
pub(crate) fn times_transposed(
    size: Dimensions,
    d: &[f32],
    weights: &[f32],
    out: &mut [f32],
    panels: &mut [f32],
) -> Layout {
    #[cfg(feature = "std")]
    if size.large() {
        out.fill(0.0);
        let Dimensions { samples, inputs, outputs: terms, .. } = size;
        if samples * (inputs + terms) < inputs * terms {
            let (left, right) = (Factor::Rows(weights, terms), Factor::Columns(d, terms));
            add_product(Product { rows: inputs, columns: samples, terms, left, right, out, panels });
            return Layout::ByInput;
        }
        let (left, right) = (Factor::Rows(d, terms), Factor::Columns(weights, terms));
        add_product(Product { rows: samples, columns: inputs, terms, left, right, out, panels });
        return Layout::BySample;
    }
    for (d, out) in d.chunks_exact(size.outputs).zip(out.chunks_exact_mut(size.inputs)) {
        out.iter_mut().zip(weights.chunks_exact(size.outputs)).for_each(|(out, weights)| *out = dot(d, weights));
    }
    Layout::BySample
}

/// sums += the rows of d.
pub(crate) fn add_rows(d: &[f32], sums: &mut [f32]) {
    d.chunks_exact(sums.len()).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, d)| *sum += d));
}

/// sums += the rows, each times its scale. Four rows at a time spare most loads and stores of the sums.
fn add_combination<'a>(sums: &mut [f32], mut scales: impl Iterator<Item = &'a f32>, rows: &[f32]) {
    let mut fours = rows.chunks_exact(4 * sums.len());
    for four in &mut fours {
        let scale: [f32; 4] = core::array::from_fn(|_| scales.next().copied().unwrap_or_default());
        let (front, back) = four.split_at(2 * sums.len());
        let ((a, b), (c, d)) = (front.split_at(sums.len()), back.split_at(sums.len()));
        for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum += (scale[0] * a + scale[1] * b) + (scale[2] * c + scale[3] * d);
        }
    }
    for (row, scale) in fours.remainder().chunks_exact(sums.len()).zip(scales) {
        sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += scale * value);
    }
}

/// Eight partial sums, so that the additions do not wait for each other.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    let mut sums = [0.0_f32; 8];
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + rest
}
