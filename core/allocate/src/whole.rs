//! From proportions to whole samples within bounds.

use crate::Candidate;
use alloc::vec;
use alloc::vec::Vec;
use heijunka_units::Samples;

/// Fewest and most samples of an agent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) least: Samples,
    pub(crate) most: Samples,
}

/// The candidates' bounds. Of contradicting ones the upper counts.
pub(crate) fn bounds(candidates: &[Candidate]) -> Vec<Bounds> {
    let bound = |c: &Candidate| Bounds { least: c.samples_min.min(c.samples_max), most: c.samples_max };
    candidates.iter().map(bound).collect()
}

/// A real share so close below a whole number is that number: it came from a division and a multiplication.
const WHOLE_TOLERANCE: f64 = 1e-6;

/// Samples that can be given out: the batch, or the sum of the bounds if that is smaller.
pub(crate) fn available(bounds: &[Bounds], batch: Samples) -> Samples {
    let sum: u64 = bounds.iter().map(|bound| u64::from(bound.most)).sum();
    u64::from(batch).min(sum) as Samples
}

/// The fewest samples of each agent: its lower bound, but at least 1 if it can take any, while the batch holds so many;
/// else the lower bounds alone; else 1 while the batch holds those; else none.
fn floors(bounds: &[Bounds], batch: Samples) -> Vec<f64> {
    let one = |bound: &Bounds| 1.min(bound.most);
    let wanted = |bound: &Bounds| bound.least.max(one(bound));
    let held = |floor: &dyn Fn(&Bounds) -> Samples| bounds.iter().map(|b| u64::from(floor(b))).sum::<u64>();
    let batch = u64::from(batch);
    let bound = |bound: &Bounds| bound.least;
    let choices: [&dyn Fn(&Bounds) -> Samples; 3] = [&wanted, &bound, &one];
    let floor = choices.into_iter().find(|floor| held(floor) <= batch).unwrap_or(&|_| 0);
    bounds.iter().map(|bound| f64::from(floor(bound))).collect()
}

/// Real shares of [`available`] samples, proportional to `weights` (positive), each within its bounds and not below 1.
///
/// What a bound cuts off goes to the others in proportion: the shares are clamp(k x weight, least, cap) for one k.
/// Found by pinning, in turn, the shares on the side whose bounds are violated more, so M passes suffice.
pub(crate) fn fill(weights: &[f64], all: &[Bounds], batch: Samples) -> Vec<f64> {
    let least = floors(all, batch);
    let total = f64::from(available(all, batch));
    let mut pinned: Vec<Option<f64>> = vec![None; weights.len()];
    loop {
        let fixed: f64 = pinned.iter().flatten().sum();
        let free: f64 = weights.iter().zip(&pinned).filter(|(_, pin)| pin.is_none()).map(|(weight, _)| weight).sum();
        let factor = if free > 0.0 { (total - fixed).max(0.0) / free } else { 0.0 };
        let bounds = least.iter().zip(all.iter().map(|bound| f64::from(bound.most)));
        let shares = || weights.iter().zip(bounds.clone()).map(|(weight, (low, high))| (weight * factor, *low, high));
        let (mut above, mut below) = (0.0, 0.0);
        for ((share, low, high), _) in shares().zip(&pinned).filter(|(_, pin)| pin.is_none()) {
            above += (share - high).max(0.0);
            below += (low - share).max(0.0);
        }
        if above == 0.0 && below == 0.0 {
            return shares().zip(&pinned).map(|((share, ..), pin)| pin.unwrap_or(share)).collect();
        }
        for ((share, low, high), pin) in shares().zip(&mut pinned).filter(|(_, pin)| pin.is_none()) {
            if above >= below && share > high {
                *pin = Some(high);
            } else if above < below && share < low {
                *pin = Some(low);
            }
        }
    }
}

/// Each share rounded down, as in the paper's n_m = floor(p_m B), but not below 1 where the real share is not.
pub(crate) fn rounded_down(shares: &[f64]) -> Vec<Samples> {
    shares.iter().map(|share| (share + WHOLE_TOLERANCE) as Samples).collect()
}

/// Rounds to whole numbers whose sum is [`available`]: those with the largest remainders are rounded up.
///
/// Of equal remainders the first agent's goes first.
pub(crate) fn largest_remainder(shares: &[f64], bounds: &[Bounds], batch: Samples) -> Vec<Samples> {
    let mut whole = rounded_down(shares);
    let sum: u64 = whole.iter().map(|samples| u64::from(*samples)).sum();
    let mut missing = u64::from(available(bounds, batch)).saturating_sub(sum);
    let mut order: Vec<usize> = (0..shares.len()).collect();
    let remainder = |index: &usize| shares.get(*index).map_or(0.0, |share| share - f64::from(*share as Samples));
    order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
    while missing > 0 {
        let before = missing;
        for index in &order {
            let (Some(samples), Some(bound)) = (whole.get_mut(*index), bounds.get(*index)) else { continue };
            if missing > 0 && *samples < bound.most {
                *samples += 1;
                missing -= 1;
            }
        }
        if missing == before {
            break;
        }
    }
    whole
}
