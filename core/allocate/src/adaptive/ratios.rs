//! The recent ratios of observed to predicted times: their law, and its robust scale.

use alloc::vec::Vec;

/// How many ratios are remembered.
pub(crate) const WINDOW: usize = 128;
/// A scale that is taken for granted before much has been seen, and for how many observations it counts.
const SCALE_PRIOR: (f64, f64) = (0.12, 6.0);
/// No scale is smaller: clocks and whole numbers have a noise of their own.
const SCALE_MIN: f64 = 0.005;

/// Logarithms of the last ratios, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ratios {
    logs: Vec<f64>,
    scale: Scale,
}

/// Median of the logarithms, and how far they scatter above and below it (delays are skewed).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) median: f64,
    pub(crate) above: f64,
    pub(crate) below: f64,
}

impl Default for Scale {
    fn default() -> Self {
        Self { median: 0.0, above: SCALE_PRIOR.0, below: SCALE_PRIOR.0 }
    }
}

impl Scale {
    /// `log` in units of the scale on its side.
    pub(crate) fn units(&self, log: f64) -> f64 {
        let apart = log - self.median;
        apart / if apart > 0.0 { self.above } else { self.below }
    }

    /// One standard deviation for both sides.
    pub(crate) fn both(&self) -> f64 {
        libm::sqrt((self.above * self.above + self.below * self.below) / 2.0)
    }
}

impl Ratios {
    pub(crate) fn logs(&self) -> &[f64] {
        &self.logs
    }

    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    pub(crate) fn push(&mut self, log: f64) {
        if self.logs.len() == WINDOW {
            self.logs.remove(0);
        }
        self.logs.push(log);
        self.measure();
    }

    /// Forgets the last `count` ratios: a change of level explains them.
    pub(crate) fn forget_last(&mut self, count: usize) {
        self.logs.truncate(self.logs.len().saturating_sub(count));
        self.measure();
    }

    /// Quantiles 16, 50 and 84 %: one standard deviation on either side, were the law normal.
    fn measure(&mut self) {
        let mut sorted = self.logs.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let at = |q: f64| quantile(&sorted, q);
        let (seen, median) = (sorted.len() as f64, at(0.5));
        let (prior, weight) = SCALE_PRIOR;
        let blend =
            |scale: f64| libm::sqrt((seen * scale * scale + weight * prior * prior) / (seen + weight)).max(SCALE_MIN);
        self.scale = Scale {
            median: median * seen / (seen + weight),
            above: blend(at(0.84) - median),
            below: blend(median - at(0.16)),
        };
    }
}

/// Quantile `q` of sorted numbers, interpolated; 0 if there are none.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let low = place as usize;
    let at = |index: usize| sorted.get(index).copied();
    let Some(first) = at(low) else { return 0.0 };
    let second = at(low + 1).unwrap_or(first);
    first + (second - first) * (place - low as f64)
}

/// The means of `bins` equally heavy parts of a weighted sample, in rising order; empty if nothing has weight.
///
/// Unlike quantiles at the middle of each part, their mean is the sample's mean.
pub(crate) fn strata(sample: &mut [(f64, f64)], bins: usize) -> Vec<f64> {
    sample.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = sample.iter().map(|(_, weight)| weight).sum();
    if total <= 0.0 || bins == 0 {
        return Vec::new();
    }
    let size = total / bins as f64;
    let mut means = Vec::with_capacity(bins);
    let (mut sum, mut room) = (0.0, size);
    for (value, weight) in sample.iter() {
        let mut rest = *weight;
        while rest >= room && means.len() + 1 < bins {
            sum += value * room;
            means.push(sum / size);
            rest -= room;
            (sum, room) = (0.0, size);
        }
        sum += value * rest;
        room -= rest;
    }
    let filled = size - room;
    means.push(if filled > 0.0 { sum / filled } else { sample.last().map_or(0.0, |last| last.0) });
    means
}
