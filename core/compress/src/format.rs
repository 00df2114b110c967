//! What every codec can do; the one trait behind the public functions.

use crate::Rounding;
use crate::error::DecodeError;

/// Bytes to numbers. One type without values for each codec.
pub(crate) trait Format {
    /// Bytes of `numbers` numbers, of which a sparse codec keeps at most `kept`.
    fn bytes_max(numbers: usize, kept: usize) -> usize;

    /// Whether `bytes` hold `numbers` numbers: all that [`Self::each`] relies on.
    fn check(bytes: &[u8], numbers: usize) -> Result<(), DecodeError>;

    /// Calls `put` with every written number and its target, in order. Bytes that were not checked give wrong numbers.
    fn each<T>(bytes: &[u8], targets: &mut [T], put: impl Fn(&mut T, f32));
}

/// Numbers to bytes, each number for itself or in blocks, without memory.
pub(crate) trait Dense: Format {
    /// Bytes of `numbers` numbers.
    fn bytes(numbers: usize) -> usize;

    /// Writes finite numbers into exactly as many bytes as they take.
    fn encode(numbers: &[f32], rounding: Rounding, out: &mut [u8]);
}

/// Refuses bytes that are not as many as `numbers` numbers take.
pub(crate) fn check_length<D: Dense>(bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
    let (found, expected) = (bytes.len(), D::bytes(numbers));
    if found == expected { Ok(()) } else { Err(DecodeError::Length { found, expected }) }
}
