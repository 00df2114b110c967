//! The functions that choose among the codecs.

use crate::dense::{Float16, Float32, Int4, Int8};
use crate::error::{DecodeError, EncodeError};
use crate::finite::{first_not_finite, magnitude_bits};
use crate::format::{Dense, Format};
use crate::sparse::{self, Signs, Sparse, Steps};
use core::cell::Cell;
use heijunka_units::Codec;

/// How `int8` and `int4` round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest step.
    Nearest,
    /// Up or down by chance, so that the mean over seeds is the number itself, to 2^-16 steps. Take another seed for
    /// every object.
    Stochastic {
        /// The same seed gives the same bits.
        seed: u64,
    },
}

/// Evaluates an expression with `$format` as the type of a codec.
macro_rules! with_format {
    ($codec:expr, $format:ident => $result:expr) => {
        match $codec {
            Codec::Float32 => with_format!(@ Float32, $format => $result),
            Codec::Float16 => with_format!(@ Float16, $format => $result),
            Codec::Int8 => with_format!(@ Int8, $format => $result),
            Codec::Int4 => with_format!(@ Int4, $format => $result),
            Codec::SparseInt8 => with_format!(@ Sparse<Steps>, $format => $result),
            Codec::SparseSign => with_format!(@ Sparse<Signs>, $format => $result),
        }
    };
    (@ $type:ty, $format:ident => $result:expr) => {{
        type $format = $type;
        $result
    }};
}

/// Most bytes that `numbers` numbers take, of which a sparse codec keeps at most `kept`. Exact for dense codecs.
pub fn bytes_max(codec: Codec, numbers: usize, kept: usize) -> usize {
    with_format!(codec, Chosen => Chosen::bytes_max(numbers, kept))
}

/// Writes numbers by a dense codec to the beginning of `out`; returns how many bytes. All numbers must be finite.
/// `float32` and `float16` do not look at `rounding`.
pub fn encode(codec: Codec, numbers: &[f32], rounding: Rounding, out: &mut [u8]) -> Result<usize, EncodeError> {
    match codec {
        Codec::Float32 => encode_by::<Float32>(numbers, rounding, out),
        Codec::Float16 => encode_by::<Float16>(numbers, rounding, out),
        Codec::Int8 => encode_by::<Int8>(numbers, rounding, out),
        Codec::Int4 => encode_by::<Int4>(numbers, rounding, out),
        Codec::SparseInt8 | Codec::SparseSign => Err(EncodeError::Codec(codec.as_str())),
    }
}

fn encode_by<D: Dense>(numbers: &[f32], rounding: Rounding, out: &mut [u8]) -> Result<usize, EncodeError> {
    let (found, needed) = (out.len(), D::bytes(numbers.len()));
    let out = out.get_mut(..needed).ok_or(EncodeError::Full { found, needed })?;
    if let Some(index) = first_not_finite(numbers) {
        return Err(EncodeError::NotFinite { index });
    }
    D::encode(numbers, rounding, out);
    Ok(needed)
}

/// Writes the `keep` numbers of largest magnitude, each divided by `divisor`, by a sparse codec to the beginning of
/// `out`; returns how many bytes. Of equal magnitudes the first are kept, and zeros never, so that fewer than `keep` may
/// be.
///
/// What the receiver will decode, times `divisor`, is subtracted from `numbers`, which then hold the residual (error
/// feedback: Seide and others, "1-bit stochastic gradient descent", 2014).
///
/// Magnitudes must be below 2^127, and finite when divided by `divisor`, which must be above 0 and finite; there are at
/// most 2^32 - 1 numbers.
pub fn encode_sparse(
    codec: Codec,
    numbers: &mut [f32],
    keep: usize,
    divisor: f32,
    out: &mut [u8],
) -> Result<usize, EncodeError> {
    match codec {
        Codec::SparseInt8 => sparse::encode::<Steps>(numbers, keep, divisor, out),
        Codec::SparseSign => sparse::encode::<Signs>(numbers, keep, divisor, out),
        _ => Err(EncodeError::Codec(codec.as_str())),
    }
}

/// Whether `bytes` are an object of `numbers` numbers: exact length, indices in order and in range, finite numbers.
pub fn check(codec: Codec, bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
    with_format!(codec, Chosen => Chosen::check(bytes, numbers))
}

/// Overwrites `out` with the written numbers, and with 0 where a sparse codec wrote none.
pub fn decode(codec: Codec, bytes: &[u8], out: &mut [f32]) -> Result<(), DecodeError> {
    check(codec, bytes, out.len())?;
    if codec.is_sparse() {
        out.fill(0.0);
    }
    with_format!(codec, Chosen => Chosen::each(bytes, out, |out, number| *out = number));
    Ok(())
}

/// Adds `factor` x number to `out`; with a factor of 1 exactly the number.
pub fn add(codec: Codec, bytes: &[u8], factor: f32, out: &mut [f32]) -> Result<(), DecodeError> {
    check(codec, bytes, out.len())?;
    with_format!(codec, Chosen => Chosen::each(bytes, out, |out, number| *out += factor * number));
    Ok(())
}

/// Adds `weight` x number to sums, in binary64.
pub fn accumulate(codec: Codec, bytes: &[u8], weight: f64, sums: &mut [f64]) -> Result<(), DecodeError> {
    check(codec, bytes, sums.len())?;
    accumulate_checked(codec, bytes, weight, sums);
    Ok(())
}

/// [`accumulate`] for bytes that [`check`] has let pass for as many numbers as there are sums: they are read once, not
/// twice, which is what dense vectors take their time for. Other bytes leave sums without a meaning, and do no other harm.
///
/// Returns the largest magnitude of the numbers.
pub fn accumulate_checked(codec: Codec, bytes: &[u8], weight: f64, sums: &mut [f64]) -> f32 {
    let most = Cell::new(0_u32);
    with_format!(codec, Chosen => Chosen::each(bytes, sums, |sum, number| {
        *sum += weight * f64::from(number);
        most.set(most.get().max(magnitude_bits(number)));
    }));
    f32::from_bits(most.get())
}
