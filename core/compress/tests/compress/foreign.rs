//! Bytes from outside: what is let through decodes to finite numbers, the rest changes nothing, and nothing panics.

use crate::numbers::{codec, numbers, written};
use heijunka_compress::{DecodeError, accumulate, accumulate_checked, add, check, decode};
use heijunka_units::Codec;
use proptest::collection::vec;
use proptest::prelude::*;

/// All functions agree with `check`.
fn agree(codec: Codec, bytes: &[u8], count: usize) -> Result<(), DecodeError> {
    let checked = check(codec, bytes, count);
    let (mut out, mut sums) = (vec![f32::NAN; count], vec![0.5_f64; count]);
    assert_eq!(decode(codec, bytes, &mut out), checked);
    assert_eq!(accumulate(codec, bytes, 2.0, &mut sums), checked);
    match checked {
        Ok(()) => assert!(out.iter().all(|number| number.is_finite())),
        Err(_) => {
            assert!(out.iter().all(|number| number.is_nan()));
            assert!(sums.iter().all(|sum| *sum == 0.5));
            accumulate_checked(codec, bytes, 2.0, &mut sums);
        }
    }
    let mut out = vec![0.5; count];
    assert_eq!(add(codec, bytes, 2.0, &mut out), checked);
    assert!(checked.is_ok() || out.iter().all(|number| *number == 0.5));
    checked
}

proptest! {
    #[test]
    fn random_bytes_do_no_harm(codec in codec(), bytes in vec(any::<u8>(), 0..300), count in 0_usize..300) {
        let _ = agree(codec, &bytes, count);
    }

    /// With a header that is likely to be let through.
    #[test]
    fn random_sparse_bytes_do_no_harm(
        sign in any::<bool>(), kept in 0_u8..20, parameter in 0_u8..34,
        rest in vec(any::<u8>(), 0..60), count in 0_usize..300,
    ) {
        let codec = if sign { Codec::SparseSign } else { Codec::SparseInt8 };
        let _ = agree(codec, &[&[kept, 0, 0, 0, parameter], rest.as_slice()].concat(), count);
    }

    #[test]
    fn changed_bytes_do_no_harm(
        codec in codec(), numbers in numbers(), keep in 0_usize..100, changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = written(codec, &numbers, keep);
        for (at, byte) in changes.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            bytes[at] ^= byte;
        }
        let _ = agree(codec, &bytes, numbers.len());
    }

    #[test]
    fn too_few_and_too_many_bytes_are_refused(
        codec in codec(), numbers in numbers(), keep in 0_usize..100, at in any::<prop::sample::Index>(),
    ) {
        let mut bytes = written(codec, &numbers, keep);
        prop_assert_eq!(agree(codec, &bytes, numbers.len()), Ok(()));
        if !bytes.is_empty() {
            prop_assert!(agree(codec, &bytes[..at.index(bytes.len())], numbers.len()).is_err());
        }
        bytes.push(0);
        prop_assert!(agree(codec, &bytes, numbers.len()).is_err());
    }
}

#[test]
fn every_way_to_be_wrong_has_its_name() {
    let one = 1.0_f32.to_le_bytes();
    let sign = |header: [u8; 5], rest: &[u8], count| {
        agree(Codec::SparseSign, &[&header, &one[..rest.len().min(4)], rest].concat(), count)
    };
    let sparse = |bytes: &[u8], count| agree(Codec::SparseSign, bytes, count);
    let with = |header: [u8; 5], indices: &[u8], signs: u8| [&header, indices, &one, &[signs]].concat();
    assert_eq!(sparse(&with([1, 0, 0, 0, 0], &[0b0000_0100], 1), 8), Ok(()));
    assert_eq!(sparse(&[], 8), Err(DecodeError::Truncated));
    assert_eq!(sparse(&[9, 0, 0, 0, 0], 8), Err(DecodeError::Count { count: 9, numbers: 8 }));
    assert_eq!(sparse(&[255, 255, 255, 255, 0], 8), Err(DecodeError::Count { count: u32::MAX as usize, numbers: 8 }));
    assert_eq!(sign([2, 0, 0, 0, 0], &[1], 8), Err(DecodeError::Truncated));
    assert_eq!(sparse(&with([1, 0, 0, 0, 32], &[1], 1), 8), Err(DecodeError::Parameter(32)));
    assert_eq!(sparse(&with([1, 0, 0, 0, 0], &[0, 1], 1), 8), Err(DecodeError::Index), "the ninth of eight");
    assert_eq!(sparse(&with([1, 0, 0, 0, 31], &[0xFF, 0xFF, 0xFF, 0xFF], 1), 8), Err(DecodeError::Index));
    assert_eq!(sparse(&with([1, 0, 0, 0, 0], &[0], 1), 8), Err(DecodeError::Truncated), "a gap without end");
    assert_eq!(sparse(&with([1, 0, 0, 0, 0], &[0b1_0100], 1), 8), Err(DecodeError::Surplus), "a second one bit");
    assert_eq!(sparse(&with([1, 0, 0, 0, 0], &[1, 0], 1), 8), Err(DecodeError::Surplus), "a byte too much");
    assert_eq!(sparse(&with([1, 0, 0, 0, 0], &[1], 0b10), 8), Err(DecodeError::Surplus), "a second sign");
    let scale = |scale: f32| [&[1, 0, 0, 0, 0, 1], scale.to_le_bytes().as_slice(), &[0]].concat();
    for bad in [f32::NAN, f32::INFINITY, -1.0, -0.0] {
        assert_eq!(sparse(&scale(bad), 8), Err(DecodeError::Value));
        assert_eq!(agree(Codec::Int8, &[bad.to_le_bytes().as_slice(), &[3]].concat(), 1), Err(DecodeError::Value));
        assert_eq!(agree(Codec::Int4, &[&bad.to_le_bytes()[2..], &[3]].concat(), 1), Err(DecodeError::Value));
    }
    assert_eq!(agree(Codec::Int4, &[0, 0x3F, 0x13], 1), Err(DecodeError::Surplus));
    assert_eq!(agree(Codec::Float32, &f32::NAN.to_le_bytes(), 1), Err(DecodeError::Value));
    assert_eq!(agree(Codec::Float16, &[0, 0xFC], 1), Err(DecodeError::Value));
    assert_eq!(agree(Codec::Float16, &[0], 1), Err(DecodeError::Length { found: 1, expected: 2 }));
}

/// All 256 values of a byte, times the largest scale let through, are finite.
#[test]
fn the_largest_scales_give_finite_numbers() {
    let int8 = [(f32::MAX / 128.0).to_le_bytes().as_slice(), &[0x80, 0x7F]].concat();
    assert_eq!(agree(Codec::Int8, &int8, 2), Ok(()));
    let above = [f32::from_bits((f32::MAX / 128.0).to_bits() + 1).to_le_bytes().as_slice(), &[0, 0]].concat();
    assert_eq!(agree(Codec::Int8, &above, 2), Err(DecodeError::Value));
    assert_eq!(agree(Codec::Int4, &[0xFF, 0x7D, 0x78], 2), Ok(()));
    assert_eq!(agree(Codec::Int4, &[0x00, 0x7E, 0x78], 2), Err(DecodeError::Value));
}
