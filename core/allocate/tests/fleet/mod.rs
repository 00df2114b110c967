//! Workers in virtual time.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case shall fail")]

use heijunka_allocate::{Candidate, Observation, Policy, PolicyName, RoundEnd, policy};
use heijunka_units::{AgentId, Samples};

const ROUNDS_PER_EPOCH: u64 = 5;

/// Workers that take fixed + per sample x n seconds.
pub(crate) struct Fleet {
    /// Seconds of each worker for a round, whatever its share.
    pub(crate) fixed_s: Vec<f64>,
    /// Seconds of each worker for a sample.
    pub(crate) per_sample_s: Vec<f64>,
    /// Samples of the global batch.
    pub(crate) batch: Samples,
}

impl Fleet {
    /// Everybody, without bounds.
    fn candidates(&self) -> Vec<Candidate> {
        let name = |index| AgentId::new(&format!("agent-{index:02}")).unwrap();
        (0..self.fixed_s.len()).map(|index| Candidate::new(name(index), Samples::MAX)).collect()
    }

    fn seconds(&self, shares: &[Samples]) -> Vec<f64> {
        let costs = self.fixed_s.iter().zip(&self.per_sample_s).zip(shares);
        costs.map(|((fixed, per_sample), samples)| fixed + per_sample * f64::from(*samples)).collect()
    }

    /// Seconds until the last worker is done.
    pub(crate) fn round_s(&self, shares: &[Samples]) -> f64 {
        self.seconds(shares).into_iter().fold(0.0, f64::max)
    }

    /// The shares of a fresh policy when so many epochs are over.
    pub(crate) fn shares_after(&self, name: PolicyName, epochs: u64) -> Vec<Samples> {
        let mut policy = policy(name, RoundEnd::Exact);
        for round in 0..epochs * ROUNDS_PER_EPOCH {
            let shares = self.decide(policy.as_mut(), round / ROUNDS_PER_EPOCH);
            policy.observe(&self.observe(&shares));
        }
        self.decide(policy.as_mut(), epochs)
    }

    fn decide(&self, policy: &mut dyn Policy, epoch: u64) -> Vec<Samples> {
        policy.decide(&self.candidates(), self.batch, epoch).shares.iter().map(|share| share.samples).collect()
    }

    fn observe(&self, shares: &[Samples]) -> Vec<Observation> {
        let seen = self.candidates().into_iter().zip(shares).zip(self.seconds(shares));
        seen.map(|((candidate, samples), total_s)| Observation {
            agent: candidate.agent,
            samples: *samples,
            total_s,
            compute_s: total_s,
            own_s: total_s,
            late: false,
        })
        .collect()
    }
}
