//! The weighted mean of gradients.

use heijunka_learn::{Error, weighted_mean};
use proptest::prelude::*;

#[test]
fn weights_are_shares() {
    let mut out = [f32::NAN; 2];
    weighted_mean(&[(1.0, &[1.0, 4.0]), (3.0, &[5.0, 0.0])], &mut out).unwrap();
    assert_eq!(out, [4.0, 1.0]);
    weighted_mean(&[(0.0, &[1.0, 4.0]), (1e-300, &[5.0, -3e38])], &mut out).unwrap();
    assert_eq!(out, [5.0, -3e38]);
}

#[test]
fn refusals() {
    let mut out = [0.0; 2];
    let mut mean = |parts: &[(f64, &[f32])]| weighted_mean(parts, &mut out).unwrap_err();
    assert_eq!(mean(&[]), Error::OutOfRange("sum of weights"));
    assert_eq!(mean(&[(0.0, &[1.0, 1.0])]), Error::OutOfRange("sum of weights"));
    assert_eq!(mean(&[(f64::MAX, &[1.0; 2]), (f64::MAX, &[1.0; 2])]), Error::OutOfRange("sum of weights"));
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(mean(&[(2.0, &[1.0, 1.0]), (weight, &[1.0, 1.0])]), Error::OutOfRange("weight"));
    }
    assert_eq!(mean(&[(1.0, &[1.0])]), Error::Length { what: "gradient", found: 1, expected: 2 });
}

#[test]
fn the_part_that_is_not_finite_is_named() {
    let good = vec![1.0; 5000];
    for (place, value) in [(0, f32::NAN), (1024, f32::INFINITY), (4999, f32::NEG_INFINITY)] {
        let mut bad = good.clone();
        bad[place] = value;
        for weight in [0.0, 2.0] {
            let result = weighted_mean(&[(1.0, &good), (weight, &bad), (1.0, &bad)], &mut vec![0.0; 5000]);
            assert_eq!(result, Err(Error::NotFinite { what: "gradient", index: 1 }));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Bits are those of the plainest sum in the same order, whatever the length.
    #[test]
    fn bits_depend_on_the_order_alone(
        len in prop_oneof![0_usize..70, 1020_usize..1030, Just(3000_usize)],
        weights in prop::collection::vec(0.1_f64..1e4, 1..12),
        seed: u64,
    ) {
        let mut random = heijunka_units::SplitMix64::new(seed);
        let parts: Vec<Vec<f32>> =
            weights.iter().map(|_| (0..len).map(|_| random.normal() as f32 * 1e3).collect()).collect();
        let borrowed: Vec<(f64, &[f32])> = weights.iter().copied().zip(parts.iter().map(Vec::as_slice)).collect();
        let mut out = vec![0.0; len];
        weighted_mean(&borrowed, &mut out).unwrap();
        let total: f64 = weights.iter().fold(0.0, |sum, weight| sum + weight);
        for (index, found) in out.iter().enumerate() {
            let sum = borrowed.iter().fold(0.0, |sum, (weight, part)| sum + weight * f64::from(part[index]));
            prop_assert_eq!(found.to_bits(), ((sum / total) as f32).to_bits());
        }
    }
}
