//! Two accounts of one machine compete on what they predict: one that takes large differences for jumps, one that takes
//! them for the machine's law. What is right differs by machine, and is known after each round without measuring more.

use super::compute::{Compute, Noticed};
use super::filter::Seen;
use super::persistence::Persistence;

/// What a round's likelihood still counts one round later.
const DISCOUNT: f64 = 0.98;
/// Advantage that jumps are given at first: they are the rule in a plant.
const JUMPS_AT_FIRST: f64 = 4.0;

/// The rivals, and how much better jumps have predicted, as a discounted log-likelihood ratio.
#[derive(Clone, Debug)]
pub(crate) struct Rivals {
    jumps: Compute,
    steady: Compute,
    lead: f64,
}

impl Rivals {
    pub(crate) fn open(n: f64, seconds: f64) -> Self {
        let compute = Compute::open(n, seconds);
        Self { jumps: compute.clone(), steady: compute, lead: JUMPS_AT_FIRST }
    }

    /// The account that leads.
    pub(crate) fn leading(&self) -> &Compute {
        if self.lead >= 0.0 { &self.jumps } else { &self.steady }
    }

    /// Takes in that even one sample would have taken more than `seconds`.
    pub(crate) fn observe_late(&mut self, seconds: f64) {
        self.jumps.observe_late(seconds);
        self.steady.observe_late(seconds);
    }

    pub(crate) fn unseen(&mut self) {
        self.jumps.unseen();
        self.steady.unseen();
    }

    pub(crate) fn observe(&mut self, seen: Seen, detects: bool, persistence: &mut Persistence) -> Noticed {
        let Seen { n, seconds, .. } = seen;
        let stays = persistence.probability();
        let better = self.jumps.log_likelihood(n, seconds, stays) - self.steady.log_likelihood(n, seconds, stays);
        self.lead = if detects { self.lead * DISCOUNT + better } else { -1.0 };
        self.steady.observe(seen, false, persistence);
        let noticed = self.jumps.observe(seen, detects, persistence);
        if self.lead >= 0.0 { noticed } else { Noticed::Nothing }
    }
}
