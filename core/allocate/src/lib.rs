//! Who computes how many samples of a round: one trait, one file per policy.
//!
//! Call [`Policy::decide`] before every round and [`Policy::observe`] after it. A policy keeps its shares until it has
//! a reason to move them, and says the reason in words and numbers. The same calls give the same shares, bit by bit.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod adaptive;
mod announced;
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
use whole::Bounds;

pub use adaptive::{Adaptive, Ingredients};
pub use announced::Announced;
pub use dynamic::Dynamic;
pub use enhanced::Enhanced;
pub use equal::Equal;
pub use name::{PolicyName, UnknownPolicy};

/// An agent that can take a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Who.
    pub agent: AgentId,
    /// Smallest share that it must have: a pin, or what its own data need. Kept unless the batch is too small for all.
    pub samples_min: Samples,
    /// Largest share that it can take. A pin where it equals `samples_min`.
    pub samples_max: Samples,
    /// What its agent says of its limits: it counts until the machine is measured.
    pub announced: Announced,
}

impl Candidate {
    /// A candidate that may take any share up to `samples_max`.
    #[must_use]
    pub fn new(agent: AgentId, samples_max: Samples) -> Self {
        Self { agent, samples_min: 0, samples_max, announced: Announced::default() }
    }
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
    /// The round was closed before the answer was there: it would have taken at least `total_s`.
    pub late: bool,
}

/// How many samples of the coming rounds an agent computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Who.
    pub agent: AgentId,
    /// Samples a round; 0 if it sits out.
    pub samples: Samples,
    /// Samples that it computes for its timing alone: they do not count, and no agent waits for them. 0 unless it sits out.
    pub probe: Samples,
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
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// One share for each candidate, in the same order.
    pub shares: Vec<Share>,
    /// Why, in plain words and numbers.
    pub reason: String,
    /// Whether the shares (probes apart) differ from those of the previous decision.
    pub moved: bool,
    /// Expected seconds of the coming round, from its publication to the last answer; `None` if the rule does not predict.
    pub predicted_s: Option<f64>,
    /// Seconds after the round's publication by which answers shall be in: an agent stops computing early enough and
    /// sends what it has. The rest is for others to compute if the round ends with the whole batch
    /// ([`RoundEnd::Exact`]), else it is left out. `None`: everybody computes its whole share.
    pub stop_s: Option<f64>,
    /// Seconds after the round's publication at which it is closed on what has arrived, if that is enough to step on.
    /// `None`: it is closed when all is there, or by the learned deadline.
    pub close_s: Option<f64>,
}

/// When a round ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoundEnd {
    /// When the whole batch is computed.
    #[default]
    Exact,
    /// Agents that take much longer than predicted send what they have: a little less than the batch now and then.
    Guard,
    /// All compute until a common time, chosen so that the batch is expected. Shares are upper bounds.
    Anytime,
}

/// What a policy expects of one agent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// Who.
    pub agent: AgentId,
    /// Seconds whatever the share, on the agent.
    pub fixed_s: f64,
    /// Seconds a sample.
    pub per_sample_s: f64,
    /// Seconds on the network, there and back.
    pub network_s: f64,
    /// Expected seconds of its part of the coming round.
    pub mean_s: f64,
    /// Nineteen of twenty rounds are expected to take less.
    pub p95_s: f64,
    /// In plain words: share, speed, and what is unusual.
    pub text: String,
}

/// A rule that divides the global batch.
pub trait Policy: Debug + Send {
    /// Its name in settings and logs.
    fn name(&self) -> &'static str;

    /// How the gradients of its shares are averaged.
    fn weighting(&self) -> Weighting;

    /// Takes in what a round took. Times that are not finite or not positive, and agents without a share, are ignored.
    fn observe(&mut self, round: &[Observation]);

    /// Sets how many rounds people have counted so far: rounds are named by that. It decides nothing.
    fn count(&mut self, _rounds: u64) {}

    /// Divides `batch` samples among `candidates`, which come in the order of their ids.
    ///
    /// `epoch` is the number of passes over the data so far. No share exceeds its candidate's bound. The sum is `batch`
    /// (policies say where they round it down), or less if the bounds hold less, which the reason then says.
    fn decide(&mut self, candidates: &[Candidate], batch: Samples, epoch: u64) -> Decision;

    /// What the last decision expects of each agent, in the order of their ids; empty if the rule does not predict.
    fn outlooks(&self) -> Vec<Outlook> {
        Vec::new()
    }
}

/// A fresh policy of that name. Only those that predict keep to another `end` than [`RoundEnd::Exact`].
pub fn policy(name: PolicyName, end: RoundEnd) -> Box<dyn Policy> {
    match name {
        PolicyName::Equal => Box::new(Equal::default()),
        PolicyName::Dynamic => Box::new(Dynamic::default()),
        PolicyName::Enhanced => Box::new(Enhanced::default()),
        PolicyName::Adaptive => Box::new(Adaptive::new(Ingredients::default(), end)),
    }
}

fn shares(candidates: &[Candidate], samples: &[Samples]) -> Vec<Share> {
    let pairs = candidates.iter().zip(samples);
    pairs.map(|(candidate, samples)| Share { agent: candidate.agent.clone(), samples: *samples, probe: 0 }).collect()
}

/// `1 agent`, `2 agents`.
pub fn agents(count: usize) -> String {
    format!("{count} agent{}", if count == 1 { "" } else { "s" })
}

/// Says that the bounds hold less than the batch; empty if they do not.
fn shortfall(bounds: &[Bounds], batch: Samples) -> String {
    let available = whole::available(bounds, batch);
    if available < batch { format!(", but their bounds hold only {available} of them") } else { String::new() }
}
