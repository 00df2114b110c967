//! Fast checks for infinities and NaN.

/// Bits of the exponent; all set in infinities and NaN alone.
const EXPONENT: u32 = 0x7F80_0000;

/// Elements looked at between two decisions to continue: without branches between them the loop is vectorized.
const STRIDE: usize = 1024;

/// Whether every element is finite.
pub fn all_finite(values: &[f32]) -> bool {
    values.chunks(STRIDE).all(|chunk| chunk.iter().fold(0, |found, value| found | not_finite(*value)) == 0)
}

/// Where the first element that is not finite stands.
pub fn first_not_finite(values: &[f32]) -> Option<usize> {
    values.iter().position(|value| !value.is_finite())
}

/// 1 for infinities and NaN, 0 for all others.
pub(crate) fn not_finite(value: f32) -> u32 {
    u32::from(value.to_bits() & EXPONENT == EXPONENT)
}
