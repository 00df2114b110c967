//! The bytes of each codec as they are written: who changes them changes the format.

use heijunka_compress::{Rounding, bytes_max, encode, encode_sparse};
use heijunka_units::Codec;

const NUMBERS: [f32; 7] = [0.0, 1.0, -0.5, 0.126, -7.0, 3.4, 0.001];

fn dense(codec: Codec, rounding: Rounding) -> Vec<u8> {
    let mut out = vec![0; bytes_max(codec, NUMBERS.len(), 0)];
    encode(codec, &NUMBERS, rounding, &mut out).unwrap();
    out
}

#[test]
fn float32() {
    let bytes = dense(Codec::Float32, Rounding::Nearest);
    assert_eq!(bytes[..12], [0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xBF]);
}

#[test]
fn float16() {
    let bytes = dense(Codec::Float16, Rounding::Nearest);
    assert_eq!(bytes, [0, 0, 0, 0x3C, 0, 0xB8, 0x08, 0x30, 0, 0xC7, 0xCD, 0x42, 0x19, 0x14]);
}

#[test]
fn int8() {
    // 7 / 127 = 0.0551181.
    let bytes = dense(Codec::Int8, Rounding::Nearest);
    assert_eq!(bytes[..4], 0.055_118_11_f32.to_le_bytes());
    assert_eq!(bytes[4..].iter().map(|byte| *byte as i8).collect::<Vec<_>>(), [0, 18, -9, 2, -127, 62, 0]);
}

#[test]
fn int4() {
    let bytes = dense(Codec::Int4, Rounding::Nearest);
    assert_eq!(bytes, [0x80, 0x3F, 0x10, 0x00, 0x39, 0x00]);
}

#[test]
fn stochastic() {
    let seed = Rounding::Stochastic { seed: 42 };
    assert_eq!(dense(Codec::Int8, seed)[4..], [0, 18, 247, 2, 129, 61, 0]);
    assert_eq!(dense(Codec::Int4, seed), [0x80, 0x3F, 0x10, 0x0F, 0x39, 0x00]);
}

fn sparse(codec: Codec, keep: usize) -> Vec<u8> {
    let mut out = vec![0; bytes_max(codec, NUMBERS.len(), keep)];
    let used = encode_sparse(codec, &mut NUMBERS.to_vec(), keep, 2.0, &mut out).unwrap();
    out.truncate(used);
    out
}

#[test]
fn sparse_int8() {
    // Gaps 1 and 2 and 0 in unary; 3.5 / 127 = 0.027559.
    let scale = (3.5_f32 / 127.0).to_le_bytes();
    let bytes = sparse(Codec::SparseInt8, 3);
    assert_eq!(bytes, [&[3, 0, 0, 0, 0, 0b11_0010], scale.as_slice(), &[18, 129, 62]].concat());
}

#[test]
fn sparse_sign() {
    // Gaps 4 and 0 with k = 0; (3.5 + 1.7) / 2 = 2.6.
    let bytes = sparse(Codec::SparseSign, 2);
    assert_eq!(bytes, [&[2, 0, 0, 0, 0, 0b11_0000], 2.6_f32.to_le_bytes().as_slice(), &[0b01]].concat());
}

#[test]
fn gaps_with_remainders() {
    // Gaps 2, 9 and 20 with k = 3: 1 010, 01 100 and 001 001, each number with its lowest bit first.
    let mut numbers = [0.0; 40];
    for index in [2, 12, 33] {
        numbers[index] = 1.0;
    }
    let mut out = [0; 32];
    let used = encode_sparse(Codec::SparseSign, &mut numbers, 40, 1.0, &mut out).unwrap();
    assert_eq!(out[..used], [3, 0, 0, 0, 3, 0b0110_0101, 0b0100_1000, 0, 0, 0x80, 0x3F, 0]);
}
