//! Numbers to test with: reproducible normal ones, and arbitrary ones with all that is awkward.

use heijunka_compress::{Rounding, bytes_max, encode, encode_sparse};
use heijunka_units::{Codec, SplitMix64};
use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) struct Random(SplitMix64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(SplitMix64::new(seed))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// In 0 to below 1.
    pub(crate) fn uniform(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32
    }

    /// About normal: a sum of twelve uniform numbers.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    pub(crate) fn normals(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.normal()).collect()
    }
}

/// Finite numbers below 2^127: zeros of both signs, equal ones, subnormal ones, small and huge ones.
pub(crate) fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        3 => Just(0.0_f32),
        1 => Just(-0.0_f32),
        3 => Just(0.25_f32),
        2 => Just(-0.25_f32),
        8 => -1.0_f32..1.0,
        1 => (1_u32..0x80_0000, any::<bool>()).prop_map(|(bits, sign)| f32::from_bits(bits | u32::from(sign) << 31)),
        1 => (0_u32..0x7F00_0000, any::<bool>()).prop_map(|(bits, sign)| f32::from_bits(bits | u32::from(sign) << 31)),
    ]
}

/// Up to 700 numbers, also of one kind alone.
pub(crate) fn numbers() -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![
        4 => vec(number(), 0..700),
        1 => (number(), 0_usize..700).prop_map(|(number, count)| vec![number; count]),
        1 => (vec(-1.0_f32..1.0, 0..80), 0_usize..600, 0_usize..600)
            .prop_map(|(middle, before, after)| [vec![0.0; before], middle, vec![0.0; after]].concat()),
    ]
}

pub(crate) fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

pub(crate) fn sparse_codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(vec![Codec::SparseInt8, Codec::SparseSign])
}

/// The bytes of numbers by any codec.
pub(crate) fn written(codec: Codec, numbers: &[f32], keep: usize) -> Vec<u8> {
    let mut out = vec![0xAA; bytes_max(codec, numbers.len(), keep)];
    let used = if codec.is_sparse() {
        encode_sparse(codec, &mut numbers.to_vec(), keep, 1.0, &mut out)
    } else {
        encode(codec, numbers, Rounding::Stochastic { seed: 7 }, &mut out)
    };
    out.truncate(used.unwrap());
    out
}
