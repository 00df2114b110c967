//! Gradients as bytes and back: dense codecs without memory, sparse ones with error feedback.
//!
//! Pure arithmetic on buffers that the caller owns: nothing here allocates, and the same numbers and seeds give the same
//! bits on every machine. Sparse encoding takes about 12 KiB of stack, all else less than 2. What comes from a peer goes
//! through [`check`] before any of it is used; the functions that decode do so themselves.
//!
//! # Formats
//!
//! All integers and floating-point numbers are little-endian; of a byte's bits the lowest comes first. How many numbers
//! an object has, and its codec, is known from elsewhere.
//!
//! | codec | bytes of n numbers, m of them kept |
//! |---|---|
//! | `float32` | n x binary32 |
//! | `float16` | n x binary16, rounded to the nearest, saturating at 65504 |
//! | `int8` | blocks of 256: binary32 scale, one signed byte a number. n + 4 ceil(n / 256) bytes |
//! | `int4` | blocks of 64: bfloat16 scale, half a byte a number, low half first. ceil(n / 2) + 2 ceil(n / 64) bytes |
//! | `sparse-int8` | m (u32), k of the indices (u8), indices, values as blocks of `int8` |
//! | `sparse-sign` | the same, but values in blocks of 256: binary32 scale, one bit a number (1: negative), whole bytes |
//!
//! A number is its signed integer x its block's scale, as binary32 product. Scales are not negative; 128 (`int8`) or 8
//! (`int4`) of them are finite. An encoder uses -127 to 127 and -7 to 7; blocks whose scale would be below 2^-100 become
//! zeros. A sparse block's scale is the mean magnitude (`sparse-sign`) or the largest / 127 (`sparse-int8`).
//!
//! Indices are written by Golomb-Rice with the parameter k of 0 to 31 that makes them shortest: for each kept number the
//! gap g, the numbers left out since the last kept one, as g >> k zero bits, a one bit, and the k low bits of g (Rice,
//! "Some practical universal noiseless coding techniques", 1979). With k = 0 that is a bitmap that ends with the last one
//! kept, so that indices never take more than one bit a number. Bits that pad the last byte are 0.
//!
//! ## Example
//!
//! The numbers 0, 0, 0, -3, 0, 0, 5, 0 as `sparse-sign`, both kept. The gaps are 3 and 2; with k = 1 they are 0 1 1 and
//! 0 1 0, six bits, which no other k goes below. The mean magnitude is 4, and the first sign is negative:
//! ```
//! use heijunka_compress::encode_sparse;
//! use heijunka_units::Codec;
//!
//! let mut numbers = [0.0, 0.0, 0.0, -3.0, 0.0, 0.0, 5.0, 0.0];
//! let mut bytes = [0; 11];
//! assert_eq!(encode_sparse(Codec::SparseSign, &mut numbers, 2, 1.0, &mut bytes), Ok(11));
//! assert_eq!(bytes, [2, 0, 0, 0, /* k */ 1, /* gaps */ 0b010_110, /* 4.0 */ 0, 0, 0x80, 0x40, /* signs */ 0b01]);
//! assert_eq!(numbers, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
//! ```
#![cfg_attr(not(test), no_std)]

mod codec;
mod dense;
mod error;
mod finite;
mod format;
mod memory;
mod sparse;

pub use codec::{Rounding, accumulate, accumulate_checked, add, bytes_max, check, decode, encode, encode_sparse};
pub use error::{DecodeError, EncodeError};
pub use memory::Memory;
