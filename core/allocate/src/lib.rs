//! Who computes how many samples of a round: one trait, one file per policy.
//!
//! Call [`Policy::decide`] before every round and [`Policy::observe`] after it. A policy keeps its shares until it has
//! a reason to move them, and says the reason in words and numbers. The same calls give the same shares, bit by bit.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod dynamic;
mod enhanced;
mod equal;
mod name;
mod paper;
mod whole;

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Debug;
use heijunka_units::{AgentId, Samples};

pub use dynamic::Dynamic;
pub use enhanced::Enhanced;
pub use equal::Equal;
pub use name::{PolicyName, UnknownPolicy};

/// An agent that can take a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// Largest share that it can take.
    pub samples_max: Samples,
}

/// What one agent's part of a round took. Never mixes two machines' clocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Who.
    pub agent: AgentId,
    /// Samples that it processed.
    pub samples: Samples,
    /// Seconds from sending the round to holding the whole answer, on the aggregator's clock.
    pub total_s: f64,
    /// Seconds of computation, on the worker's own clock.
    pub compute_s: f64,
    /// Seconds that the worker had the round in hand, on its own clock.
    pub own_s: f64,
}

/// How many samples of the coming rounds an agent computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub agent: AgentId,
    /// Samples a round; 0 if it sits out.
    pub samples: Samples,
}

/// How the workers' mean gradients are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// By the samples that each processed: the mean over samples.
    PerSample,
    /// Each the same, however many samples it processed: the paper's DP-SGD.
    PerAgent,
}

/// A division of the batch.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// One share for each candidate, in the same order.
    pub shares: Vec<Share>,
    /// Why, in plain words and numbers.
    pub reason: String,
    /// Whether the shares differ from those of the previous decision.
    pub moved: bool,
}

/// A rule that divides the global batch.
pub trait Policy: Debug + Send {
    /// Its name in settings and logs.
    fn name(&self) -> &'static str;

    /// How the gradients of its shares are averaged.
    fn weighting(&self) -> Weighting;

    /// Takes in what a round took. Times that are not finite or not positive, and agents without a share, are ignored.
    fn observe(&mut self, round: &[Observation]);

    /// Divides `batch` samples among `candidates`, which come in the order of their ids.
    ///
    /// `epoch` is the number of passes over the data so far. No share exceeds its candidate's bound. The sum is `batch`
    /// (policies say where they round it down), or less if the bounds hold less, which the reason then says.
    fn decide(&mut self, candidates: &[Candidate], batch: Samples, epoch: u64) -> Decision;
}

/// A fresh policy of that name.
pub fn policy(name: PolicyName) -> Box<dyn Policy> {
    match name {
        PolicyName::Equal => Box::new(Equal::default()),
        PolicyName::Dynamic => Box::new(Dynamic::default()),
        PolicyName::Enhanced => Box::new(Enhanced::default()),
    }
}

fn shares(candidates: &[Candidate], samples: &[Samples]) -> Vec<Share> {
    let pairs = candidates.iter().zip(samples);
    pairs.map(|(candidate, samples)| Share { agent: candidate.agent.clone(), samples: *samples }).collect()
}

fn agents(count: usize) -> String {
    format!("{count} agent{}", if count == 1 { "" } else { "s" })
}

/// Says that the bounds hold less than the batch; empty if they do not.
fn shortfall(caps: &[Samples], batch: Samples) -> String {
    let available = whole::available(caps, batch);
    if available < batch { format!(", but their bounds hold only {available} of them") } else { String::new() }
}
