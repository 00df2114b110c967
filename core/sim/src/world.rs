//! The loop: what comes next, to whom, and what it sets off.

use crate::agent::{Agent, Memory};
use crate::aggregator::Aggregator;
use crate::bus::{Event, Node, Queue, Retained};
use crate::data::Truth;
use crate::engine::Engine;
use crate::record::Record;
use crate::scenario::{Scenario, Trouble};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_round::{Coordinator, Input as ForAggregator};
use heijunka_units::SplitMix64;
use heijunka_units::{AgentId, RoundId, RunId, Start, Timestamp};
use heijunka_worker::Input as ForAgent;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World<'s, 'b> {
    pub(crate) scenario: &'s Scenario,
    pub(crate) now: Timestamp,
    pub(crate) queue: Queue,
    pub(crate) random: SplitMix64,
    /// Of the aggregators' starts.
    starts: SplitMix64,
    pub(crate) record: Record,
    pub(crate) aggregators: Vec<Aggregator>,
    pub(crate) agents: Vec<Agent<'b>>,
    pub(crate) retained: Retained,
    /// The broker is out of reach before.
    pub(crate) broker_back: Timestamp,
    pub(crate) aggregators_to_come: usize,
    /// Digest of the model that the first agent computed on, of each run's rounds.
    pub(crate) models_asked: BTreeMap<(RunId, RoundId), u64>,
}

/// Runs a world to its end, which is that of its last aggregator or the scenario's limit.
pub fn run(scenario: &Scenario, seed: u64) -> Record {
    let parameters = parameters_max(scenario);
    let memory = || Memory::new(parameters, scenario.plan.packet_bytes_max);
    let mut memories: Vec<Memory> = scenario.machines.iter().map(|_| memory()).collect();
    let mut world = World::new(scenario, seed, &mut memories);
    world.go();
    world.record.seconds = world.now.since(Timestamp::ZERO).as_secs_f64();
    world.record.runs = world.aggregators.into_iter().map(Aggregator::into_record).collect();
    let record = world.record;
    drop(world.agents);
    Record { residuals: memories.into_iter().map(Memory::into_residual).collect(), ..record }
}

fn parameters_max(scenario: &Scenario) -> usize {
    let outputs = match scenario.data.truth {
        Truth::Linear => 1,
        Truth::Clouds(classes) => classes as usize,
    };
    let hidden = scenario.plan.hidden.iter().map(|width| *width as usize);
    let layers = hidden.chain([outputs]);
    layers.fold((0, scenario.data.inputs), |(sum, before), width| (sum + (before + 1) * width, width)).0
}

impl<'s, 'b> World<'s, 'b> {
    fn new(scenario: &'s Scenario, seed: u64, memories: &'b mut [Memory]) -> Self {
        let mut queue = Queue::default();
        let starts = |step: &&crate::scenario::Step| matches!(step.trouble, Trouble::AggregatorStarts { .. });
        let aggregators_to_come = scenario.steps.iter().filter(starts).count();
        for (index, step) in scenario.steps.iter().enumerate() {
            queue.push(Timestamp::ZERO + step.at, Event::Step(index));
        }
        let agents = scenario.machines.iter().zip(memories).enumerate().filter_map(|(index, (machine, memory))| {
            let id = AgentId::new(&format!("agent-{index:02}")).ok()?;
            let engine = Engine::new(scenario, &id, index);
            let random = SplitMix64::stream(seed, 100 + index as u64);
            queue.push(Timestamp::ZERO + machine.starts, Event::AgentStarts(index));
            Some(Agent::new(id, *machine, engine, memory.buffers(), random))
        });
        let agents = agents.collect();
        let mut world = Self {
            scenario,
            now: Timestamp::ZERO,
            queue,
            random: SplitMix64::new(seed),
            starts: SplitMix64::stream(seed, 1),
            record: Record::default(),
            aggregators: Vec::new(),
            agents,
            retained: Retained::new(),
            broker_back: Timestamp::ZERO,
            aggregators_to_come,
            models_asked: BTreeMap::new(),
        };
        world.start_aggregator();
        world
    }

    pub(crate) fn start_aggregator(&mut self) {
        let index = self.aggregators.len();
        let run = RunId(index as u64 + 1);
        let clock = self.clock(Node::Aggregator(index));
        let halves = u128::from(self.starts.next_u64()) << 64 | u128::from(self.starts.next_u64());
        let start = Start::new(halves.to_le_bytes());
        self.aggregators.push(Aggregator::new(Coordinator::new(self.scenario.plan.clone(), run, start, clock), run));
        self.queue.push(self.now + Duration::from_millis(1), Event::Connects(Node::Aggregator(index)));
    }

    fn go(&mut self) {
        let limit = Timestamp::ZERO + self.scenario.limit;
        while let Some((at, event)) = self.queue.pop() {
            if at > limit {
                break;
            }
            self.now = at;
            match self.frozen_until(&event) {
                Some(thaw) => self.queue.push(thaw, event),
                None => self.happens(event),
            }
            if self.aggregators_to_come == 0 && self.aggregators.iter().all(|aggregator| aggregator.ended) {
                break;
            }
        }
    }

    fn frozen_until(&self, event: &Event) -> Option<Timestamp> {
        let agent = match event {
            Event::Arrives { to: Node::Agent(agent), .. }
            | Event::Wakes(Node::Agent(agent))
            | Event::Connects(Node::Agent(agent))
            | Event::Done { agent, .. } => *agent,
            _ => return None,
        };
        Some(self.agents[agent].frozen_until).filter(|thaw| *thaw > self.now)
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives { to, session, packet } => self.arrives(to, session, packet),
            Event::Wakes(node) => self.wakes(node),
            Event::Connects(node) => self.connects(node),
            Event::AgentStarts(agent) => {
                self.agents[agent].start();
                self.connects(Node::Agent(agent));
            }
            Event::GivenUp { agent, connection } => self.given_up(agent, connection),
            Event::Done { agent, incarnation, work } => self.on_done(agent, incarnation, work),
            Event::Step(index) => self.step(index),
        }
    }

    /// A node's own clock.
    pub(crate) fn clock(&self, node: Node) -> Timestamp {
        self.now + self.ahead(node)
    }

    fn ahead(&self, node: Node) -> Duration {
        let number = match node {
            Node::Agent(index) => index + 1,
            Node::Aggregator(index) => self.scenario.machines.len() + index + 1,
        };
        self.scenario.clock_offset.saturating_mul(number as u32)
    }

    /// Wakes a node when its own clock says `until`.
    pub(crate) fn sleep(&mut self, node: Node, until: Timestamp, ticked: bool) {
        let mut at = until;
        if until != Timestamp::NEVER {
            at = (Timestamp::ZERO + until.since(Timestamp::ZERO + self.ahead(node))).max(self.now);
            if ticked && at == self.now {
                self.violation(format!("{node:?} is ticked and wants to be ticked again at once"));
                at = self.now + Duration::from_millis(1);
            }
        }
        let wakes_at = match node {
            Node::Agent(index) => &mut self.agents[index].wakes_at,
            Node::Aggregator(index) => &mut self.aggregators[index].wakes_at,
        };
        if *wakes_at != at {
            *wakes_at = at;
            if at != Timestamp::NEVER {
                self.queue.push(at, Event::Wakes(node));
            }
        }
    }

    fn wakes(&mut self, node: Node) {
        let wakes_at = match node {
            Node::Agent(index) => &mut self.agents[index].wakes_at,
            Node::Aggregator(index) => &mut self.aggregators[index].wakes_at,
        };
        if *wakes_at > self.now {
            return; // it has changed its mind
        }
        *wakes_at = Timestamp::NEVER;
        match node {
            Node::Agent(index) => self.agent_handles(index, ForAgent::Tick),
            Node::Aggregator(index) => self.aggregator_handles(index, ForAggregator::Tick),
        }
    }

    pub(crate) fn violation(&mut self, what: String) {
        // Enough to see what is wrong.
        if self.record.violations.len() < 20 {
            self.record.violations.push(format!("{:.3} s: {what}", self.now.as_nanos() as f64 / 1e9));
        }
    }
}
