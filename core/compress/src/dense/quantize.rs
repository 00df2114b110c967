//! Numbers to small integers times a scale, rounded to the nearest or stochastically.
//!
//! Stochastic rounding goes up with the probability of the fraction cut off, so that the mean over seeds is the number
//! itself (Alistarh and others, "QSGD", 2017, section 3.1). Fractions are taken to 15 bits, which fits the sum of 127
//! steps and fraction into what a binary32 holds exactly; the mean is off by at most 2^-16 steps.

use crate::Rounding;
use heijunka_units::{GOLDEN, mix};

/// Bits of a step's fraction.
const FRACTION: u32 = 15;
const STEP: f32 = (1 << FRACTION) as f32;
/// Half a step: added before the fraction is cut off it rounds to the nearest.
const HALF: i32 = 1 << (FRACTION - 1);
/// 1.5 x 2^23. A number of magnitude up to 2^22 added to it is rounded to an integer, which the low bits then are.
const INTEGER: f32 = 12_582_912.0;
/// Scales below 2^-100 are 0: their reciprocals would leave the range.
const SCALE_MIN: f32 = f32::from_bits(27 << 23);

/// The reciprocal of a scale, in fractions of a step; 0 for a scale of 0.
pub(crate) fn inverse(scale: f32) -> f32 {
    if scale < SCALE_MIN { 0.0 } else { STEP / scale }
}

/// A scale as it is, or 0 if it is too small to be used.
pub(crate) fn usable(scale: f32) -> f32 {
    if scale < SCALE_MIN { 0.0 } else { scale }
}

/// Numbers that are rounded together: first all chance, then arithmetic that can be vectorized.
pub(crate) const RUN: usize = 64;

/// Writes at most [`RUN`] numbers in steps, at most `LEVELS` of them, as two's complement.
pub(crate) fn quantize_run<const LEVELS: i32>(numbers: &[f32], inverse: f32, dither: &mut Dither, steps: &mut [u8]) {
    let mut added = [0; RUN];
    let (fours, _) = added.as_chunks_mut();
    fours.iter_mut().take(numbers.len().div_ceil(4)).for_each(|four| *four = dither.four());
    for ((number, added), steps) in numbers.iter().zip(added).zip(steps) {
        *steps = quantize::<LEVELS>(*number, inverse, added) as u8;
    }
}

/// `number` in steps, at most `LEVELS` of them, rounded by `dither` in 0 up to below 2^15.
fn quantize<const LEVELS: i32>(number: f32, inverse: f32, dither: i32) -> i8 {
    let fractions = ((number * inverse + INTEGER).to_bits() as i32).wrapping_sub(INTEGER.to_bits() as i32);
    (fractions.wrapping_add(dither) >> FRACTION).clamp(-LEVELS, LEVELS) as i8
}

/// What is added to fractions before they are cut off.
pub(crate) struct Dither(Option<u64>);

impl Dither {
    pub(crate) fn new(rounding: Rounding) -> Self {
        match rounding {
            Rounding::Nearest => Self(None),
            Rounding::Stochastic { seed } => Self(Some(mix(seed))),
        }
    }

    /// For the next four numbers.
    fn four(&mut self) -> [i32; 4] {
        let Some(state) = &mut self.0 else { return [HALF; 4] };
        *state = state.wrapping_add(GOLDEN);
        let bits = mix(*state);
        [0, 16, 32, 48].map(|shift| (bits >> shift) as i32 & (2 * HALF - 1))
    }
}
