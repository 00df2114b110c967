//! Fast looks at all numbers: for infinities and NaN, zeros, the largest.

/// Numbers looked at between two decisions to continue: without branches between them the loop is vectorized.
const STRIDE: usize = 1024;
/// The bits of infinity, the least that are not finite.
const INFINITY: u32 = 0x7F80_0000;

/// The magnitude's bits, which as integers are ordered as the magnitudes are.
pub(crate) fn magnitude_bits(number: f32) -> u32 {
    number.to_bits() & 0x7FFF_FFFF
}

/// Where the first number stands that is infinite or NaN.
pub(crate) fn first_not_finite(numbers: &[f32]) -> Option<usize> {
    let strange = |number: f32| magnitude_bits(number) >= INFINITY;
    let found = |chunk: &[f32]| chunk.iter().fold(0, |found, number| found | u32::from(strange(*number))) != 0;
    let chunk = numbers.chunks(STRIDE).position(found)?;
    let start = chunk * STRIDE;
    numbers.iter().skip(start).position(|number| strange(*number)).map(|at| start + at)
}

/// The largest magnitude.
pub(crate) fn max_magnitude(numbers: &[f32]) -> f32 {
    // Signed comparison is the one that every processor has for vectors; magnitudes have no sign bit.
    let most = numbers.iter().fold(0_i32, |most, number| most.max(magnitude_bits(*number) as i32));
    f32::from_bits(most as u32)
}

/// How many numbers are not 0.
pub(crate) fn count_not_zero(numbers: &[f32]) -> usize {
    // Sums that wrap keep the check for overflow out of the loop; no stride has so many numbers.
    let count = |chunk: &[f32]| chunk.iter().fold(0_u32, |sum, number| sum.wrapping_add(u32::from(*number != 0.0)));
    numbers.chunks(STRIDE).map(|chunk| count(chunk) as usize).sum()
}
