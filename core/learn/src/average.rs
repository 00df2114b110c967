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
    let (fours, rest) = parts.as_chunks::<4>();
    for four in fours {
        add_four(four, start, sums);
    }
    for (weight, part) in rest {
        sums.iter_mut().zip(chunk(part, start, out.len())).for_each(|(sum, value)| *sum += weight * f64::from(*value));
    }
    // Finite parts cannot overflow these sums, so a sum that is not finite tells of a part that is not.
    let mut finite = true;
    for (out, sum) in out.iter_mut().zip(sums) {
        finite &= sum.is_finite();
        *out = (*sum / total) as f32;
    }
    if finite { Ok(()) } else { Err(culprit(parts)) }
}

/// Adds four parts one after the other, but loads and stores each sum once.
fn add_four(four: &[(f64, &[f32]); 4], start: usize, sums: &mut [f64]) {
    let weights = four.map(|(weight, _)| weight);
    let [a, b, c, d] = four.map(|(_, part)| chunk(part, start, sums.len()));
    for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        let [a, b, c, d] = [*a, *b, *c, *d].map(f64::from);
        *sum = *sum + weights[0] * a + weights[1] * b + weights[2] * c + weights[3] * d;
    }
}

fn chunk(part: &[f32], start: usize, len: usize) -> &[f32] {
    part.get(start..start + len).unwrap_or_default()
}

fn culprit(parts: &[(f64, &[f32])]) -> Error {
    let index = parts.iter().position(|(_, part)| first_not_finite(part).is_some());
    index.map_or(Error::OutOfRange("weight"), |index| Error::NotFinite { what: "gradient", index })
}
