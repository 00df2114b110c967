//! `float32`: IEEE binary32, little-endian, as it is.

use crate::Rounding;
use crate::error::DecodeError;
use crate::finite::magnitude_bits;
use crate::format::{Dense, Format, check_length};

pub(crate) struct Float32;

const BYTES: usize = 4;
/// Numbers checked between two decisions to continue.
const STRIDE: usize = 1024;

impl Format for Float32 {
    fn bytes_max(numbers: usize, _kept: usize) -> usize {
        Self::bytes(numbers)
    }

    fn check(bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
        check_length::<Self>(bytes, numbers)?;
        let strange = |bytes: &[u8; BYTES]| u32::from(magnitude_bits(f32::from_le_bytes(*bytes)) >= 0x7F80_0000);
        let (numbers, _) = bytes.as_chunks();
        let found =
            numbers.chunks(STRIDE).any(|chunk| chunk.iter().fold(0, |found, bytes| found | strange(bytes)) != 0);
        if found { Err(DecodeError::Value) } else { Ok(()) }
    }

    fn each<T>(bytes: &[u8], targets: &mut [T], put: impl Fn(&mut T, f32)) {
        let (numbers, _) = bytes.as_chunks();
        targets.iter_mut().zip(numbers).for_each(|(target, bytes)| put(target, f32::from_le_bytes(*bytes)));
    }
}

impl Dense for Float32 {
    fn bytes(numbers: usize) -> usize {
        numbers.saturating_mul(BYTES)
    }

    fn encode(numbers: &[f32], _rounding: Rounding, out: &mut [u8]) {
        let (out, _) = out.as_chunks_mut();
        out.iter_mut().zip(numbers).for_each(|(out, number)| *out = number.to_le_bytes());
    }
}
