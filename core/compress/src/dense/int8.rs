//! `int8`: blocks of 256 numbers, each a binary32 scale and one signed byte a number.

use super::quantize::{Dither, RUN, inverse, quantize_run, usable};
use crate::Rounding;
use crate::error::DecodeError;
use crate::finite::max_magnitude;
use crate::format::{Dense, Format, check_length};

pub(crate) struct Int8;

/// Numbers of a block, here and among a sparse codec's kept numbers.
const BLOCK: usize = 256;
const SCALE: usize = 4;
pub(crate) const LEVELS: i32 = 127;
/// 128 such steps are finite still: every byte is a number.
const SCALE_MAX: f32 = f32::MAX / 128.0;

/// The scale of numbers up to a magnitude.
pub(crate) fn scale(magnitude_max: f32) -> f32 {
    usable((magnitude_max / LEVELS as f32).min(SCALE_MAX))
}

/// Whether a scale is neither negative nor too large.
pub(crate) fn is_scale(bytes: [u8; SCALE]) -> bool {
    u32::from_le_bytes(bytes) <= SCALE_MAX.to_bits()
}

impl Format for Int8 {
    fn bytes_max(numbers: usize, _kept: usize) -> usize {
        Self::bytes(numbers)
    }

    fn check(bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
        check_length::<Self>(bytes, numbers)?;
        let fine = |block: &[u8]| block.first_chunk().is_some_and(|scale| is_scale(*scale));
        if bytes.chunks(SCALE + BLOCK).all(fine) { Ok(()) } else { Err(DecodeError::Value) }
    }

    fn each<T>(bytes: &[u8], targets: &mut [T], put: impl Fn(&mut T, f32)) {
        for (targets, block) in targets.chunks_mut(BLOCK).zip(bytes.chunks(SCALE + BLOCK)) {
            let Some((scale, steps)) = block.split_first_chunk() else { return };
            let scale = f32::from_le_bytes(*scale);
            let number = |steps: &u8| f32::from(*steps as i8) * scale;
            targets.iter_mut().zip(steps).for_each(|(target, steps)| put(target, number(steps)));
        }
    }
}

impl Dense for Int8 {
    fn bytes(numbers: usize) -> usize {
        numbers.saturating_add(numbers.div_ceil(BLOCK).saturating_mul(SCALE))
    }

    fn encode(numbers: &[f32], rounding: Rounding, out: &mut [u8]) {
        let mut dither = Dither::new(rounding);
        for (numbers, block) in numbers.chunks(BLOCK).zip(out.chunks_mut(SCALE + BLOCK)) {
            let Some((head, steps)) = block.split_first_chunk_mut() else { return };
            let scale = scale(max_magnitude(numbers));
            *head = scale.to_le_bytes();
            let inverse = inverse(scale);
            for (numbers, steps) in numbers.chunks(RUN).zip(steps.chunks_mut(RUN)) {
                quantize_run::<LEVELS>(numbers, inverse, &mut dither, steps);
            }
        }
    }
}
