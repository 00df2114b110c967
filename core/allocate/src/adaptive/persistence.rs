//! How often troubles last, learned over all machines.

/// What was counted once counts this much less a trial later.
const DISCOUNT: f64 = 0.98;

/// Whether a change that one observation shows is still there at the next one.
///
/// A Bernoulli law with a Beta(4, 1) prior: most changes of a machine's speed last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Persistence {
    lasted: f64,
    passed: f64,
}

impl Default for Persistence {
    fn default() -> Self {
        Self { lasted: 4.0, passed: 1.0 }
    }
}

impl Persistence {
    pub(crate) fn note(&mut self, lasted: bool) {
        (self.lasted, self.passed) = (self.lasted * DISCOUNT, self.passed * DISCOUNT);
        *(if lasted { &mut self.lasted } else { &mut self.passed }) += 1.0;
    }

    /// Probability that a change lasts.
    pub(crate) fn probability(&self) -> f64 {
        self.lasted / (self.lasted + self.passed)
    }
}

/// Whether bursts on the network last from round to round: a pooled two-state chain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chain {
    /// Rounds that followed a usual one and a burst; of each, how many were bursts.
    after_usual: (f64, f64),
    after_burst: (f64, f64),
}

impl Chain {
    pub(crate) fn note(&mut self, was_burst: bool, is_burst: bool) {
        let (all, bursts) = if was_burst { &mut self.after_burst } else { &mut self.after_usual };
        *all += 1.0;
        *bursts += f64::from(u8::from(is_burst));
    }

    /// How much more likely a burst is after a burst, in [0, 1]; 0 while chance explains it (two standard errors).
    pub(crate) fn memory(&self) -> f64 {
        let (usual, bursts_after_usual) = self.after_usual;
        let (burst, bursts_after_burst) = self.after_burst;
        if burst < 3.0 || usual < 3.0 {
            return 0.0;
        }
        let base = (bursts_after_usual + bursts_after_burst) / (usual + burst);
        let apart = bursts_after_burst / burst - bursts_after_usual / usual;
        let error = libm::sqrt(base * (1.0 - base) / burst);
        if apart > 2.0 * error { apart } else { 0.0 }
    }
}
