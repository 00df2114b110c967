//! `int4`: blocks of 64 numbers, each a bfloat16 scale and two numbers a byte.
//!
//! The scale is the upper half of a binary32, rounded up. A binary16 would end at 6e-8, where gradients late in
//! training are; and a scale rounded down would cut the largest numbers, which stochastic rounding must not.

use super::quantize::{Dither, RUN, inverse, quantize_run, usable};
use crate::Rounding;
use crate::error::DecodeError;
use crate::finite::max_magnitude;
use crate::format::{Dense, Format, check_length};

pub(crate) struct Int4;

const BLOCK: usize = RUN;
const SCALE: usize = 2;
const LEVELS: i32 = 7;
/// The largest bfloat16 of which 8 steps are finite still: every half byte is a number.
const SCALE_MAX: u16 = 0x7DFF;

fn scale(magnitude_max: f32) -> u16 {
    let bits = usable(magnitude_max / LEVELS as f32).to_bits();
    ((bits.saturating_add(0xFFFF) >> 16) as u16).min(SCALE_MAX)
}

fn widen(scale: u16) -> f32 {
    f32::from_bits(u32::from(scale) << 16)
}

/// The two numbers of a byte in steps: the low half comes first, both are two's complement.
fn halves(byte: u8) -> [i8; 2] {
    [(byte << 4) as i8 >> 4, byte as i8 >> 4]
}

impl Format for Int4 {
    fn bytes_max(numbers: usize, _kept: usize) -> usize {
        Self::bytes(numbers)
    }

    fn check(bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
        check_length::<Self>(bytes, numbers)?;
        let fine = |block: &[u8]| block.first_chunk().is_some_and(|scale| u16::from_le_bytes(*scale) <= SCALE_MAX);
        if !bytes.chunks(SCALE + BLOCK / 2).all(fine) {
            return Err(DecodeError::Value);
        }
        let padded = numbers % 2 == 1 && bytes.last().is_some_and(|last| last >> 4 != 0);
        if padded { Err(DecodeError::Surplus) } else { Ok(()) }
    }

    fn each<T>(bytes: &[u8], targets: &mut [T], put: impl Fn(&mut T, f32)) {
        for (targets, block) in targets.chunks_mut(BLOCK).zip(bytes.chunks(SCALE + BLOCK / 2)) {
            let Some((scale, steps)) = block.split_first_chunk() else { return };
            let scale = widen(u16::from_le_bytes(*scale));
            let (pairs, last) = targets.as_chunks_mut();
            for ([low, high], byte) in pairs.iter_mut().zip(steps) {
                let [first, second] = halves(*byte);
                put(low, f32::from(first) * scale);
                put(high, f32::from(second) * scale);
            }
            if let ([target], Some(byte)) = (last, steps.last()) {
                put(target, f32::from(halves(*byte)[0]) * scale);
            }
        }
    }
}

impl Dense for Int4 {
    fn bytes(numbers: usize) -> usize {
        numbers.div_ceil(2).saturating_add(numbers.div_ceil(BLOCK).saturating_mul(SCALE))
    }

    fn encode(numbers: &[f32], rounding: Rounding, out: &mut [u8]) {
        let mut dither = Dither::new(rounding);
        for (numbers, block) in numbers.chunks(BLOCK).zip(out.chunks_mut(SCALE + BLOCK / 2)) {
            let Some((head, bytes)) = block.split_first_chunk_mut() else { return };
            let scale = scale(max_magnitude(numbers));
            *head = scale.to_le_bytes();
            let mut steps = [0; BLOCK];
            quantize_run::<LEVELS>(numbers, inverse(widen(scale)), &mut dither, &mut steps);
            let (pairs, _) = steps.as_chunks();
            bytes.iter_mut().zip(pairs).for_each(|(byte, [low, high])| *byte = low & 0xF | high << 4);
        }
    }
}
