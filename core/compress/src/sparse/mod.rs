//! Codecs that write only the largest numbers: which are kept, where they stand, and what they are.

mod bits;
mod indices;
mod select;
mod signs;
mod steps;
mod values;

use core::marker::PhantomData;

use crate::error::{DecodeError, EncodeError};
use crate::format::Format;
use indices::{IndexWriter, Plan};
use select::Selection;
pub(crate) use signs::Signs;
pub(crate) use steps::Steps;
use values::{BLOCK, Values};

/// A sparse codec with one way of writing values.
pub(crate) struct Sparse<V>(PhantomData<V>);

/// Count (u32) and parameter of the indices (u8).
const HEADER: usize = 5;

/// The parts of an object.
struct Parts<'a> {
    count: usize,
    parameter: u8,
    indices: &'a [u8],
    values: &'a [u8],
}

fn split<V: Values>(bytes: &[u8], numbers: usize) -> Result<Parts<'_>, DecodeError> {
    let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(DecodeError::Truncated)?;
    let [a, b, c, d, parameter] = *header;
    let count = usize::try_from(u32::from_le_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if count > numbers {
        return Err(DecodeError::Count { count, numbers });
    }
    let indices = rest.len().checked_sub(values::bytes::<V>(count)).ok_or(DecodeError::Truncated)?;
    let (indices, values) = rest.split_at_checked(indices).ok_or(DecodeError::Truncated)?;
    Ok(Parts { count, parameter, indices, values })
}

impl<V: Values> Format for Sparse<V> {
    fn bytes_max(numbers: usize, kept: usize) -> usize {
        let kept = kept.min(numbers);
        HEADER.saturating_add(indices::bytes_max(numbers, kept)).saturating_add(values::bytes::<V>(kept))
    }

    fn check(bytes: &[u8], numbers: usize) -> Result<(), DecodeError> {
        let parts = split::<V>(bytes, numbers)?;
        indices::each(parts.parameter, parts.indices, parts.count, numbers, |_| ())?;
        values::check::<V>(parts.values, parts.count)
    }

    fn each<T>(bytes: &[u8], targets: &mut [T], put: impl Fn(&mut T, f32)) {
        let numbers = targets.len();
        let Ok(parts) = split::<V>(bytes, numbers) else { return };
        let mut blocks = parts.values.chunks(V::bytes(BLOCK));
        let (mut block, mut at) = ([0.0; BLOCK], BLOCK);
        // Of bytes that were not checked a part may be used, up to where they go wrong.
        let _partly = indices::each(parts.parameter, parts.indices, parts.count, numbers, |index| {
            if at == BLOCK {
                V::decode(blocks.next().unwrap_or_default(), &mut block);
                at = 0;
            }
            if let (Some(target), Some(number)) = (targets.get_mut(index), block.get(at)) {
                put(target, *number);
            }
            at += 1;
        });
    }
}

/// What `encode_sparse` promises, for one way of writing values.
pub(crate) fn encode<V: Values>(
    numbers: &mut [f32],
    keep: usize,
    divisor: f32,
    out: &mut [u8],
) -> Result<usize, EncodeError> {
    let selection = Selection::largest(numbers, keep)?;
    if !(divisor > 0.0 && divisor.is_finite() && (selection.magnitude_max / divisor).is_finite()) {
        return Err(EncodeError::OutOfRange("divisor"));
    }
    let plan = Plan::shortest(&selection, numbers);
    let count = u32::try_from(selection.count).map_err(|_| EncodeError::OutOfRange("count"))?;
    let needed = HEADER.saturating_add(plan.bytes).saturating_add(values::bytes::<V>(selection.count));
    let full = EncodeError::Full { found: out.len(), needed };
    let (header, rest) = out.get_mut(..needed).and_then(|out| out.split_first_chunk_mut::<HEADER>()).ok_or(full)?;
    let (indices, values) = rest.split_at_mut_checked(plan.bytes).ok_or(full)?;
    let [a, b, c, d] = count.to_le_bytes();
    *header = [a, b, c, d, plan.parameter];

    let mut indices = IndexWriter::new(&plan, indices);
    let mut kept = selection.kept();
    for out in values.chunks_mut(V::bytes(BLOCK)) {
        let mut places = [0; BLOCK];
        let mut filled = 0;
        for place in &mut places {
            let Some(index) = kept.next(numbers) else { break };
            indices.push(index);
            *place = index;
            filled += 1;
        }
        send::<V>(places.get(..filled).unwrap_or_default(), divisor, out, numbers);
    }
    indices.finish();
    Ok(needed)
}

/// Writes one block of values and takes what is sent out of the residual.
fn send<V: Values>(places: &[usize], divisor: f32, out: &mut [u8], numbers: &mut [f32]) {
    let mut block = [0.0_f32; BLOCK];
    let block = block.get_mut(..places.len()).unwrap_or_default();
    for (number, place) in block.iter_mut().zip(places) {
        *number = numbers.get(*place).map_or(0.0, |number| number / divisor);
    }
    V::encode(block, out);
    V::decode(out, block);
    for (sent, place) in block.iter().zip(places) {
        if let Some(number) = numbers.get_mut(*place) {
            *number -= sent * divisor;
        }
    }
}
