//! Kept numbers as signed bytes times a scale: a block of `int8`, rounded to the nearest.

use super::values::Values;
use crate::Rounding;
use crate::dense::Int8;
use crate::error::DecodeError;
use crate::format::{Dense, Format};

pub(crate) struct Steps;

impl Values for Steps {
    fn bytes(count: usize) -> usize {
        Int8::bytes(count)
    }

    fn encode(numbers: &[f32], out: &mut [u8]) {
        Int8::encode(numbers, Rounding::Nearest, out);
    }

    fn check(bytes: &[u8], count: usize) -> Result<(), DecodeError> {
        Int8::check(bytes, count)
    }

    fn decode(bytes: &[u8], numbers: &mut [f32]) {
        Int8::each(bytes, numbers, |number, value| *number = value);
    }
}
