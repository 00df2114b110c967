//! Where the kept numbers stand: gaps by Golomb-Rice or a bitmap, whichever is shorter.

use super::bits::{BitReader, BitWriter};
use super::select::Selection;
use crate::error::DecodeError;

/// The way of a bitmap; ways up to [`RICE_MAX`] are parameters of Golomb-Rice.
const BITMAP: u8 = 255;
const RICE_MAX: u8 = 31;

/// How indices are written, and how long that is.
pub(crate) struct Plan {
    pub(crate) way: u8,
    pub(crate) bytes: usize,
}

impl Plan {
    /// The shortest way. Of equal ones Golomb-Rice, by the smallest parameter.
    pub(crate) fn shortest(selection: &Selection, numbers: &[f32]) -> Self {
        // One beyond the best parameter for even gaps; uneven gaps ask for smaller ones.
        let (even, _) = rice_bits_max(numbers.len(), selection.count);
        let mut bits = [0_u64; RICE_MAX as usize + 1];
        let bits = bits.get_mut(..=usize::from(even + 1).min(RICE_MAX.into())).unwrap_or_default();
        let (mut kept, mut next) = (selection.kept(), 0);
        while let Some(index) = kept.next(numbers) {
            let gap = (index - next) as u64;
            bits.iter_mut().zip(0..).for_each(|(bits, way)| *bits += (gap >> way) + 1 + way);
            next = index + 1;
        }
        let rice =
            (0..).zip(bits).min_by_key(|(_, bits)| **bits).map_or((0, 0), |(way, bits)| (way, whole_bytes(*bits)));
        let bitmap = numbers.len().div_ceil(8);
        if rice.1 <= bitmap { Self { way: rice.0, bytes: rice.1 } } else { Self { way: BITMAP, bytes: bitmap } }
    }
}

fn whole_bytes(bits: u64) -> usize {
    usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
}

/// Most bytes of `kept` indices, which are at most `numbers`.
pub(crate) fn bytes_max(numbers: usize, kept: usize) -> usize {
    numbers.div_ceil(8).min(whole_bytes(rice_bits_max(numbers, kept).1))
}

/// The best parameter of Golomb-Rice when nothing but the number of indices is known, and the most bits they then take:
/// all gaps together are `numbers` - `kept`, and what is shifted out of each only shortens.
fn rice_bits_max(numbers: usize, kept: usize) -> (u8, u64) {
    let (all, kept) = ((numbers - kept) as u64, kept as u64);
    let bits = |way: u8| kept.saturating_mul(1 + u64::from(way)).saturating_add(all >> way);
    (0..=RICE_MAX).map(|way| (way, bits(way))).min_by_key(|(_, bits)| *bits).unwrap_or_default()
}

/// Writes indices in order into exactly as many bytes as planned.
pub(crate) enum IndexWriter<'a> {
    Rice { bits: BitWriter<'a>, way: u32, next: usize },
    Bitmap(&'a mut [u8]),
}

impl<'a> IndexWriter<'a> {
    pub(crate) fn new(plan: &Plan, out: &'a mut [u8]) -> Self {
        if plan.way == BITMAP {
            out.fill(0);
            return Self::Bitmap(out);
        }
        Self::Rice { bits: BitWriter::new(out), way: plan.way.into(), next: 0 }
    }

    pub(crate) fn push(&mut self, index: usize) {
        match self {
            Self::Rice { bits, way, next } => {
                let gap = (index - *next) as u64;
                *next = index + 1;
                let mut zeros = gap >> *way;
                while zeros >= 31 {
                    bits.put(0, 31);
                    zeros -= 31;
                }
                bits.put(1 << zeros, zeros as u32 + 1);
                bits.put((gap & ((1 << *way) - 1)) as u32, *way);
            }
            Self::Bitmap(out) => {
                if let Some(byte) = out.get_mut(index / 8) {
                    *byte |= 1 << (index % 8);
                }
            }
        }
    }

    pub(crate) fn finish(self) {
        if let Self::Rice { bits, .. } = self {
            bits.finish();
        }
    }
}

/// Calls `visit` with each of `count` indices below `numbers`, in order. An error may come after some of them.
pub(crate) fn each(
    way: u8,
    bytes: &[u8],
    count: usize,
    numbers: usize,
    visit: impl FnMut(usize),
) -> Result<(), DecodeError> {
    match way {
        BITMAP => each_of_bitmap(bytes, count, numbers, visit),
        0..=RICE_MAX => each_of_rice(way.into(), bytes, count, numbers, visit),
        _ => Err(DecodeError::Indices(way)),
    }
}

fn each_of_rice(
    way: u32,
    bytes: &[u8],
    count: usize,
    numbers: usize,
    mut visit: impl FnMut(usize),
) -> Result<(), DecodeError> {
    let (mut bits, mut next, numbers) = (BitReader::new(bytes), 0_u64, numbers as u64);
    for _ in 0..count {
        let high = bits.zeros().ok_or(DecodeError::Truncated)?;
        let low = bits.take(way).ok_or(DecodeError::Truncated)?;
        if high > numbers >> way {
            return Err(DecodeError::Index);
        }
        let index = next + (high << way | u64::from(low));
        if index >= numbers {
            return Err(DecodeError::Index);
        }
        visit(index as usize);
        next = index + 1;
    }
    if bits.is_padding() { Ok(()) } else { Err(DecodeError::Surplus) }
}

fn each_of_bitmap(bytes: &[u8], count: usize, numbers: usize, mut visit: impl FnMut(usize)) -> Result<(), DecodeError> {
    let (found, expected) = (bytes.len(), numbers.div_ceil(8));
    if found != expected {
        return Err(DecodeError::Length { found, expected });
    }
    let padded = !numbers.is_multiple_of(8) && bytes.last().is_some_and(|last| last >> (numbers % 8) != 0);
    if padded {
        return Err(DecodeError::Surplus);
    }
    let found = bytes.iter().map(|byte| byte.count_ones() as usize).sum::<usize>();
    if found != count {
        return Err(DecodeError::Count { count, numbers: found });
    }
    for (byte, start) in bytes.iter().zip((0..).step_by(8)) {
        let mut left = *byte;
        while left != 0 {
            visit(start + left.trailing_zeros() as usize);
            left &= left - 1;
        }
    }
    Ok(())
}
