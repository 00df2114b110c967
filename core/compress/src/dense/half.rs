//! IEEE binary16 and back in integer arithmetic, so that the bits do not depend on the processor. Nothing here can
//! overflow; additions that wrap keep checks for it out of loops that are to be vectorized.

/// Bits that a binary32 has more of in its fraction.
const FRACTION: u32 = 13;
/// What the exponents' biases differ by (127 - 15), where binary32 has its exponent.
const BIAS: u32 = 112 << 23;
/// Binary32 bits of 2^-14, the smallest normal binary16.
const NORMAL: u32 = 0x3880_0000;
/// Binary32 bits of 65520, from which on rounding would give infinity.
const OVERFLOW: u32 = 0x477F_F000;
/// 65504, the largest finite binary16.
const LARGEST: u32 = 0x7BFF;
/// 2^-24, the smallest binary16 above 0.
const STEP: f32 = 1.0 / (1 << 24) as f32;

/// The nearest binary16, of two the even one; beyond the largest finite one that one.
pub(crate) fn from_f32(number: f32) -> u16 {
    let bits = number.to_bits();
    let magnitude = bits & 0x7FFF_FFFF;
    let half = if magnitude >= OVERFLOW {
        LARGEST
    } else if magnitude >= NORMAL {
        round(magnitude - BIAS, FRACTION)
    } else {
        subnormal(magnitude)
    };
    (bits >> 16 & 0x8000 | half) as u16
}

/// Below 2^-14 the unit is 2^-24: the fraction with its hidden bit, shifted by what the exponent lacks.
fn subnormal(magnitude: u32) -> u32 {
    let shift = 126_u32.saturating_sub(magnitude >> 23);
    // From 25 on less than half a unit is left.
    if shift > 24 { 0 } else { round(magnitude & 0x7F_FFFF | 0x80_0000, shift) }
}

/// `value` / 2^`shift` to the nearest integer, of two the even one.
fn round(value: u32, shift: u32) -> u32 {
    let below_half = (1_u32 << shift >> 1).wrapping_sub(1);
    value.wrapping_add(below_half).wrapping_add(value >> shift & 1) >> shift
}

/// Every finite binary16 is a binary32.
pub(crate) fn to_f32(half: u16) -> f32 {
    let (sign, magnitude) = (u32::from(half & 0x8000) << 16, u32::from(half & 0x7FFF));
    let subnormal = (magnitude as i32 as f32 * STEP).to_bits();
    let normal = (magnitude << FRACTION).wrapping_add(BIAS);
    f32::from_bits(sign | if magnitude < 0x400 { subnormal } else { normal })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_half_survives_the_way_there_and_back() {
        for half in (0..=u16::MAX).filter(|half| half & 0x7C00 != 0x7C00) {
            assert_eq!(from_f32(to_f32(half)), half);
        }
    }

    #[test]
    fn between_two_halves_the_nearest_is_taken_and_of_two_the_even_one() {
        for low in 0..0x7BFF_u16 {
            let (below, above) = (to_f32(low), to_f32(low + 1));
            let middle = below + (above - below) / 2.0;
            assert_eq!(from_f32(middle), low + (low & 1), "{low:#x}");
            assert_eq!(from_f32(f32::from_bits(middle.to_bits() - 1)), low);
            assert_eq!(from_f32(-f32::from_bits(middle.to_bits() + 1)), (low + 1) | 0x8000);
        }
    }

    #[test]
    fn what_is_too_large_or_too_small_saturates_or_vanishes() {
        assert_eq!(to_f32(from_f32(65504.0)), 65504.0);
        assert_eq!(to_f32(from_f32(-f32::MAX)), -65504.0);
        assert_eq!(from_f32(65519.996), 0x7BFF);
        assert_eq!(from_f32(65520.0), 0x7BFF);
        assert_eq!(from_f32(f32::from_bits(1)), 0);
        assert_eq!(from_f32(-STEP / 2.0), 0x8000);
        assert_eq!(to_f32(1), STEP);
    }
}
