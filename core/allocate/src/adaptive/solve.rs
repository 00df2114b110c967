//! The shares that minimise the expected time of the slowest.
//!
//! E[max] is convex in the shares of the agents that take part, and its optimum has equal marginals E[slope, m is the
//! slowest] (Karush, Kuhn, Tucker). Candidates are level fills on mean + k deviations; the best is polished towards
//! equal marginals, tried without each of its smallest shares, and made whole.

use super::law::Law;
use super::slowest::{Slowest, level};
use alloc::vec::Vec;
use heijunka_units::Samples;

/// Deviations above the mean at which the candidates end together.
const CANDIDATES: [f64; 12] = [-0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0, 1.4, 1.9, 2.4, 3.0];
const POLISHES: usize = 14;
const DROPS: usize = 3;
/// Exchanges of whole samples that are tried, and beyond so many agents none.
const EXCHANGES: usize = 24;
const EXCHANGE_AGENTS_MAX: usize = 128;
/// A marginal is taken to be at least this part of the mean one, so that its logarithm exists.
const MARGINAL_MIN: f64 = 0.02;

/// What is to be divided, and among whom.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) laws: &'a [Law],
    /// Fewest and most samples of each.
    pub(crate) bounds: &'a [(f64, f64)],
    /// Samples to give out: no more than the bounds hold.
    pub(crate) total: f64,
    /// Whether agents whose lower bound is 0 may be left out.
    pub(crate) excludes: bool,
}

/// Shares and what they lead to.
#[derive(Clone, Debug)]
pub(crate) struct Solution {
    pub(crate) shares: Vec<f64>,
    pub(crate) seconds: f64,
}

/// The best whole shares, and the expected seconds of the slowest.
pub(crate) fn solve(problem: &Problem<'_>, slowest: &mut Slowest) -> (Vec<Samples>, f64) {
    let spreads: Vec<[(f64, f64); 2]> =
        problem.laws.iter().map(|law| [Law::spread(&law.intercepts), Law::spread(&law.slopes)]).collect();
    let mut best: Option<(Solution, f64)> = None;
    for k in CANDIDATES {
        let shares = level(&lines(&spreads, k), &problem.real_bounds(), problem.total);
        let candidate = problem.rate(shares, slowest);
        if best.as_ref().is_none_or(|(known, _)| candidate.seconds < known.seconds) {
            best = Some((candidate, k));
        }
    }
    let Some((best, k)) = best else { return (Vec::new(), 0.0) };
    let best = problem.polish(best, slowest);
    let best = problem.without_the_smallest(best, &lines(&spreads, k), slowest);
    problem.whole(best, slowest)
}

fn lines(spreads: &[[(f64, f64); 2]], k: f64) -> Vec<(f64, f64)> {
    let at = |(mean, deviation): (f64, f64)| (mean + k * deviation).max(mean * 0.1);
    spreads.iter().map(|[intercept, slope]| (at(*intercept), at(*slope))).collect()
}

impl Problem<'_> {
    /// An agent that may not be left out has at least one sample.
    fn real_bounds(&self) -> Vec<(f64, f64)> {
        let least = |low: f64, high: f64| if self.excludes { low } else { low.max(1.0_f64.min(high)) };
        self.bounds.iter().map(|(low, high)| (least(*low, *high), *high)).collect()
    }

    fn rate(&self, shares: Vec<f64>, slowest: &mut Slowest) -> Solution {
        let seconds = slowest.expect(self.laws, &shares);
        Solution { shares, seconds }
    }

    /// Moves samples from agents whose marginal is above the mean to those below it, in proportion to its logarithm and
    /// to the samples that a deviation of their time is worth.
    fn polish(&self, mut best: Solution, slowest: &mut Slowest) -> Solution {
        let mut step = 0.5;
        slowest.expect(self.laws, &best.shares);
        let mut marginal = slowest.marginal.clone();
        for _ in 0..POLISHES {
            let moved = self.step(&best.shares, &marginal, step);
            let candidate = self.rate(moved, slowest);
            if candidate.seconds < best.seconds {
                best = candidate;
                marginal.clone_from(&slowest.marginal);
                step *= 1.3;
            } else {
                step *= 0.5;
            }
        }
        best
    }

    fn step(&self, shares: &[f64], marginal: &[f64], step: f64) -> Vec<f64> {
        let active = |share: &f64| *share >= 0.5;
        let count = shares.iter().filter(|share| active(share)).count().max(1) as f64;
        let mean = marginal.iter().sum::<f64>() / count;
        let worth = |law: &Law, share: f64| {
            let times: Vec<f64> = law.seconds(share).collect();
            let slope = law.slopes.iter().sum::<f64>() / law.slopes.len().max(1) as f64;
            let (seconds, deviation) = Law::spread(&times);
            deviation.max(0.002 * seconds) / slope.max(1e-12)
        };
        let moves: Vec<f64> = self
            .laws
            .iter()
            .zip(shares)
            .zip(marginal)
            .map(|((law, share), marginal)| {
                let excess = libm::log((marginal / mean.max(1e-300)).max(MARGINAL_MIN));
                if active(share) { excess * worth(law, *share) } else { 0.0 }
            })
            .collect();
        let worths: Vec<f64> = self
            .laws
            .iter()
            .zip(shares)
            .map(|(law, share)| if active(share) { worth(law, *share) } else { 0.0 })
            .collect();
        // What is moved away is given out again by worth, so that the sum stays.
        let sum: f64 = moves.iter().sum();
        let total_worth: f64 = worths.iter().sum::<f64>().max(1e-300);
        let wanted: Vec<f64> = shares
            .iter()
            .zip(moves.iter().zip(&worths))
            .map(|(share, (by, worth))| share - step * (by - sum * worth / total_worth))
            .collect();
        self.within(wanted)
    }

    /// Clamps to the bounds and spreads what that adds or takes over the others.
    fn within(&self, mut shares: Vec<f64>) -> Vec<f64> {
        let bounds = self.real_bounds();
        for _ in 0..8 {
            for (share, (low, high)) in shares.iter_mut().zip(&bounds) {
                *share = share.clamp(*low, high.max(*low));
                if *share < 0.5 && *low == 0.0 {
                    *share = 0.0;
                }
            }
            let missing = self.total - shares.iter().sum::<f64>();
            if libm::fabs(missing) < 1e-6 {
                break;
            }
            let open = |share: f64, (low, high): &(f64, f64)| {
                if missing > 0.0 { share < *high && share > 0.0 } else { share > *low }
            };
            let weight: f64 =
                shares.iter().zip(&bounds).filter(|(share, bound)| open(**share, bound)).map(|(share, _)| *share).sum();
            if weight <= 0.0 {
                break;
            }
            let factor = missing / weight;
            for (share, bound) in shares.iter_mut().zip(&bounds) {
                if open(*share, bound) {
                    *share += *share * factor;
                }
            }
        }
        shares
    }

    /// Tries to do without the agents with the smallest shares, whose fixed part may cost more than they bring.
    fn without_the_smallest(&self, mut best: Solution, lines: &[(f64, f64)], slowest: &mut Slowest) -> Solution {
        if !self.excludes {
            return best;
        }
        for _ in 0..DROPS {
            let open = best.shares.iter().zip(self.bounds).enumerate().filter(|(_, (s, b))| **s >= 0.5 && b.0 == 0.0);
            let Some((smallest, _)) = open.min_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b)) else { break };
            let out = |(index, (share, bound)): (usize, (&f64, &(f64, f64)))| match index == smallest || *share < 0.5 {
                true if bound.0 == 0.0 => (0.0, 0.0),
                _ => *bound,
            };
            let bounds: Vec<(f64, f64)> = best.shares.iter().zip(self.bounds).enumerate().map(out).collect();
            if bounds.iter().map(|(_, high)| high).sum::<f64>() < self.total {
                break;
            }
            let fewer = Problem { bounds: &bounds, laws: self.laws, total: self.total, excludes: true };
            let rated = fewer.rate(level(lines, &bounds, self.total), slowest);
            let candidate = fewer.polish(rated, slowest);
            if candidate.seconds >= best.seconds {
                break;
            }
            best = candidate;
        }
        best
    }

    /// Whole samples: rounded down, the rest to those whose mean end is then earliest; then single samples are exchanged
    /// between the highest and the lowest marginal while that helps.
    fn whole(&self, real: Solution, slowest: &mut Slowest) -> (Vec<Samples>, f64) {
        let bounds = self.real_bounds();
        let mut shares: Vec<f64> = real.shares.iter().map(|share| libm::floor(share + 1e-6)).collect();
        for (share, (low, _)) in shares.iter_mut().zip(&bounds) {
            *share = share.max(*low);
        }
        let mut order: Vec<(f64, usize)> = real
            .shares
            .iter()
            .zip(&shares)
            .enumerate()
            .filter(|(_, (real, _))| **real >= 0.5)
            .map(|(index, (real, whole))| (real - whole, index))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut missing = libm::round(self.total - shares.iter().sum::<f64>());
        while missing >= 1.0 {
            let before = missing;
            for (_, index) in &order {
                let (Some(share), Some((_, high))) = (shares.get_mut(*index), bounds.get(*index)) else { continue };
                if missing >= 1.0 && *share + 1.0 <= *high {
                    *share += 1.0;
                    missing -= 1.0;
                }
            }
            if missing == before {
                // Those who take part are full: the others must help.
                if order.len() == shares.len() {
                    break;
                }
                order = (0..shares.len()).map(|index| (0.0, index)).collect();
            }
        }
        while missing <= -1.0 {
            let open = shares.iter().zip(&bounds).enumerate().filter(|(_, (share, bound))| **share > bound.0);
            let Some((largest, _)) = open.max_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b)) else { break };
            if let Some(share) = shares.get_mut(largest) {
                *share -= 1.0;
                missing += 1.0;
            }
        }
        let best = self.rate(shares, slowest);
        let best = self.exchange(best, &bounds, slowest);
        (best.shares.iter().map(|share| *share as Samples).collect(), best.seconds)
    }

    fn exchange(&self, mut best: Solution, bounds: &[(f64, f64)], slowest: &mut Slowest) -> Solution {
        if self.laws.len() > EXCHANGE_AGENTS_MAX {
            return best;
        }
        for _ in 0..EXCHANGES {
            slowest.expect(self.laws, &best.shares);
            let marginal = &slowest.marginal;
            let all = || best.shares.iter().zip(bounds).zip(marginal).enumerate().filter(|(_, ((s, _), _))| **s >= 0.5);
            let from = all().filter(|(_, ((share, bound), _))| **share - 1.0 >= bound.0.max(1.0));
            let from = from.max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b)).map(|(index, _)| index);
            let to = all().filter(|(_, ((share, bound), _))| **share + 1.0 <= bound.1);
            let to = to.min_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b)).map(|(index, _)| index);
            let (Some(from), Some(to)) = (from, to) else { break };
            if from == to {
                break;
            }
            let mut shares = best.shares.clone();
            for (index, by) in [(from, -1.0), (to, 1.0)] {
                if let Some(share) = shares.get_mut(index) {
                    *share += by;
                }
            }
            let candidate = self.rate(shares, slowest);
            if candidate.seconds >= best.seconds {
                break;
            }
            best = candidate;
        }
        best
    }
}

/// The bounds as real numbers; lower ones that together exceed `total` are all dropped.
pub(crate) fn real_bounds(bounds: &[crate::whole::Bounds], total: Samples) -> Vec<(f64, f64)> {
    let least: u64 = bounds.iter().map(|bound| u64::from(bound.least)).sum();
    let kept = least <= u64::from(total);
    bounds.iter().map(|b| (f64::from(if kept { b.least } else { 0 }), f64::from(b.most.min(total)))).collect()
}
