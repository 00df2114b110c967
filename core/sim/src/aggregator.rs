//! An aggregator: its mind, and what it leaves behind.

use crate::bus::{Link, Node, Packet};
use crate::record::RunRecord;
use crate::world::World;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::vec::Vec;
use heijunka_round::{Coordinator, Counters, Input, Output};
use heijunka_units::{RunId, Timestamp};

/// One aggregator.
#[derive(Debug)]
pub(crate) struct Aggregator {
    pub(crate) mind: Coordinator,
    pub(crate) link: Link,
    pub(crate) wakes_at: Timestamp,
    /// It has finished, left or died.
    pub(crate) ended: bool,
    /// The broker was out of reach since the last round closed.
    pub(crate) was_cut_off: bool,
    pub(crate) record: RunRecord,
}

impl Aggregator {
    pub(crate) fn new(mind: Coordinator, run: RunId) -> Self {
        let record = RunRecord {
            run,
            job: mind.job().clone(),
            rounds: Vec::new(),
            models: Vec::new(),
            model: Vec::new(),
            scores: None,
            counters: Counters::default(),
            events: Vec::new(),
            outcome: None,
            superseded_by: None,
        };
        Self { mind, link: Link::default(), wakes_at: Timestamp::NEVER, ended: false, was_cut_off: false, record }
    }

    /// Takes the last things over into the record.
    pub(crate) fn into_record(self) -> RunRecord {
        RunRecord {
            job: self.mind.job().clone(),
            model: self.mind.model().map(<[f32]>::to_vec).unwrap_or_default(),
            scores: self.mind.scores().cloned(),
            counters: self.mind.counters(),
            ..self.record
        }
    }
}

impl World<'_, '_> {
    /// Lets an aggregator's mind handle something, and does what it wants then.
    pub(crate) fn aggregator_handles(&mut self, index: usize, input: Input<'_>) {
        if self.aggregators[index].ended {
            return;
        }
        let clock = self.clock(Node::Aggregator(index));
        let ticked = matches!(input, Input::Tick);
        self.aggregators[index].mind.handle(clock, input);
        loop {
            match self.aggregators[index].mind.poll_output() {
                Output::Wait(until) => {
                    self.keep_first_model(index);
                    return self.sleep(Node::Aggregator(index), until, ticked);
                }
                Output::Publish { channel, agent, bytes } => {
                    let agent = agent.and_then(|id| self.agents.iter().position(|agent| agent.id == id));
                    self.aggregator_publishes(index, Packet { channel, agent, bytes: Rc::from(bytes) });
                }
                Output::Closed(round) => self.on_closed(index, *round),
                Output::Event(event) => {
                    self.record.trace_bytes(event.to_string().as_bytes());
                    self.aggregators[index].record.events.push(event);
                }
                Output::Finished(outcome) => {
                    self.aggregators[index].record.outcome = Some(outcome);
                    self.aggregators[index].ended = true;
                }
                Output::Superseded(run) => {
                    self.aggregators[index].record.superseded_by = Some(run);
                    self.aggregators[index].ended = true;
                    return;
                }
            }
        }
    }
}
