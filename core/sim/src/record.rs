//! What happened.

use alloc::string::String;
use alloc::vec::Vec;
use heijunka_round::{Code, Counters, Ending, Event, Outcome, RoundRecord};
use heijunka_units::{AgentId, RunId, Samples, Timestamp, mix};
use heijunka_wire::document::{Job, Scores};
use heijunka_wire::{Channel, Purpose};
use heijunka_worker::Note;

/// What happened in a world.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Digest of every message delivered and every output, with its time.
    pub trace: u64,
    /// One for each aggregator, in the order of their runs.
    pub runs: Vec<RunRecord>,
    /// What the agents noticed.
    pub notes: Vec<(AgentId, Note)>,
    /// Virtual seconds until the last aggregator ended.
    pub seconds: f64,
    /// Messages delivered.
    pub messages: u64,
    /// Join messages published.
    pub announcements: u64,
    /// Ranges of their own that agents have answered, where the scenario keeps models: samples and mean gradient.
    pub computed: Vec<(Samples, Vec<f32>)>,
    /// What the agents' written gradients have yet to send at the end, one after the other; units of summed gradients.
    pub residuals: Vec<Vec<f32>>,
    /// Messages of agents with a capped uplink.
    pub capped: Vec<Sent>,
    /// What should never happen, but did.
    pub violations: Vec<String>,
}

/// A message that an agent has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Number of the agent.
    pub agent: usize,
    /// How often its process had been started.
    pub starts: u32,
    /// The world's time.
    pub at: Timestamp,
    /// The topic's channel.
    pub channel: Channel,
    /// Bytes of the frame.
    pub bytes: usize,
}

/// What happened to one aggregator.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Its run.
    pub run: RunId,
    /// The job as it was last published.
    pub job: Job,
    /// Its closed rounds.
    pub rounds: Vec<RoundRecord>,
    /// The model after each closed round, where the scenario asks for it, the first model before them.
    pub models: Vec<Vec<f32>>,
    /// The last model; empty if there was none.
    pub model: Vec<f32>,
    /// The last scores.
    pub scores: Option<Scores>,
    /// What became of the answers.
    pub counters: Counters,
    /// What it reported to people.
    pub events: Vec<Event>,
    /// How it ended, if it did by itself.
    pub outcome: Option<Outcome>,
    /// The newer run that made it leave.
    pub superseded_by: Option<RunId>,
}

impl Record {
    /// The newest aggregator's.
    pub fn last(&self) -> Option<&RunRecord> {
        self.runs.last()
    }

    pub(crate) fn trace(&mut self, value: u64) {
        self.trace = mix(self.trace.rotate_left(1) ^ value);
    }

    pub(crate) fn trace_bytes(&mut self, bytes: &[u8]) {
        self.trace(heijunka_wire::digest(bytes));
    }
}

impl RunRecord {
    /// Rounds that moved the model.
    pub fn steps(&self) -> impl Iterator<Item = &RoundRecord> {
        self.rounds.iter().filter(|round| round.purpose == Purpose::Train && round.ending != Ending::GivenUp)
    }

    /// Bits of the last model.
    pub fn bits(&self) -> Vec<u32> {
        self.model.iter().map(|parameter| parameter.to_bits()).collect()
    }

    /// How many events of that code were reported.
    pub fn count(&self, code: Code) -> usize {
        self.events.iter().filter(|event| event.code() == code).count()
    }
}
