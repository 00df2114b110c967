//! Sparse codecs: the largest are kept, nothing is lost, sizes keep their bound.

use crate::numbers::{Random, numbers, sparse_codec};
use heijunka_compress::{EncodeError, Memory, accumulate, add, bytes_max, decode, encode_sparse};
use heijunka_units::Codec;
use proptest::prelude::*;

struct Sent {
    bytes: Vec<u8>,
    residual: Vec<f32>,
    decoded: Vec<f32>,
    kept: Vec<bool>,
}

fn send(codec: Codec, numbers: &[f32], keep: usize, divisor: f32) -> Sent {
    let mut bytes = vec![0xAA; bytes_max(codec, numbers.len(), keep)];
    let (mut residual, mut touched) = (numbers.to_vec(), vec![0.0; numbers.len()]);
    let used = encode_sparse(codec, &mut residual, keep, divisor, &mut bytes).unwrap();
    bytes.truncate(used);
    let mut decoded = vec![f32::NAN; numbers.len()];
    decode(codec, &bytes, &mut decoded).unwrap();
    // Infinity times a number that was written is not finite, even if the number is 0.
    add(codec, &bytes, f32::INFINITY, &mut touched).unwrap();
    Sent { bytes, residual, decoded, kept: touched.iter().map(|number| !number.is_finite()).collect() }
}

/// How far rounding may carry a difference: half a unit in the last place of the product and of the difference.
fn rounding(number: f32, product: f64) -> f64 {
    2.0_f64.powi(-23) * (f64::from(number.abs()) + product.abs()) + 2.0_f64.powi(-148)
}

proptest! {
    #[test]
    fn the_largest_are_kept_and_zeros_never(numbers in numbers(), keep in 0_usize..800, codec in sparse_codec()) {
        let sent = send(codec, &numbers, keep, 1.0);
        let not_zero = numbers.iter().filter(|number| **number != 0.0).count();
        prop_assert_eq!(sent.kept.iter().filter(|kept| **kept).count(), not_zero.min(keep));
        let places = || numbers.iter().zip(&sent.kept);
        let least = places().filter(|(_, kept)| **kept).map(|(number, _)| number.abs()).fold(f32::INFINITY, f32::min);
        let left = places().filter(|(_, kept)| !**kept).map(|(number, _)| number.abs()).fold(0.0, f32::max);
        prop_assert!(least >= left && least > 0.0, "kept {} and left {}", least, left);
        // Of equal ones the first.
        let first_left = places().position(|(number, kept)| !*kept && number.abs() == least);
        let last_kept = places().rposition(|(number, kept)| *kept && number.abs() == least);
        prop_assert!(first_left.is_none() || last_kept < first_left);
    }

    #[test]
    fn nothing_is_lost_and_what_was_not_sent_is_untouched(
        numbers in numbers(), keep in 0_usize..800, codec in sparse_codec(), divisor in 1.0_f32..300.0,
    ) {
        let sent = send(codec, &numbers, keep, divisor);
        for (((number, residual), decoded), kept) in numbers.iter().zip(&sent.residual).zip(&sent.decoded).zip(&sent.kept) {
            prop_assert!(*kept || (number.to_bits() == residual.to_bits() && *decoded == 0.0));
            let product = f64::from(*decoded) * f64::from(divisor);
            let error = (product + f64::from(*residual) - f64::from(*number)).abs();
            prop_assert!(error <= rounding(*number, product), "{} = {} x {} + {}", number, decoded, divisor, residual);
        }
    }

    #[test]
    fn restore_undoes_what_was_sent(
        numbers in numbers(), keep in 0_usize..800, codec in sparse_codec(), divisor in 1.0_f32..300.0,
    ) {
        let mut sent = send(codec, &numbers, keep, divisor);
        Memory { residual: &mut sent.residual, momentum: &mut [] }.restore(codec, &sent.bytes, divisor).unwrap();
        for ((number, residual), decoded) in numbers.iter().zip(&sent.residual).zip(&sent.decoded) {
            let product = f64::from(*decoded) * f64::from(divisor);
            prop_assert!((f64::from(*residual) - f64::from(*number)).abs() <= 2.0 * rounding(*number, product));
        }
    }

    #[test]
    fn values_are_near(numbers in numbers(), keep in 0_usize..800, divisor in 1.0_f32..300.0) {
        let kept = |sent: &Sent| -> Vec<(f64, f64)> {
            let places = numbers.iter().zip(&sent.decoded).zip(&sent.kept).filter(|(_, kept)| **kept);
            places.map(|((number, decoded), _)| (f64::from(*number) / f64::from(divisor), f64::from(*decoded))).collect()
        };
        for block in kept(&send(Codec::SparseInt8, &numbers, keep, divisor)).chunks(256) {
            let most = block.iter().fold(0.0_f64, |most, (number, _)| most.max(number.abs()));
            let bound = 0.501 / 127.0 * most + 127.0 * 2.0_f64.powi(-100);
            prop_assert!(block.iter().all(|(number, decoded)| (number - decoded).abs() <= bound));
        }
        for block in kept(&send(Codec::SparseSign, &numbers, keep, divisor)).chunks(256) {
            let mean = block.iter().map(|(number, _)| number.abs()).sum::<f64>() / block.len() as f64;
            let near = |decoded: f64| (decoded.abs() - mean).abs() <= 1e-6 * mean + 2.0_f64.powi(-148);
            prop_assert!(block.iter().all(|(number, decoded)| near(*decoded) && number * decoded >= 0.0));
        }
    }

    #[test]
    fn adding_is_decoding_and_adding(numbers in numbers(), keep in 0_usize..800, codec in sparse_codec()) {
        let sent = send(codec, &numbers, keep, 1.0);
        let (mut sums, mut out) = (vec![1.5_f64; numbers.len()], vec![0.5; numbers.len()]);
        accumulate(codec, &sent.bytes, 3.0, &mut sums).unwrap();
        add(codec, &sent.bytes, 1.0, &mut out).unwrap();
        for ((sum, out), number) in sums.into_iter().zip(out).zip(sent.decoded) {
            prop_assert_eq!((sum, out), (1.5 + 3.0 * f64::from(number), 0.5 + number));
        }
    }
}

#[test]
fn a_percent_takes_a_tenth_of_a_bit() {
    let numbers = Random::new(5).normals(100_000);
    for (codec, keep, bits_max) in
        [(Codec::SparseSign, 1000, 0.0935), (Codec::SparseInt8, 1000, 0.163), (Codec::SparseSign, 3000, 0.234)]
    {
        let sent = send(codec, &numbers, keep, 1.0);
        let bits = 8.0 * sent.bytes.len() as f64 / numbers.len() as f64;
        assert!(bits <= bits_max, "{codec:?} {keep}: {bits}");
        assert!(sent.bytes.len() <= bytes_max(codec, numbers.len(), keep));
    }
}

#[test]
fn indices_take_a_bit_a_number_at_most_and_less_in_clusters() {
    let dense = Random::new(6).normals(8000);
    let sent = send(Codec::SparseSign, &dense, 4000, 1.0);
    assert_eq!(sent.bytes[4], 0, "half of them: a bitmap");
    assert!((5 + 990 + 16 * 4 + 4000 / 8..=5 + 1000 + 16 * 4 + 4000 / 8).contains(&sent.bytes.len()));
    let all = send(Codec::SparseSign, &dense, 8000, 1.0);
    assert_eq!(all.bytes[4], 0, "all of them: one bit each");
    let mut cluster = vec![0.0; 1_000_000];
    cluster[500_000..500_512].copy_from_slice(&dense[..512]);
    let sent = send(Codec::SparseSign, &cluster, 512, 1.0);
    assert!(sent.bytes.len() <= 5 + (512 * 10 + 500_000 / 256) / 8 + 2 * 36, "{}", sent.bytes.len());
}

#[test]
fn what_cannot_be_sent_is_refused_and_nothing_is_changed() {
    let numbers = Random::new(1).normals(1000);
    let refused = |numbers: &[f32], divisor: f32, room: usize| {
        let (mut residual, mut out) = (numbers.to_vec(), vec![0xAA; room]);
        let error = encode_sparse(Codec::SparseInt8, &mut residual, 10, divisor, &mut out);
        assert!(residual.iter().zip(numbers).all(|(after, before)| after.to_bits() == before.to_bits()));
        assert!(out.iter().all(|byte| *byte == 0xAA));
        error.unwrap_err()
    };
    assert!(matches!(refused(&numbers, 1.0, 20), EncodeError::Full { found: 20, needed: 21.. }));
    assert!(matches!(refused(&numbers, 1.0, 0), EncodeError::Full { .. }));
    for divisor in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-39] {
        assert_eq!(refused(&numbers, divisor, 99), EncodeError::OutOfRange("divisor"));
    }
    for strange in [f32::NAN, f32::NEG_INFINITY, f32::MAX] {
        let mut numbers = numbers.clone();
        numbers[345] = strange;
        assert_eq!(refused(&numbers, 1.0, 99), EncodeError::NotFinite { index: 345 });
    }
    let dense = encode_sparse(Codec::Int8, &mut [1.0], 1, 1.0, &mut [0; 9]);
    assert_eq!(dense, Err(EncodeError::Codec("int8")));
}

#[test]
fn nothing_to_send_takes_five_bytes() {
    for codec in [Codec::SparseInt8, Codec::SparseSign] {
        for (numbers, keep) in [(vec![], 3), (vec![0.0; 100], 3), (vec![1.0; 100], 0)] {
            assert_eq!(send(codec, &numbers, keep, 1.0).bytes, [0; 5]);
        }
    }
}
