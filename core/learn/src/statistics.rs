//! Running statistics of one column, which merge as if all values had been seen in one place.

/// Count, mean, spread and range of the values seen. All zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Running {
    /// Values seen.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Sum of squared distances from the mean.
    pub m2: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Running {
    /// Adds one value (Welford, 1962). The value must be finite, or the statistics no longer are.
    pub fn push(&mut self, value: f64) {
        self.merge(&Self { count: 1, mean: value, m2: 0.0, min: value, max: value });
    }

    /// Adds all values that another one has seen (Chan, Golub and LeVeque, 1979).
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (own, its) = (self.count as f64, other.count as f64);
        let distance = other.mean - self.mean;
        self.count = self.count.saturating_add(other.count);
        self.mean += distance * (its / (own + its));
        self.m2 += other.m2 + distance * distance * (own * its / (own + its));
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Population variance, m2 / count; 0 before the first value.
    pub fn variance(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.m2 / self.count as f64 }
    }

    /// Population standard deviation.
    pub fn standard_deviation(&self) -> f64 {
        libm::sqrt(self.variance())
    }
}
