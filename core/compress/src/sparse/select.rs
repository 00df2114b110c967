//! The numbers of largest magnitude, exactly, without sorting and without room for a list of them.
//!
//! As integers the bits of magnitudes are ordered as the magnitudes are. Three histograms, of the upper 11 bits, the next
//! 10 of those in the bucket that the limit falls into, and the last 10, give the bits of the least magnitude kept.

use crate::error::EncodeError;
use crate::finite::{count_not_zero, magnitude_bits, max_magnitude};

/// Buckets of a histogram: 8 KiB of stack.
const BUCKETS: usize = 2048;
/// Numbers looked at together: most of them hold none that is kept.
const CHUNK: usize = 32;
/// 2^127: up to here what is subtracted from a number stays finite however it rounds.
const LIMIT: f32 = f32::from_bits(254 << 23);

/// Which numbers are kept: magnitudes above the threshold, and the first `ties` of those that equal it.
pub(crate) struct Selection {
    threshold: u32,
    ties: usize,
    /// How many are kept.
    pub(crate) count: usize,
    /// The largest magnitude of all.
    pub(crate) magnitude_max: f32,
}

impl Selection {
    /// The `keep` largest magnitudes; all that are not 0 if those are fewer.
    pub(crate) fn largest(numbers: &[f32], keep: usize) -> Result<Self, EncodeError> {
        let magnitude_max = max_magnitude(numbers);
        if magnitude_bits(magnitude_max) >= magnitude_bits(LIMIT) {
            let large = |number: &f32| magnitude_bits(*number) >= magnitude_bits(LIMIT);
            return Err(EncodeError::NotFinite { index: numbers.iter().position(large).unwrap_or_default() });
        }
        let not_zero = count_not_zero(numbers);
        let (threshold, ties) = if not_zero <= keep { (1, not_zero) } else { threshold(numbers, keep) };
        Ok(Self { threshold, ties, count: not_zero.min(keep), magnitude_max })
    }

    /// Goes through the kept numbers.
    pub(crate) fn kept(&self) -> Kept {
        Kept { threshold: self.threshold, ties: self.ties, left: self.count, at: 0, chunk_end: 0 }
    }
}

/// Bits of the `keep`-th largest magnitude, and how many that equal it are among the `keep`.
fn threshold(numbers: &[f32], keep: usize) -> (u32, usize) {
    // One array for all three: microcontrollers have little stack.
    let mut counts = [0; BUCKETS];
    numbers.iter().for_each(|number| count(&mut counts, magnitude_bits(*number) >> 20));
    let (upper, left) = bucket_of(&counts, keep);
    count_within(numbers, upper, 20, 10, &mut counts);
    let (middle, left) = bucket_of(&counts, left);
    count_within(numbers, upper << 10 | middle, 10, 0, &mut counts);
    let (lower, left) = bucket_of(&counts, left);
    (upper << 20 | middle << 10 | lower, left)
}

/// Of the magnitudes whose bits from `shift` up are `bucket`, how many share the ten bits from `lower` up.
fn count_within(numbers: &[f32], bucket: u32, shift: u32, lower: u32, counts: &mut [u32; BUCKETS]) {
    counts.fill(0);
    let within = |number: &f32| magnitude_bits(*number) >> shift == bucket;
    for chunk in numbers.chunks(CHUNK) {
        if chunk.iter().fold(0, |any, number| any | u32::from(within(number))) != 0 {
            let inside = chunk.iter().filter(|number| within(number));
            inside.for_each(|number| count(counts, magnitude_bits(*number) >> lower & 0x3FF));
        }
    }
}

fn count(counts: &mut [u32; BUCKETS], bucket: u32) {
    if let Some(count) = counts.get_mut(bucket as usize % BUCKETS) {
        *count = count.wrapping_add(1);
    }
}

/// The bucket that holds the `keep`-th from above, and which one from above it is in there.
fn bucket_of(counts: &[u32; BUCKETS], keep: usize) -> (u32, usize) {
    let mut left = keep;
    for (bucket, count) in counts.iter().enumerate().rev() {
        let count = *count as usize;
        if count >= left {
            return (bucket as u32, left);
        }
        left -= count;
    }
    (0, left)
}

/// Where the kept numbers stand, one after the other. Numbers that were passed may change meanwhile.
pub(crate) struct Kept {
    threshold: u32,
    ties: usize,
    left: usize,
    at: usize,
    chunk_end: usize,
}

impl Kept {
    /// The next one's index.
    pub(crate) fn next(&mut self, numbers: &[f32]) -> Option<usize> {
        if self.left == 0 {
            return None;
        }
        loop {
            let chunk = numbers.get(self.at..self.chunk_end)?;
            if let Some(at) = chunk.iter().position(|number| self.is_kept(magnitude_bits(*number))) {
                let index = self.at + at;
                self.at = index + 1;
                self.left -= 1;
                return Some(index);
            }
            self.seek(numbers)?;
        }
    }

    fn is_kept(&mut self, bits: u32) -> bool {
        if bits == self.threshold && self.ties > 0 {
            self.ties -= 1;
            return true;
        }
        bits > self.threshold
    }

    /// Goes to the next chunk that may hold one.
    fn seek(&mut self, numbers: &[f32]) -> Option<()> {
        let rest = numbers.get(self.chunk_end..)?;
        // Signed comparison is the one that every processor has for vectors; magnitudes have no sign bit.
        let large = |number: &f32| u32::from(magnitude_bits(*number) as i32 >= self.threshold as i32);
        let may_hold = |chunk: &[f32]| chunk.iter().fold(0, |any, number| any | large(number)) != 0;
        let skipped = rest.chunks(CHUNK).position(may_hold)?;
        self.at = self.chunk_end + skipped * CHUNK;
        self.chunk_end = (self.at + CHUNK).min(numbers.len());
        Some(())
    }
}
