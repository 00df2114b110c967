//! `enhanced`: the paper's EDP-SGD (arXiv 2110.08941): the shares of DP-SGD, gradients weighted by the share.

use crate::paper::Rule;
use crate::whole::largest_remainder;
use crate::{Candidate, Decision, Observation, Policy, Weighting};
use heijunka_units::Samples;

/// The shares p_m follow the paper's rule, once an epoch; whole numbers by largest remainder, so that each round has
/// exactly B samples and the weighted gradient is the mean over them.
#[derive(Debug, Default)]
pub struct Enhanced {
    rule: Rule,
}

impl Policy for Enhanced {
    fn name(&self) -> &'static str {
        "enhanced"
    }

    fn weighting(&self) -> Weighting {
        Weighting::PerSample
    }

    fn observe(&mut self, round: &[Observation]) {
        self.rule.observe(round);
    }

    fn decide(&mut self, candidates: &[Candidate], batch: Samples, epoch: u64) -> Decision {
        self.rule.decide(candidates, batch, epoch, largest_remainder)
    }
}
