//! What the kept numbers are, in blocks with a scale each.

use crate::error::DecodeError;

/// Kept numbers of a block.
pub(crate) const BLOCK: usize = 256;

/// One way of writing a block of at most [`BLOCK`] numbers.
pub(crate) trait Values {
    /// Bytes of a block of `count` numbers.
    fn bytes(count: usize) -> usize;

    /// Writes numbers into exactly as many bytes as they take.
    fn encode(numbers: &[f32], out: &mut [u8]);

    /// Whether a block of `count` numbers, of the right length, is sound.
    fn check(bytes: &[u8], count: usize) -> Result<(), DecodeError>;

    /// Reads as many numbers as there is room for and the bytes hold.
    fn decode(bytes: &[u8], numbers: &mut [f32]);
}

/// Bytes of `count` numbers in blocks.
pub(crate) fn bytes<V: Values>(count: usize) -> usize {
    let rest = if count.is_multiple_of(BLOCK) { 0 } else { V::bytes(count % BLOCK) };
    (count / BLOCK).saturating_mul(V::bytes(BLOCK)).saturating_add(rest)
}

/// Checks the blocks of `count` numbers, which are of the right length.
pub(crate) fn check<V: Values>(bytes: &[u8], count: usize) -> Result<(), DecodeError> {
    let mut left = count;
    bytes.chunks(V::bytes(BLOCK)).try_for_each(|block| {
        V::check(block, left.min(BLOCK))?;
        left = left.saturating_sub(BLOCK);
        Ok(())
    })
}
