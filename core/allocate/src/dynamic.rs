//! `dynamic`: the paper's DP-SGD (arXiv 2110.08941), with its whole numbers and its plain mean.

use crate::paper::Rule;
use crate::whole::rounded_down;
use crate::{Candidate, Decision, Observation, Policy, Weighting};
use heijunka_units::Samples;

/// n_m = floor(p_m B), so that up to M - 1 samples of the batch are left out, and every worker's mean gradient weighs
/// the same. The shares p_m follow the paper's rule, once an epoch.
#[derive(Debug, Default)]
pub struct Dynamic {
    rule: Rule,
}

impl Policy for Dynamic {
    fn name(&self) -> &'static str {
        "dynamic"
    }

    fn weighting(&self) -> Weighting {
        Weighting::PerAgent
    }

    fn observe(&mut self, round: &[Observation]) {
        self.rule.observe(round);
    }

    fn decide(&mut self, candidates: &[Candidate], batch: Samples, epoch: u64) -> Decision {
        self.rule.decide(candidates, batch, epoch, |real, _, _| rounded_down(real))
    }
}
