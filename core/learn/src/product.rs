//! The three matrix products of a layer. All matrices are row-major slices: inputs x `[samples][inputs]`, weights w
//! `[inputs][outputs]`, derivatives d `[samples][outputs]`.
//!
//! The loops here serve small products, and all without the feature `std`. With it, nalgebra serves those that are large
//! enough to pay for packing. It is column-major, so it sees each matrix transposed, and each product as the product of
//! the transposed factors in reverse.

#[cfg(feature = "std")]
use nalgebra::{DMatrixView, DMatrixViewMut, Dyn, MatrixView};

/// Dimensions of a layer's products.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dimensions {
    /// Samples of the block.
    pub(crate) samples: usize,
    /// Units that feed the layer.
    pub(crate) inputs: usize,
    /// Units of the layer.
    pub(crate) outputs: usize,
}

/// Least dimension of products for nalgebra. It must be above 5: for smaller ones nalgebra 0.35 leaves its packing
/// kernels for loops that write out of bounds when a factor is strided (its issue 1616).
#[cfg(feature = "std")]
const PACKED_MIN: usize = 6;

#[cfg(feature = "std")]
impl Dimensions {
    fn large(self) -> bool {
        self.samples.min(self.inputs).min(self.outputs) >= PACKED_MIN
    }
}

/// out = x w + biases in every row.
pub(crate) fn affine(size: Dimensions, x: &[f32], weights: &[f32], biases: &[f32], out: &mut [f32]) {
    debug_assert_eq!(x.len(), size.samples * size.inputs);
    out.chunks_exact_mut(size.outputs).for_each(|row| row.copy_from_slice(biases));
    #[cfg(feature = "std")]
    if size.large() {
        let weights = DMatrixView::from_slice(weights, size.outputs, size.inputs);
        let x = DMatrixView::from_slice(x, size.inputs, size.samples);
        DMatrixViewMut::from_slice(out, size.outputs, size.samples).gemm(1.0, &weights, &x, 1.0);
        return;
    }
    for (x, out) in x.chunks_exact(size.inputs).zip(out.chunks_exact_mut(size.outputs)) {
        add_combination(out, x.iter(), weights);
    }
}

/// gradient += transposed(x) d.
pub(crate) fn add_transposed_times(size: Dimensions, x: &[f32], d: &[f32], gradient: &mut [f32]) {
    #[cfg(feature = "std")]
    if size.large() {
        let d = DMatrixView::from_slice(d, size.outputs, size.samples);
        let x = transposed(x, size.samples, size.inputs);
        DMatrixViewMut::from_slice(gradient, size.outputs, size.inputs).gemm(1.0, &d, &x, 1.0);
        return;
    }
    for (input, gradient) in gradient.chunks_exact_mut(size.outputs).enumerate() {
        add_combination(gradient, x.iter().skip(input).step_by(size.inputs), d);
    }
}

/// out = d transposed(w).
pub(crate) fn times_transposed(size: Dimensions, d: &[f32], weights: &[f32], out: &mut [f32]) {
    #[cfg(feature = "std")]
    if size.large() {
        let weights = transposed(weights, size.inputs, size.outputs);
        let d = DMatrixView::from_slice(d, size.outputs, size.samples);
        DMatrixViewMut::from_slice(out, size.inputs, size.samples).gemm(1.0, &weights, &d, 0.0);
        return;
    }
    for (d, out) in d.chunks_exact(size.outputs).zip(out.chunks_exact_mut(size.inputs)) {
        out.iter_mut().zip(weights.chunks_exact(size.outputs)).for_each(|(out, weights)| *out = dot(d, weights));
    }
}

/// sums += the rows of d.
pub(crate) fn add_rows(d: &[f32], sums: &mut [f32]) {
    d.chunks_exact(sums.len()).for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, d)| *sum += d));
}

/// A row-major matrix as nalgebra sees it untransposed.
#[cfg(feature = "std")]
fn transposed(slice: &[f32], rows: usize, columns: usize) -> MatrixView<'_, f32, Dyn, Dyn, Dyn, Dyn> {
    MatrixView::from_slice_with_strides_generic(slice, Dyn(rows), Dyn(columns), Dyn(columns), Dyn(1))
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
