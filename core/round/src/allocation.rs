//! Who computes how much: what the policy has decided, and its version.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use heijunka_allocate::{Candidate, Observation, Outlook, Policy, Weighting};
use heijunka_units::{AgentId, AllocationVersion, Samples};

/// What the policy says of the coming round's time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    pub(crate) predicted_s: Option<f64>,
    pub(crate) stop_s: Option<f64>,
    pub(crate) close_s: Option<f64>,
}

/// The present shares.
#[derive(Debug)]
pub(crate) struct Allocation {
    policy: Box<dyn Policy>,
    version: AllocationVersion,
    /// The agents and shares that `version` stands for, in the order of their names.
    shares: Vec<(AgentId, Samples)>,
    /// Samples of those who compute for their timing alone.
    probes: BTreeMap<AgentId, Samples>,
    pace: Pace,
}

impl Allocation {
    pub(crate) fn new(policy: Box<dyn Policy>) -> Self {
        let (version, shares, probes) = (AllocationVersion(0), Vec::new(), BTreeMap::new());
        Self { policy, version, shares, probes, pace: Pace::default() }
    }

    /// Asks the policy after so many steps, of which `epoch` have gone through the data. Returns why the shares moved, if
    /// they did.
    pub(crate) fn decide(
        &mut self,
        candidates: &[Candidate],
        batch: Samples,
        steps: u64,
        epoch: u64,
    ) -> Option<String> {
        self.policy.count(steps);
        let decision = self.policy.decide(candidates, batch, epoch);
        self.pace = Pace { predicted_s: decision.predicted_s, stop_s: decision.stop_s, close_s: decision.close_s };
        let probes = decision.shares.iter().filter(|share| share.samples == 0 && share.probe > 0);
        self.probes = probes.map(|share| (share.agent.clone(), share.probe)).collect();
        let shares: Vec<(AgentId, Samples)> =
            decision.shares.into_iter().map(|share| (share.agent, share.samples)).collect();
        let moved = shares != self.shares;
        if moved {
            self.shares = shares;
            self.version = self.version.next();
        }
        moved.then_some(decision.reason)
    }

    pub(crate) fn version(&self) -> AllocationVersion {
        self.version
    }

    pub(crate) fn shares(&self) -> &[(AgentId, Samples)] {
        &self.shares
    }

    /// Samples of all shares.
    pub(crate) fn total(&self) -> u64 {
        self.shares.iter().map(|(_, samples)| u64::from(*samples)).sum()
    }

    /// What an agent computes for its timing alone.
    pub(crate) fn probe(&self, agent: &AgentId) -> Option<Samples> {
        self.probes.get(agent).copied()
    }

    /// Who computes for the timing alone.
    pub(crate) fn probed(&self) -> Vec<AgentId> {
        self.probes.keys().cloned().collect()
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// An agent is no member any more.
    pub(crate) fn drop(&mut self, agent: &AgentId) {
        self.shares.retain(|(other, _)| other != agent);
    }

    pub(crate) fn weighting(&self) -> Weighting {
        self.policy.weighting()
    }

    pub(crate) fn outlooks(&self) -> Vec<Outlook> {
        self.policy.outlooks()
    }

    pub(crate) fn observe(&mut self, seen: &[Observation]) {
        self.policy.observe(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_allocate::{Announced, PolicyName, RoundEnd, policy};

    #[test]
    fn a_version_stands_for_the_same_shares() {
        let mut allocation = Allocation::new(policy(PolicyName::Equal, RoundEnd::Exact));
        let id = |name: &str| AgentId::new(name).unwrap();
        let candidate = |name: &str| {
            let announced = Announced { capacity: 100, uplink_us: 0 };
            Candidate { agent: id(name), samples_min: 0, samples_max: 100, announced }
        };
        let two = [candidate("a"), candidate("b")];
        assert!(allocation.decide(&two, 10, 0, 0).is_some() && allocation.decide(&two, 10, 1, 0).is_none());
        assert_eq!((allocation.version(), allocation.total()), (AllocationVersion(1), 10));
        allocation.drop(&id("a"));
        assert_eq!(allocation.shares(), [(id("b"), 5)]);
        assert!(allocation.decide(&two, 10, 2, 0).is_some(), "it is divided again");
        assert_eq!(allocation.version(), AllocationVersion(2));
    }
}
