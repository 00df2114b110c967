//! `equal`: the same share for everybody, the baseline that every other policy is compared with.

use crate::whole::{bounds, fill, largest_remainder};
use crate::{Candidate, Decision, Observation, Policy, Share, Weighting, shortfall};
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use heijunka_units::Samples;

/// n_m = B / M, whole numbers by largest remainder.
#[derive(Debug, Default)]
pub struct Equal {
    last: Vec<Share>,
}

impl Policy for Equal {
    fn name(&self) -> &'static str {
        "equal"
    }

    fn weighting(&self) -> Weighting {
        Weighting::PerSample
    }

    fn observe(&mut self, _round: &[Observation]) {}

    fn decide(&mut self, candidates: &[Candidate], batch: Samples, _epoch: u64) -> Decision {
        let caps = bounds(candidates);
        let real = fill(&vec![1.0; caps.len()], &caps, batch);
        let shares = crate::shares(candidates, &largest_remainder(&real, &caps, batch));
        let moved = shares != self.last;
        self.last.clone_from(&shares);
        let reason =
            format!("equal shares: {batch} samples over {}{}", crate::agents(caps.len()), shortfall(&caps, batch));
        Decision { shares, reason, moved, predicted_s: None, stop_s: None, close_s: None }
    }
}
