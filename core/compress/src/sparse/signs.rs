//! Kept numbers as their signs times their mean magnitude (Sattler and others, "Sparse binary compression" and "Robust and
//! communication-efficient federated learning", 2019: sparse ternary compression).

use super::values::Values;
use crate::error::DecodeError;

pub(crate) struct Signs;

const SCALE: usize = 4;

impl Values for Signs {
    fn bytes(count: usize) -> usize {
        SCALE + count.div_ceil(8)
    }

    fn encode(numbers: &[f32], out: &mut [u8]) {
        let Some((scale, signs)) = out.split_first_chunk_mut() else { return };
        let sum: f64 = numbers.iter().map(|number| f64::from(number.abs())).sum();
        *scale = ((sum / numbers.len().max(1) as f64) as f32).to_le_bytes();
        for (numbers, out) in numbers.chunks(8).zip(signs) {
            let signs = numbers.iter().zip(0..).map(|(number, bit)| u8::from(number.is_sign_negative()) << bit);
            *out = signs.fold(0, |byte, bit| byte | bit);
        }
    }

    fn check(bytes: &[u8], count: usize) -> Result<(), DecodeError> {
        let (scale, signs) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        if u32::from_le_bytes(*scale) > f32::MAX.to_bits() {
            return Err(DecodeError::Value);
        }
        let padded = !count.is_multiple_of(8) && signs.last().is_some_and(|last| last >> (count % 8) != 0);
        if padded { Err(DecodeError::Surplus) } else { Ok(()) }
    }

    fn decode(bytes: &[u8], numbers: &mut [f32]) {
        let Some((scale, signs)) = bytes.split_first_chunk() else { return };
        let scale = u32::from_le_bytes(*scale);
        for (numbers, signs) in numbers.chunks_mut(8).zip(signs) {
            let signed = |bit: u32| f32::from_bits(scale | u32::from(signs >> bit & 1) << 31);
            numbers.iter_mut().zip(0..).for_each(|(number, bit)| *number = signed(bit));
        }
    }
}
