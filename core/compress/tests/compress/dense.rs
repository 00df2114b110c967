//! Dense codecs: how near numbers come out, without bias, and what is refused.

use crate::numbers::{Random, numbers};
use heijunka_compress::{EncodeError, Rounding, accumulate, accumulate_checked, add, bytes_max, decode, encode};
use heijunka_units::Codec;
use proptest::prelude::*;

const DENSE: [Codec; 4] = [Codec::Float32, Codec::Float16, Codec::Int8, Codec::Int4];

fn there_and_back(codec: Codec, numbers: &[f32], rounding: Rounding) -> Vec<f32> {
    let mut bytes = vec![0xAA; bytes_max(codec, numbers.len(), 0)];
    assert_eq!(encode(codec, numbers, rounding, &mut bytes), Ok(bytes.len()), "dense sizes are exact");
    let mut out = vec![f32::NAN; numbers.len()];
    decode(codec, &bytes, &mut out).unwrap();
    out
}

/// The most that a number may come out wrong, in a block of a largest magnitude.
fn error_max(codec: Codec, number: f32, magnitude_max: f32, steps: f64) -> f64 {
    // What saturates: beyond 65504, beyond 127/128 of the largest binary32; and scales below 2^-100 are 0.
    let cut = |levels: f64| f64::from(magnitude_max) / levels + levels * 2.0_f64.powi(-100);
    match codec {
        Codec::Float32 => 0.0,
        Codec::Float16 if number.abs() > 65504.0 => f64::from(number.abs()) - 65504.0,
        Codec::Float16 => (f64::from(number.abs()) * 2.0_f64.powi(-11)).max(2.0_f64.powi(-25)),
        Codec::Int8 => steps * 1.001 * cut(127.0),
        _ => steps * 1.01 * cut(7.0),
    }
}

proptest! {
    #[test]
    fn numbers_come_out_within_a_step(numbers in numbers(), seed in any::<u64>()) {
        for codec in DENSE {
            let block = if codec == Codec::Int4 { 64 } else { 256 };
            for (rounding, steps) in [(Rounding::Nearest, 0.5), (Rounding::Stochastic { seed }, 1.0)] {
                let out = there_and_back(codec, &numbers, rounding);
                for (numbers, out) in numbers.chunks(block).zip(out.chunks(block)) {
                    let most = numbers.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
                    for (number, out) in numbers.iter().zip(out) {
                        let error = (f64::from(*number) - f64::from(*out)).abs();
                        prop_assert!(error <= error_max(codec, *number, most, steps), "{codec:?} {number:e} {out:e}");
                    }
                }
            }
        }
    }

    #[test]
    fn float32_is_exact_and_adding_is_decoding_and_adding(numbers in numbers(), seed in any::<u64>()) {
        prop_assert_eq!(&there_and_back(Codec::Float32, &numbers, Rounding::Nearest), &numbers);
        for codec in DENSE {
            let mut bytes = vec![0; bytes_max(codec, numbers.len(), 0)];
            encode(codec, &numbers, Rounding::Stochastic { seed }, &mut bytes).unwrap();
            let decoded = there_and_back(codec, &numbers, Rounding::Stochastic { seed });
            let mut sums = vec![1.5_f64; numbers.len()];
            accumulate(codec, &bytes, 3.0, &mut sums).unwrap();
            prop_assert!(sums.iter().zip(&decoded).all(|(sum, number)| *sum == 1.5 + 3.0 * f64::from(*number)));
            let mut same = vec![1.5_f64; numbers.len()];
            let most = accumulate_checked(codec, &bytes, 3.0, &mut same);
            prop_assert_eq!(sums, same);
            prop_assert_eq!(most, decoded.iter().fold(0.0_f32, |most, number| most.max(number.abs())));
            let mut out = vec![0.5; numbers.len()];
            add(codec, &bytes, 1.0, &mut out).unwrap();
            prop_assert!(out.iter().zip(&decoded).all(|(out, number)| *out == 0.5 + number));
        }
    }
}

/// Over seeds the mean of what comes out is what went in: for each number within five standard errors, and for all of them
/// the errors are as large as independent rounding makes them, neither larger nor (as with rounding to the nearest) other.
#[test]
fn stochastic_rounding_has_no_bias() {
    const SEEDS: u64 = 4096;
    for (codec, levels, block) in [(Codec::Int8, 127.0, 256), (Codec::Int4, 7.0, 64)] {
        let numbers = Random::new(3).normals(2 * block + 3);
        let mut sums = vec![0.0_f64; numbers.len()];
        for seed in 0..SEEDS {
            let out = there_and_back(codec, &numbers, Rounding::Stochastic { seed });
            sums.iter_mut().zip(out).for_each(|(sum, out)| *sum += f64::from(out));
        }
        let (mut square, mut error_all, mut variance_all, mut counted) = (0.0, 0.0, 0.0, 0.0);
        for (numbers, sums) in numbers.chunks(block).zip(sums.chunks(block)) {
            let most = numbers.iter().fold(0.0_f32, |most, number| most.max(number.abs()));
            let exact = f64::from(most) / levels;
            let step = if codec == Codec::Int4 { upper_half_rounded_up(exact) } else { exact };
            for (number, sum) in numbers.iter().zip(sums) {
                let fraction = (f64::from(*number) / step).rem_euclid(1.0);
                let variance = fraction * (1.0 - fraction) / SEEDS as f64;
                let error = (sum / SEEDS as f64 - f64::from(*number)) / step;
                assert!(error.abs() <= 5.0 * variance.sqrt() + 2e-5, "{codec:?} {number}: {error} steps");
                if variance > 1e-6 {
                    square += error * error / variance;
                    error_all += error;
                    variance_all += variance;
                    counted += 1.0;
                }
            }
        }
        let spread = square / counted;
        assert!((spread - 1.0).abs() < 5.0 * (2.0_f64 / counted).sqrt(), "{codec:?}: {spread}");
        assert!(error_all.abs() < 4.0 * variance_all.sqrt(), "{codec:?}: rounding of neighbours goes together");
    }
}

fn upper_half_rounded_up(scale: f64) -> f64 {
    f64::from(f32::from_bits(((scale as f32).to_bits() + 0xFFFF) & 0xFFFF_0000))
}

#[test]
fn a_seed_gives_its_bits_and_another_seed_others() {
    let numbers = Random::new(1).normals(1000);
    for codec in [Codec::Int8, Codec::Int4] {
        let by = |seed| there_and_back(codec, &numbers, Rounding::Stochastic { seed });
        assert_eq!(by(1), by(1));
        assert_ne!(by(1), by(2));
    }
}

#[test]
fn what_does_not_fit_or_is_not_finite_is_refused_and_nothing_is_written() {
    for codec in DENSE {
        let mut numbers = vec![1.0; 3000];
        let needed = bytes_max(codec, numbers.len(), 0);
        let mut out = vec![0xAA; needed];
        let short = encode(codec, &numbers, Rounding::Nearest, &mut out[1..]);
        assert_eq!(short, Err(EncodeError::Full { found: needed - 1, needed }));
        for strange in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            numbers[2777] = strange;
            let refused = encode(codec, &numbers, Rounding::Nearest, &mut out);
            assert_eq!(refused, Err(EncodeError::NotFinite { index: 2777 }));
        }
        assert!(out.iter().all(|byte| *byte == 0xAA));
    }
    let sparse = encode(Codec::SparseSign, &[1.0], Rounding::Nearest, &mut [0; 64]);
    assert_eq!(sparse, Err(EncodeError::Codec("sparse-sign")));
}

/// The largest finite numbers come out as large as the codec can say.
#[test]
fn the_largest_numbers_stay_finite() {
    let numbers = [f32::MAX, -f32::MAX, 0.0, f32::MIN_POSITIVE];
    for codec in DENSE {
        let out = there_and_back(codec, &numbers, Rounding::Stochastic { seed: 1 });
        assert!(out.iter().all(|number| number.is_finite()), "{codec:?} {out:?}");
        assert_eq!(out[0], -out[1]);
        assert!(codec == Codec::Float16 || out[0] > 0.86 * f32::MAX, "{codec:?} {out:?}");
    }
}

#[test]
fn codecs_have_names_and_sizes() {
    for codec in Codec::ALL {
        assert_eq!(Codec::from_name(codec.as_str()), Some(codec));
        assert!(bytes_max(codec, 1000, 2000) >= bytes_max(codec, 1000, 10));
        assert!(bytes_max(codec, usize::MAX, usize::MAX) > usize::MAX / 16);
    }
    assert_eq!(Codec::from_name("float64"), None);
    assert_eq!(DENSE.map(|codec| bytes_max(codec, 257, 0)), [1028, 514, 257 + 8, 129 + 10]);
}
