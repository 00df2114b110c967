//! `float16`: IEEE binary16, little-endian, rounded to the nearest, saturating at 65504.

use super::half;
use crate::Rounding;
use crate::error::DecodeError;
use crate::format::{Dense, Format, check_length};

pub(crate) struct Float16;

const BYTES: usize = 2;
/// All set in infinities and NaN alone.
const EXPONENT: u16 = 0x7C00;

impl Format for Float16 {
    fn bytes_max(numbers: usize, _kept: usize) -> usize {
        Self::bytes(numbers)
    }

    fn check(bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
        check_length::<Self>(bytes, numbers)?;
        let strange = |bytes: &[u8; BYTES]| u16::from(u16::from_le_bytes(*bytes) & EXPONENT == EXPONENT);
        let (numbers, _) = bytes.as_chunks();
        let found = numbers.iter().fold(0, |found, bytes| found | strange(bytes)) != 0;
        if found { Err(DecodeError::Value) } else { Ok(()) }
    }

    fn each<T>(bytes: &[u8], targets: &mut [T], put: impl Fn(&mut T, f32)) {
        let (numbers, _) = bytes.as_chunks();
        let number = |bytes: &[u8; BYTES]| half::to_f32(u16::from_le_bytes(*bytes));
        targets.iter_mut().zip(numbers).for_each(|(target, bytes)| put(target, number(bytes)));
    }
}

impl Dense for Float16 {
    fn bytes(numbers: usize) -> usize {
        numbers.saturating_mul(BYTES)
    }

    fn encode(numbers: &[f32], _rounding: Rounding, out: &mut [u8]) {
        let (out, _) = out.as_chunks_mut();
        out.iter_mut().zip(numbers).for_each(|(out, number)| *out = half::from_f32(*number).to_le_bytes());
    }
}
