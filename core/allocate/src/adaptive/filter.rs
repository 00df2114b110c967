//! Time = a + b n, estimated on line: a small bank of Kalman filters that compete on what they predict.
//!
//! Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960. State (a, b), observation h = (1, n):
//! P <- P + Q, S = h P h' + R, K = P h' / S, x <- x + K e, P <- P - K h P. The filters of a bank differ in Q, the
//! drift that they expect; each is a parameter set, weighted by its discounted predictive likelihood, so that what
//! fits the machine leads without extra measurement.

use nalgebra::{Matrix2, Vector2};

/// Relative drift per round that each filter of the bank expects.
pub(crate) const DRIFTS: [f64; 4] = [0.002, 0.01, 0.03, 0.08];
/// What a round's likelihood still counts one round later.
const DISCOUNT: f64 = 0.97;
/// An innovation beyond so many standard deviations counts as this many.
const CLIP: f64 = 2.5;
/// Of a first observation, so much is taken to be fixed, give or take so much.
const FIXED: (f64, f64) = (0.1, 0.15);

#[derive(Clone, Copy, Debug)]
struct Filter {
    /// (a, b)
    x: Vector2<f64>,
    /// Its covariance P.
    p: Matrix2<f64>,
    /// Discounted log-likelihood of its predictions.
    score: f64,
}

/// `n` samples took `seconds`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) n: f64,
    pub(crate) seconds: f64,
    /// The clock ended it, not the share.
    pub(crate) stopped: bool,
}

/// The estimate of one machine's a and b.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bank {
    filters: [Filter; DRIFTS.len()],
}

impl Bank {
    /// Opens at a first observation of `seconds` for `n` samples, uncertain by the relative `scale`.
    pub(crate) fn open(n: f64, seconds: f64, scale: f64) -> Self {
        let n = n.max(1.0);
        let a = seconds * FIXED.0;
        // What is fixed is not by the sample, and the reverse.
        let split = Vector2::new(1.0, -1.0 / n) * (seconds * FIXED.1);
        let first = Filter { x: Vector2::new(a, (seconds - a) / n), p: split * split.transpose(), score: 0.0 };
        let mut bank = Self { filters: [first; DRIFTS.len()] };
        bank.filters.iter_mut().for_each(|filter| filter.widen(scale));
        bank
    }

    /// The same machine at `factor` times the time, uncertain by the relative `scale`.
    pub(crate) fn rescaled(&self, factor: f64, scale: f64) -> Self {
        let mut bank = *self;
        for filter in &mut bank.filters {
            filter.x *= factor;
            filter.p *= factor * factor;
            filter.widen(scale);
        }
        bank
    }

    /// (a, b): the mean of the filters, weighted by their likelihoods.
    pub(crate) fn line(&self) -> (f64, f64) {
        let weights = self.weights();
        let line: Vector2<f64> = self.filters.iter().zip(weights).map(|(f, w)| f.x * w).sum();
        (line.x, line.y)
    }

    fn weights(&self) -> [f64; DRIFTS.len()] {
        let best = self.filters.iter().map(|f| f.score).fold(f64::NEG_INFINITY, f64::max);
        let mut weights = self.filters.map(|f| libm::exp(f.score - best));
        let sum: f64 = weights.iter().sum();
        for weight in &mut weights {
            *weight /= sum;
        }
        weights
    }

    /// Takes in what was seen; the relative noise is `scale`.
    pub(crate) fn observe(&mut self, seen: Seen, scale: f64) {
        for (filter, drift) in self.filters.iter_mut().zip(DRIFTS) {
            if seen.stopped {
                filter.observe_level(seen, scale, drift);
            } else {
                filter.observe(seen, scale, drift);
            }
        }
    }

    /// Relative standard deviation of what the estimate predicts for `n` samples, noise aside.
    pub(crate) fn uncertainty(&self, n: f64) -> f64 {
        let relative = |f: &Filter| {
            let h = Vector2::new(1.0, n);
            let predicted = f.x.dot(&h).max(1e-12);
            h.dot(&(f.p * h)).max(0.0) / (predicted * predicted)
        };
        libm::sqrt(self.filters.iter().zip(self.weights()).map(|(f, w)| relative(f) * w).sum())
    }

    /// A round passes in which nothing was seen of the machine.
    pub(crate) fn drift(&mut self) {
        for (filter, drift) in self.filters.iter_mut().zip(DRIFTS) {
            filter.widen(drift);
        }
    }
}

impl Filter {
    /// Adds a relative uncertainty of the level, and a quarter of it of either part alone.
    fn widen(&mut self, relative: f64) {
        let (level, part) = (self.x * relative, self.x * (relative / 4.0));
        self.p += level * level.transpose() + Matrix2::from_diagonal(&part.component_mul(&part));
    }

    /// Moves a and b by the same factor. An agent that was stopped by the clock has done the fewer samples the slower it
    /// was: its samples depend on the noise, and would pass for fixed time if the parts could move apart.
    fn observe_level(&mut self, seen: Seen, scale: f64, drift: f64) {
        self.widen(drift);
        let Seen { n, seconds, .. } = seen;
        let h = Vector2::new(1.0, n);
        let predicted = self.x.dot(&h);
        let variance = h.dot(&(self.p * h)).max(0.0) / (predicted * predicted);
        let sum = variance + scale * scale;
        let bound = CLIP * libm::sqrt(sum);
        let innovation = (seconds / predicted - 1.0).clamp(-bound, bound);
        self.score = self.score * DISCOUNT - 0.5 * (innovation * innovation / sum + libm::log(sum));
        let gain = variance / sum;
        let factor = (1.0 + gain * innovation).max(0.1);
        self.x *= factor;
        self.p *= (1.0 - gain) * factor * factor;
    }

    fn observe(&mut self, seen: Seen, scale: f64, drift: f64) {
        self.widen(drift);
        let Seen { n, seconds, .. } = seen;
        let h = Vector2::new(1.0, n);
        let predicted = self.x.dot(&h);
        let noise = scale * predicted;
        let ph = self.p * h;
        let variance = h.dot(&ph) + noise * noise;
        if variance <= 0.0 || !variance.is_finite() {
            return;
        }
        let bound = CLIP * libm::sqrt(variance);
        let innovation = (seconds - predicted).clamp(-bound, bound);
        self.score = self.score * DISCOUNT - 0.5 * (innovation * innovation / variance + libm::log(variance));
        self.x += ph * (innovation / variance);
        // K h P with K = P h' / S, and P symmetric.
        self.p -= ph * ph.transpose() / variance;
        self.hold_positive(n, predicted);
    }

    /// Neither part is negative. What one would lose the other one gives.
    fn hold_positive(&mut self, n: f64, predicted: f64) {
        let Self { x, p, .. } = self;
        if x.x < 0.0 {
            x.y += x.x / n.max(1.0);
            x.x = 0.0;
        }
        let least = 1e-3 * predicted / n.max(1.0);
        if x.y < least {
            x.x = (x.x - (least - x.y) * n).max(0.0);
            x.y = least;
        }
        p.m11 = p.m11.max(0.0);
        p.m22 = p.m22.max(0.0);
    }
}
