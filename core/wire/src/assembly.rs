//! Cutting objects into chunks and putting them together again, within bounds.

use crate::limits::PARTS_MAX;
use core::fmt;
use serde::{Deserialize, Serialize};

/// Which chunk of an object a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Number of the chunk, from 0.
    pub index: u16,
    /// Bytes of every chunk but the last, a multiple of 4.
    pub chunk_bytes: u32,
    /// Bytes of the whole object.
    pub total_bytes: u32,
}

impl Part {
    /// Number of chunks of the object; an empty object has one empty chunk. `None` if the sizes make no sense.
    pub fn count(self) -> Option<usize> {
        if self.chunk_bytes == 0 || !self.chunk_bytes.is_multiple_of(4) {
            return None;
        }
        let count = (self.total_bytes.div_ceil(self.chunk_bytes) as usize).max(1);
        (count <= PARTS_MAX && usize::from(self.index) < count).then_some(count)
    }

    /// Where the chunk begins and how long it is, in bytes. `None` if the sizes make no sense.
    pub fn range(self) -> Option<(usize, usize)> {
        self.count()?;
        let begin = u32::from(self.index).checked_mul(self.chunk_bytes)?;
        let bytes = self.total_bytes.checked_sub(begin)?.min(self.chunk_bytes);
        Some((begin as usize, bytes as usize))
    }
}

/// The chunks of an object of `total_bytes`, none over `chunk_bytes_max` (at least 4).
///
/// `None` if the object needs more than [`PARTS_MAX`] chunks.
pub fn parts(total_bytes: usize, chunk_bytes_max: usize) -> Option<impl Iterator<Item = Part> + Clone> {
    let total = u32::try_from(total_bytes).ok()?;
    let chunk = u32::try_from(chunk_bytes_max / 4 * 4).ok()?;
    let first = Part { index: 0, chunk_bytes: chunk, total_bytes: total };
    let count = u16::try_from(first.count()?).ok()?;
    Some((0..count).map(move |index| Part { index, ..first }))
}

/// Why a chunk was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartError {
    /// The sizes contradict each other or the bounds.
    Sizes,
    /// Another total or chunk size than the object's first chunk named.
    Mismatch,
    /// The object does not fit the buffer that the receiver has for it.
    TooLarge,
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sizes => "the chunk's sizes contradict each other",
            Self::Mismatch => "the chunk belongs to an object of other sizes",
            Self::TooLarge => "the object is larger than the memory set aside for it",
        })
    }
}

impl core::error::Error for PartError {}

/// What a chunk did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More chunks are missing.
    Incomplete,
    /// This chunk was there already.
    Duplicate,
    /// This chunk completed the object.
    Complete,
}

/// Which chunks of one object have arrived. The bytes go to a buffer that the caller owns.
#[derive(Clone, Debug)]
pub struct Assembly {
    sizes: Option<(u32, u32)>,
    seen: [u64; PARTS_MAX / 64],
    missing: usize,
}

impl Default for Assembly {
    fn default() -> Self {
        Self::new()
    }
}

impl Assembly {
    /// Nothing has arrived.
    pub const fn new() -> Self {
        Self { sizes: None, seen: [0; PARTS_MAX / 64], missing: 0 }
    }

    /// Whether every chunk is there.
    pub fn is_complete(&self) -> bool {
        self.sizes.is_some() && self.missing == 0
    }

    /// Bytes of the whole object, once a chunk has named them.
    pub fn total_bytes(&self) -> Option<usize> {
        self.sizes.map(|(total, _)| total as usize)
    }

    /// Notes a chunk of `payload_bytes`, for an object of at most `bytes_max`.
    ///
    /// `Ok((progress, begin))`: copy the payload to `begin` unless it is a duplicate.
    pub fn accept(
        &mut self,
        part: Part,
        payload_bytes: usize,
        bytes_max: usize,
    ) -> Result<(Progress, usize), PartError> {
        let count = part.count().ok_or(PartError::Sizes)?;
        let (begin, bytes) = part.range().ok_or(PartError::Sizes)?;
        if bytes != payload_bytes {
            return Err(PartError::Sizes);
        }
        if part.total_bytes as usize > bytes_max {
            return Err(PartError::TooLarge);
        }
        match self.sizes {
            None => {
                self.sizes = Some((part.total_bytes, part.chunk_bytes));
                self.missing = count;
            }
            Some(sizes) if sizes != (part.total_bytes, part.chunk_bytes) => return Err(PartError::Mismatch),
            Some(_) => {}
        }
        let (word, bit) = (usize::from(part.index) / 64, 1_u64 << (part.index % 64));
        let seen = self.seen.get_mut(word).ok_or(PartError::Sizes)?;
        if *seen & bit != 0 {
            return Ok((Progress::Duplicate, begin));
        }
        *seen |= bit;
        self.missing -= 1;
        Ok((if self.missing == 0 { Progress::Complete } else { Progress::Incomplete }, begin))
    }

    /// Takes a chunk into a buffer of bytes.
    pub fn accept_into(&mut self, part: Part, payload: &[u8], buffer: &mut [u8]) -> Result<Progress, PartError> {
        let (progress, begin) = self.accept(part, payload.len(), buffer.len())?;
        if progress != Progress::Duplicate {
            let place = buffer.get_mut(begin..begin + payload.len()).ok_or(PartError::TooLarge)?;
            place.copy_from_slice(payload);
        }
        Ok(progress)
    }
}
