//! Replay: what a fleet of known costs would have done under another policy, or with other agents.
//!
//! Both minds run with their real frames under virtual time; the costs of every round and agent come from outside, from
//! a recording or a fleet file. The policy sees only what the frames say of them. The bus is quiet, the data are
//! shared, no round scores, all agents have joined before the first round. Gradients are zeros: it is the timing that counts.

use crate::agent::Memory;
use crate::replay_agent::{Answering, ReplayAgent};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_learn::{OptimizerKind, Schedule};
use heijunka_round::{
    Compact, Coordinator, Input, Judging, Level, LocalSteps, Output, Patience, Plan, RoundRecord, Until,
};
use heijunka_units::{AgentId, RunId, Samples, Start, Timestamp};
use heijunka_wire::document::{ClassWeights, HeldOut, Job, Normalize, Task};
use heijunka_wire::{Activation, Channel, DataMode};
use heijunka_worker::Input as ForAgent;

/// Rows of the job, so that an epoch of the paper's policies is 195 rounds of 256 samples.
pub(crate) const ROWS: u64 = 50_000;
/// Room for the spec's chunks; a model of two parameters needs no more.
const PACKET_BYTES: usize = 4096;
const PARAMETERS: usize = 2;
/// The job begins so long after the last agent has joined. They all join at once.
const GATHER: Duration = Duration::from_millis(1);

/// All connect so long after the aggregator's start.
const BEGINS_AFTER: Duration = Duration::from_millis(1);
/// An agent that idles announces itself every half minute: these are days.
const EVENTS_A_ROUND_MAX: usize = 10_000;

/// What one agent's part of one round costs: n samples take network + fixed + n x a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// Seconds on the network, there and back.
    pub network_s: f64,
    /// Seconds on the agent whatever its share.
    pub fixed_s: f64,
    /// Seconds a sample.
    pub seconds_per_sample: f64,
}

impl Costs {
    /// Seconds of a share of so many samples, from the round's publication to the whole answer.
    pub fn seconds(&self, samples: Samples) -> f64 {
        self.network_s + self.compute_s(samples)
    }

    pub(crate) fn compute_s(&self, samples: Samples) -> f64 {
        self.fixed_s + self.seconds_per_sample * f64::from(samples)
    }

    /// How many of `samples` are computed within `stop_after_s`; one at least.
    pub(crate) fn samples_within(&self, stop_after_s: f64, samples: Samples) -> Samples {
        let fit = (stop_after_s - self.fixed_s) / self.seconds_per_sample;
        // A sample that ends with the limit still counts; nothing fits a number that is none.
        if fit >= f64::from(samples) || fit.is_nan() { samples } else { ((fit + 1e-9) as Samples).max(1) }
    }
}

/// What is replayed.
#[derive(Clone, Copy, Debug)]
pub struct Replay<'a> {
    /// The agents; costs are asked for by the place in this list.
    pub agents: &'a [AgentId],
    /// Who computes how much.
    pub policy: PolicyName,
    /// When a round ends.
    pub round_end: RoundEnd,
    /// Samples of the global batch.
    pub batch_samples: Samples,
    /// Rounds until the end.
    pub rounds: u64,
    /// Seed of the job.
    pub seed: u64,
}

/// Why a replay cannot end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayError {
    /// There is no agent.
    NoAgent,
    /// Two agents have this name.
    SameName(AgentId),
    /// No round comes to an end any more.
    Stuck {
        /// Rounds that were closed before.
        rounds: u64,
        /// What the aggregator complained about last; empty if it did not.
        why: String,
    },
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAgent => f.write_str("there is no agent"),
            Self::SameName(agent) => write!(f, "two agents are called {agent}"),
            Self::Stuck { rounds, why } => write!(f, "no round came to an end any more after {rounds} rounds: {why}"),
        }
    }
}

impl core::error::Error for ReplayError {}

impl Replay<'_> {
    /// Runs all rounds. `costs` is asked for the costs of a round (0 for the first one) and an agent, which must be finite
    /// and not negative, else they count as none; `closed` is shown every closed round.
    ///
    /// # Errors
    /// If there is no agent, or two of the same name, or the rounds do not come to an end.
    pub fn run(
        &self,
        costs: impl FnMut(u64, usize) -> Costs,
        closed: impl FnMut(&RoundRecord, &Coordinator),
    ) -> Result<(), ReplayError> {
        let mut numbers = BTreeMap::new();
        for (number, agent) in self.agents.iter().enumerate() {
            if numbers.insert(agent, number).is_some() {
                return Err(ReplayError::SameName(agent.clone()));
            }
        }
        if numbers.is_empty() {
            return Err(ReplayError::NoAgent);
        }
        let mut memories: Vec<Memory> = self.agents.iter().map(|_| Memory::new(PARAMETERS, PACKET_BYTES)).collect();
        let agents = self.agents.iter().zip(&mut memories);
        let mut world = Replaying {
            agents: agents.map(|(agent, memory)| ReplayAgent::new(agent, memory.buffers())).collect(),
            numbers,
            mind: Coordinator::new(self.plan(), RunId(1), Start::new([1; 16]), Timestamp::ZERO),
            mind_wakes_at: Timestamp::NEVER,
            queue: BTreeMap::new(),
            queued: 0,
            now: Timestamp::ZERO + BEGINS_AFTER,
            rounds: self.rounds,
            rounds_closed: 0,
            warning: String::new(),
            costs,
            closed,
        };
        world.go()
    }

    fn plan(&self) -> Plan {
        Plan {
            job: Job {
                task: Task::Regression,
                target: "y".to_string(),
                inputs: Vec::new(),
                ignore: Vec::new(),
                normalize: Normalize::None,
                class_weights: ClassWeights::None,
                data_mode: DataMode::Shared,
                held_out: HeldOut::ByHash(0),
                group: None,
                window: None,
                fitted: None,
            },
            hidden: Vec::new(),
            convolutions: Vec::new(),
            pooling: Default::default(),
            activation: Activation::Tanh,
            seed: self.seed,
            batch_samples: self.batch_samples,
            optimizer: OptimizerKind::sgd(0.0),
            schedule: Schedule::constant(0.1),
            policy: self.policy,
            round_end: self.round_end,
            pins: BTreeMap::new(),
            patience: Patience { min_agents: 1, gather: GATHER, ..Patience::default() },
            until: Until { rounds: self.rounds, time: None, no_better_for_rounds: None },
            score_every_rounds: 0,
            judging: Judging::default(),
            compact: Compact::default(),
            local_steps: LocalSteps::Fixed(1),
            packet_bytes_max: PACKET_BYTES,
            downlink: None,
            start: None,
        }
    }
}

/// What comes next.
#[derive(Debug)]
enum Event {
    /// A message of an agent reaches the aggregator.
    Arrives { agent: usize, channel: Channel, bytes: Vec<u8> },
    /// An agent has computed what it was asked for, unless that was abandoned since.
    Computed { agent: usize, work: u64 },
    /// An agent's timer.
    AgentWakes(usize),
    /// The aggregator's timer.
    MindWakes,
}

/// A replay under way.
struct Replaying<'a, 'b, C, R> {
    agents: Vec<ReplayAgent<'b>>,
    numbers: BTreeMap<&'a AgentId, usize>,
    mind: Coordinator,
    mind_wakes_at: Timestamp,
    /// By time, and in the order of their making where the times agree.
    queue: BTreeMap<(Timestamp, u64), Event>,
    queued: u64,
    now: Timestamp,
    rounds: u64,
    rounds_closed: u64,
    /// The aggregator's last warning.
    warning: String,
    costs: C,
    closed: R,
}

impl<C, R> Replaying<'_, '_, C, R>
where
    C: FnMut(u64, usize) -> Costs,
    R: FnMut(&RoundRecord, &Coordinator),
{
    fn go(&mut self) -> Result<(), ReplayError> {
        self.mind_handles(Input::Connected { session_present: false });
        for agent in 0..self.agents.len() {
            self.agent_handles(agent, ForAgent::Connected { session_present: false });
        }
        let patience = EVENTS_A_ROUND_MAX.saturating_mul(self.agents.len());
        let (mut rounds_closed, mut events) = (0, 0);
        while self.rounds_closed < self.rounds {
            events = if self.rounds_closed > rounds_closed { 0 } else { events + 1 };
            rounds_closed = self.rounds_closed;
            let next = self.queue.pop_first().filter(|_| events <= patience);
            let Some(((at, _), event)) = next else {
                return Err(ReplayError::Stuck { rounds: rounds_closed, why: core::mem::take(&mut self.warning) });
            };
            self.now = at;
            self.happens(event);
        }
        Ok(())
    }

    fn push(&mut self, at: Timestamp, event: Event) {
        self.queued += 1;
        self.queue.insert((at, self.queued), event);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives { agent, channel, bytes } => {
                let id = self.agents[agent].id.clone();
                self.mind_handles(Input::Frame { channel, agent: Some(&id), bytes: &bytes });
            }
            Event::Computed { agent, work } => self.on_computed(agent, work),
            Event::AgentWakes(agent) => {
                if self.agents[agent].wakes_at == self.now {
                    self.agents[agent].wakes_at = Timestamp::NEVER;
                    self.agent_handles(agent, ForAgent::Tick);
                }
            }
            Event::MindWakes => {
                if self.mind_wakes_at == self.now {
                    self.mind_wakes_at = Timestamp::NEVER;
                    self.mind_handles(Input::Tick);
                }
            }
        }
    }

    fn mind_handles(&mut self, input: Input<'_>) {
        self.mind.handle(self.now, input);
        loop {
            match self.mind.poll_output() {
                Output::Publish { channel, agent, bytes } => self.mind_publishes(channel, agent.as_ref(), &bytes),
                Output::Closed(record) => {
                    self.rounds_closed += 1;
                    if self.rounds_closed <= self.rounds {
                        (self.closed)(&record, &self.mind);
                    }
                }
                Output::Event(event) if event.level() == Level::Warn => self.warning = event.to_string(),
                Output::Event(_) | Output::Finished(_) | Output::Superseded(_) => {}
                Output::Wait(until) => {
                    if until != self.mind_wakes_at {
                        self.mind_wakes_at = until;
                        if until != Timestamp::NEVER {
                            self.push(until.max(self.now), Event::MindWakes);
                        }
                    }
                    return;
                }
            }
        }
    }

    /// The way down takes no time: all that the network costs is on the way up, so that the sum is the same.
    fn mind_publishes(&mut self, channel: Channel, agent: Option<&AgentId>, bytes: &[u8]) {
        match (channel, agent) {
            (Channel::Assign | Channel::Extra | Channel::Snapshot, Some(id)) => {
                if let Some(agent) = self.numbers.get(id).copied() {
                    self.agent_handles(agent, ForAgent::Frame { channel, bytes });
                }
            }
            (Channel::Spec | Channel::Round, _) => {
                for agent in 0..self.agents.len() {
                    self.agent_handles(agent, ForAgent::Frame { channel, bytes });
                }
            }
            _ => {}
        }
    }

    /// Lets an agent's mind handle something, and does what it wants then.
    fn agent_handles(&mut self, number: usize, input: ForAgent<'_>) {
        let now = self.now;
        self.agents[number].handle(now, input);
        while let Some(wish) = self.agents[number].wish(now, |round| (self.costs)(round, number)) {
            let (at, event) = match wish {
                Answering::Sends { at, channel, bytes } => (at, Event::Arrives { agent: number, channel, bytes }),
                Answering::Computes { at, work } => (at, Event::Computed { agent: number, work }),
                Answering::Wakes(at) => (at, Event::AgentWakes(number)),
            };
            self.push(at, event);
        }
    }

    fn on_computed(&mut self, number: usize, work: u64) {
        let gradient = [0.0; PARAMETERS];
        let Some(done) = self.agents[number].done(work) else { return };
        let input = ForAgent::Computed {
            round: done.round,
            samples: done.samples,
            loss_sum: 0.0,
            gradient: &gradient,
            took: done.took,
        };
        self.agent_handles(number, input);
    }
}
