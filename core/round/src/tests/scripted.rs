//! A policy that decides what the test says and keeps what it is shown.
#![expect(clippy::disallowed_types, reason = "a policy is Send, and the test looks into it")]

use super::{Bench, Said};
use crate::Plan;
use crate::allocation::Allocation;
use alloc::sync::Arc;
use heijunka_allocate::{Candidate, Decision, Observation, Outlook, Policy, Share, Weighting};
use heijunka_units::{AgentId, Samples};
use std::sync::Mutex;

/// What it is to decide, and what it was shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// Samples and probe of each agent, in the order of their names.
    pub(super) shares: Vec<(Samples, Samples)>,
    pub(super) stop_s: Option<f64>,
    pub(super) close_s: Option<f64>,
    /// Seconds on the network of every agent.
    pub(super) network_s: f64,
    pub(super) seen: Vec<Vec<Observation>>,
    pub(super) agents: Vec<AgentId>,
}

#[derive(Clone, Debug)]
struct Scripted(Arc<Mutex<Script>>);

impl Policy for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn weighting(&self) -> Weighting {
        Weighting::PerSample
    }

    fn observe(&mut self, round: &[Observation]) {
        self.0.lock().unwrap().seen.push(round.to_vec());
    }

    fn decide(&mut self, candidates: &[Candidate], _: Samples, _: u64) -> Decision {
        let mut script = self.0.lock().unwrap();
        script.agents = candidates.iter().map(|candidate| candidate.agent.clone()).collect();
        let shares = script.agents.iter().zip(&script.shares);
        let share = |(agent, (samples, probe)): (&AgentId, &(u32, u32))| Share {
            agent: agent.clone(),
            samples: *samples,
            probe: *probe,
        };
        let (stop_s, close_s) = (script.stop_s, script.close_s);
        let shares = shares.map(share).collect();
        Decision { shares, reason: "as the test says".into(), moved: true, predicted_s: None, stop_s, close_s }
    }

    fn outlooks(&self) -> Vec<Outlook> {
        let script = self.0.lock().unwrap();
        let outlook = |agent: &AgentId| Outlook {
            agent: agent.clone(),
            fixed_s: 0.0,
            per_sample_s: 0.0,
            network_s: script.network_s,
            mean_s: 0.0,
            p95_s: 0.0,
            text: String::new(),
        };
        script.agents.iter().map(outlook).collect()
    }
}

/// A bench whose policy is a script.
pub(super) struct Staged {
    pub(super) bench: Bench,
    script: Arc<Mutex<Script>>,
}

impl Staged {
    /// Training begins with these agents; what the first round says.
    pub(super) fn new(plan: Plan, names: &[&str], script: Script) -> (Self, Said) {
        Self::with_rows(plan, names, &[], script)
    }

    /// Likewise, with agents that have so many rows.
    pub(super) fn with_rows(plan: Plan, names: &[&str], rows: &[(&'static str, u64)], script: Script) -> (Self, Said) {
        let script = Arc::new(Mutex::new(script));
        let scripted = Scripted(Arc::clone(&script));
        let (bench, said) = Bench::training_with(plan, names, |bench| {
            bench.mind.allocation = Allocation::new(Box::new(scripted));
            bench.rows.extend(rows.iter().copied());
        });
        (Self { bench, script }, said)
    }

    pub(super) fn change(&mut self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// What it was shown since the last call.
    pub(super) fn seen(&mut self) -> Vec<Vec<Observation>> {
        core::mem::take(&mut self.script.lock().unwrap().seen)
    }
}
