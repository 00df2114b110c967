//! Where the kept numbers stand: the gaps between them by Golomb-Rice. With parameter 0 that is a bitmap without its end.

use super::bits::{BitReader, BitWriter};
use super::select::Selection;
use crate::error::DecodeError;

/// The largest parameter; 32 bits of a gap are all there are.
const PARAMETER_MAX: u8 = 31;

/// How indices are written, and how long that is.
pub(crate) struct Plan {
    pub(crate) parameter: u8,
    pub(crate) bytes: usize,
}

impl Plan {
    /// The shortest; of equal ones that of the smallest parameter.
    pub(crate) fn shortest(selection: &Selection, numbers: &[f32]) -> Self {
        // One beyond the best parameter for even gaps; uneven gaps ask for smaller ones.
        let (even, _) = best(numbers.len(), selection.count);
        let mut bits = [0_u64; PARAMETER_MAX as usize + 1];
        let bits = bits.get_mut(..=usize::from(even + 1).min(PARAMETER_MAX.into())).unwrap_or_default();
        let (mut kept, mut next) = (selection.kept(), 0);
        while let Some(index) = kept.next(numbers) {
            let gap = (index - next) as u64;
            bits.iter_mut().zip(0..).for_each(|(bits, parameter)| *bits += (gap >> parameter) + 1 + parameter);
            next = index + 1;
        }
        let shortest = (0..).zip(bits).min_by_key(|(_, bits)| **bits);
        shortest
            .map_or(Self { parameter: 0, bytes: 0 }, |(parameter, bits)| Self { parameter, bytes: whole_bytes(*bits) })
    }
}

fn whole_bytes(bits: u64) -> usize {
    usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX)
}

/// Most bytes of `kept` indices, which are at most `numbers`.
pub(crate) fn bytes_max(numbers: usize, kept: usize) -> usize {
    whole_bytes(best(numbers, kept).1)
}

/// The best parameter when nothing but the number of indices is known, and the most bits they then take: all gaps
/// together are `numbers` - `kept`, and what is shifted out of each only shortens.
fn best(numbers: usize, kept: usize) -> (u8, u64) {
    let (all, kept) = ((numbers - kept) as u64, kept as u64);
    let bits = |parameter: u8| kept.saturating_mul(1 + u64::from(parameter)).saturating_add(all >> parameter);
    let all = (0..=PARAMETER_MAX).map(|parameter| (parameter, bits(parameter)));
    all.min_by_key(|(_, bits)| *bits).filter(|_| kept > 0).unwrap_or_default()
}

/// Writes indices in order into exactly as many bytes as planned.
pub(crate) struct IndexWriter<'a> {
    bits: BitWriter<'a>,
    parameter: u32,
    next: usize,
}

impl<'a> IndexWriter<'a> {
    pub(crate) fn new(plan: &Plan, out: &'a mut [u8]) -> Self {
        Self { bits: BitWriter::new(out), parameter: plan.parameter.into(), next: 0 }
    }

    pub(crate) fn push(&mut self, index: usize) {
        let gap = (index - self.next) as u64;
        self.next = index + 1;
        let mut zeros = gap >> self.parameter;
        while zeros >= 31 {
            self.bits.put(0, 31);
            zeros -= 31;
        }
        self.bits.put(1 << zeros, zeros as u32 + 1);
        self.bits.put((gap & ((1 << self.parameter) - 1)) as u32, self.parameter);
    }

    pub(crate) fn finish(self) {
        self.bits.finish();
    }
}

/// Calls `visit` with each of `count` indices below `numbers`, in order. An error may come after some of them.
pub(crate) fn each(
    parameter: u8,
    bytes: &[u8],
    count: usize,
    numbers: usize,
    mut visit: impl FnMut(usize),
) -> Result<(), DecodeError> {
    if parameter > PARAMETER_MAX {
        return Err(DecodeError::Parameter(parameter));
    }
    let (mut bits, mut next, numbers) = (BitReader::new(bytes), 0_u64, numbers as u64);
    for _ in 0..count {
        let high = bits.zeros().ok_or(DecodeError::Truncated)?;
        let low = bits.take(parameter.into()).ok_or(DecodeError::Truncated)?;
        if high > numbers >> parameter {
            return Err(DecodeError::Index);
        }
        let index = next + (high << parameter | u64::from(low));
        if index >= numbers {
            return Err(DecodeError::Index);
        }
        visit(index as usize);
        next = index + 1;
    }
    if bits.is_padding() { Ok(()) } else { Err(DecodeError::Surplus) }
}
