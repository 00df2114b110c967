//! E[max]: the expected time of the slowest of independent agents, exactly over their scenarios.
//!
//! The distribution function of a maximum of independent times is the product of theirs (order statistics; David and
//! Nagaraja, "Order Statistics", 2003, section 5.2). With K equally likely times each, the sum over all times t of
//! t (F(t) - F(t-)) is exact; one pass over the sorted times gives it and its derivative by every share, which is
//! E[slope of m, m is the slowest].

use super::law::Law;
use alloc::vec;
use alloc::vec::Vec;

/// Products of distribution functions below e to this power are nothing; they are kept as logarithms until then.
const LOG_MIN: f64 = -40.0;

#[derive(Clone, Copy, Debug)]
struct Point {
    seconds: f64,
    agent: u32,
    slope: f64,
}

/// Memory for the passes, and how many were made.
#[derive(Debug, Default)]
pub(crate) struct Slowest {
    points: Vec<Point>,
    /// Scenarios of each agent that lie behind.
    passed: Vec<usize>,
    /// Derivative of E[max] by each share, from the last pass; 0 for agents without a share.
    pub(crate) marginal: Vec<f64>,
}

impl Slowest {
    /// Expected seconds of the slowest agent; agents with less than half a sample are not waited for.
    pub(crate) fn expect(&mut self, laws: &[Law], shares: &[f64]) -> f64 {
        self.points.clear();
        for (agent, (law, share)) in laws.iter().zip(shares).enumerate().filter(|(_, (_, share))| **share >= 0.5) {
            let pairs = law.intercepts.iter().zip(&law.slopes);
            self.points.extend(pairs.map(|(intercept, slope)| Point {
                seconds: intercept + slope * share,
                agent: agent as u32,
                slope: *slope,
            }));
        }
        self.points.sort_unstable_by(|a, b| a.seconds.total_cmp(&b.seconds));
        self.passed.clear();
        self.passed.resize(laws.len(), 0);
        self.marginal.clear();
        self.marginal.resize(laws.len(), 0.0);
        self.sweep(laws, shares)
    }

    fn sweep(&mut self, laws: &[Law], shares: &[f64]) -> f64 {
        // Agents none of whose scenarios lie behind: while there are any, the maximum lies ahead.
        let mut ahead = shares.iter().filter(|share| **share >= 0.5).count();
        let (mut log_product, mut product) = (0.0, None);
        let (mut expected, mut before) = (0.0, 0.0);
        for point in &self.points {
            let agent = point.agent as usize;
            let (Some(passed), Some(law)) = (self.passed.get_mut(agent), laws.get(agent)) else { continue };
            *passed += 1;
            let grows = match *passed {
                1 => 1.0 / law.slopes.len() as f64,
                behind => behind as f64 / (behind - 1) as f64,
            };
            ahead -= usize::from(*passed == 1);
            let now = match product {
                Some(product) => product * grows,
                None => {
                    log_product += libm::log(grows);
                    if ahead > 0 || log_product < LOG_MIN {
                        continue;
                    }
                    libm::exp(log_product)
                }
            };
            product = Some(now);
            let likely = now - before;
            before = now;
            expected += likely * point.seconds;
            if let Some(marginal) = self.marginal.get_mut(agent) {
                *marginal += likely * point.slope;
            }
        }
        expected
    }
}

/// Standard fill: the shares that end together at intercept + slope x share, within bounds, summing to `total`.
///
/// `lines` are (intercept, slope); agents whose intercept alone exceeds the common end get their lower bound.
pub(crate) fn level(lines: &[(f64, f64)], bounds: &[(f64, f64)], total: f64) -> Vec<f64> {
    let share = |(line, bound): (&(f64, f64), &(f64, f64)), end: f64| {
        ((end - line.0) / line.1.max(1e-12)).clamp(bound.0, bound.1.max(bound.0))
    };
    let sum = |end: f64| lines.iter().zip(bounds).map(|pair| share(pair, end)).sum::<f64>();
    let (mut low, mut high) = (0.0, 1e-3);
    while sum(high) < total && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if sum(middle) < total { low = middle } else { high = middle }
    }
    let mut shares = vec![0.0; lines.len()];
    for (place, pair) in shares.iter_mut().zip(lines.iter().zip(bounds)) {
        *place = share(pair, high);
    }
    shares
}
