//! The mean of the agents' gradients.

use crate::error::{Error, same_length};
use crate::finite::first_not_finite;

/// Elements that are summed at a time: their sums stay in the first-level cache.
const CHUNK: usize = 1024;

/// Writes the weighted mean of gradients: sum of weight x gradient / sum of weights, element by element in `f64`, in
/// the order of `parts`. Nothing but that order enters the bits, so the caller sorts by agent.
///
/// Weights must be finite, at least 0, and not all 0. An infinity or NaN in a part is refused with the part's index, a
/// zero weight notwithstanding; `out` is then of no use.
pub fn weighted_mean(parts: &[(f64, &[f32])], out: &mut [f32]) -> Result<(), Error> {
    let mut total = 0.0;
    for (weight, part) in parts {
        same_length("gradient", part.len(), out.len())?;
        if !(*weight >= 0.0 && weight.is_finite()) {
            return Err(Error::OutOfRange("weight"));
        }
        total += weight;
    }
    if !(total > 0.0 && total.is_finite()) {
        return Err(Error::OutOfRange("sum of weights"));
    }
    for (index, out) in out.chunks_mut(CHUNK).enumerate() {
        mean_of_chunk(parts, index * CHUNK, total, out)?;
    }
    Ok(())
}

fn mean_of_chunk(parts: &[(f64, &[f32])], start: usize, total: f64, out: &mut [f32]) -> Result<(), Error> {
    let mut sums = [0.0_f64; CHUNK];
    let sums = sums.get_mut(..out.len()).unwrap_or_default();
    for (weight, part) in parts {
        let part = part.get(start..start + sums.len()).unwrap_or_default();
        sums.iter_mut().zip(part).for_each(|(sum, value)| *sum += weight * f64::from(*value));
    }
    // Finite parts cannot overflow these sums, so a sum that is not finite tells of a part that is not.
    let mut finite = true;
    for (out, sum) in out.iter_mut().zip(sums) {
        finite &= sum.is_finite();
        *out = (*sum / total) as f32;
    }
    if finite { Ok(()) } else { Err(culprit(parts)) }
}

fn culprit(parts: &[(f64, &[f32])]) -> Error {
    let index = parts.iter().position(|(_, part)| first_not_finite(part).is_some());
    index.map_or(Error::OutOfRange("weight"), |index| Error::NotFinite { what: "gradient", index })
}
