//! The open round: who is asked for what, what has come, and the weighted mean of it.
//!
//! A collection yields a mean and its weight; it knows no model and no optimizer. Without an owner of an optimizer it can
//! gather for one that is somewhere else.
//!
//! Memory: each range has a buffer as long as what has arrived of its answer, and there are at most as many pieces as ranges,
//! each with one: at most two written gradients for each agent. They are given back as soon as they have been added to the
//! sums, which happens in the order of the ranges as they arrive.

mod answers;
mod clock;
mod mean;
mod pieces;
mod range;
mod timers;

pub(crate) use answers::{Limits, Taken};
pub(crate) use clock::Clock;
pub(crate) use mean::WeightedMean;
pub(crate) use range::Range;
pub(crate) use timers::Timer;

use crate::event::RoundName;
use crate::outlier::Outlier;
use crate::record::{AgentRound, Ending, RoundRecord};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Codec, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{Ask, Purpose};
use pieces::Piece;

/// Memory of rounds that are over, for the next ones.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    sums: Vec<f64>,
    answers: Vec<Vec<u8>>,
}

/// What a round is like, apart from its head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Parameters of the model, and so numbers of a gradient.
    pub(crate) parameters: usize,
    /// What an agent leaves when the clock stops it is for others.
    pub(crate) exact: bool,
    /// Ranges that were lost go to agents that are done.
    pub(crate) reissues: bool,
}

/// What a round's record says beside the answers.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Seconds since the round before, until the model had left.
    pub(crate) between_s: f64,
    /// Why the shares moved, if they did.
    pub(crate) moved: Option<String>,
}

/// Bytes that were sent for a round.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    /// Bytes of the round's frames.
    frames: u64,
    /// Bytes of whole models for those who lacked the one before.
    snapshots: u64,
}

/// The open round.
#[derive(Debug)]
pub(crate) struct Collection {
    head: Ask,
    rules: Rules,
    clock: Clock,
    opening: Opening,
    traffic: Traffic,
    ranges: BTreeMap<AgentId, Range>,
    pieces: Vec<Piece>,
    /// Pieces that were handed out.
    handed_out: u32,
    /// A piece that no agent holds may yet be taken by one that has to send something first.
    hopes: bool,
    /// Who sits the round out, in which session.
    idle: Vec<(AgentId, u64)>,
    mean: WeightedMean,
    /// Ranges that have entered the mean, from the first on.
    added: usize,
    memory: Memory,
}

impl Collection {
    /// Of a round that is published now.
    pub(crate) fn new(
        (head, rules): (Ask, Rules),
        clock: Clock,
        opening: Opening,
        ranges: BTreeMap<AgentId, Range>,
        mut memory: Memory,
    ) -> Self {
        let parameters = if head.purpose() == Purpose::Train { rules.parameters } else { 0 };
        let mean = WeightedMean::new(core::mem::take(&mut memory.sums), parameters);
        let (pieces, idle, traffic) = (Vec::new(), Vec::new(), Traffic::default());
        let (handed_out, hopes, added) = (0, false, 0);
        Self { head, rules, clock, opening, traffic, ranges, pieces, handed_out, hopes, idle, mean, added, memory }
    }

    /// Those who could compute and are asked for nothing: they stand in if no other agent is left.
    pub(crate) fn set_idle(&mut self, idle: Vec<(AgentId, u64)>) {
        self.idle = idle;
    }

    /// The mean that it has yielded is of no more use.
    pub(crate) fn give_back(&mut self, mean: WeightedMean) {
        self.mean = mean;
    }

    /// What it leaves to the next round.
    pub(crate) fn into_memory(mut self) -> Memory {
        self.memory.sums = self.mean.into_sums();
        self.memory
    }

    pub(crate) fn head(&self) -> &Ask {
        &self.head
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn clock_mut(&mut self) -> &mut Clock {
        &mut self.clock
    }

    pub(crate) fn reissues(&self) -> bool {
        self.rules.reissues
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.rules.exact
    }

    /// All get the whole model, rather than what has changed of it.
    pub(crate) fn send_whole(&mut self) {
        (self.head.base, self.head.codec) = (None, Codec::Float32);
    }

    /// The round's frames were published, maybe not for the first time.
    pub(crate) fn count_frames(&mut self, bytes: u64) {
        self.traffic.frames += bytes;
    }

    /// A whole model was published for one agent.
    pub(crate) fn count_snapshot(&mut self, bytes: u64) {
        self.traffic.snapshots += bytes;
    }

    /// The round as people count them: by the steps of the model, as `max_rounds` does. One that was given up is not counted
    /// before it succeeds, and scorings are not counted.
    pub(crate) fn name(&self) -> RoundName {
        let steps = self.head.model.0;
        match self.head.purpose() {
            Purpose::Train => RoundName::Training(steps + 1),
            Purpose::Score => RoundName::Scoring(steps),
        }
    }

    /// What each agent was asked for, in the order of the ranges.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (&AgentId, &Range)> {
        self.ranges.iter()
    }

    pub(crate) fn asks(&self, agent: &AgentId) -> bool {
        self.ranges.contains_key(agent)
    }

    /// An agent is no member any more.
    pub(crate) fn lose(&mut self, agent: &AgentId) {
        if let Some(range) = self.ranges.get_mut(agent) {
            range.lose();
        }
    }

    /// An agent has left: others compute what was awaited of it.
    pub(crate) fn lose_if_awaited(&mut self, agent: &AgentId) {
        if let Some(range) = self.ranges.get_mut(agent) {
            range.lose_if_awaited();
        }
    }

    /// An agent is here, in that session. Returns whether its answer is awaited.
    pub(crate) fn rejoin(&mut self, agent: &AgentId, session: u64) -> bool {
        let Some(range) = self.ranges.get_mut(agent) else { return false };
        range.rejoin(session);
        range.is_awaited()
    }

    /// No answer is awaited any more.
    pub(crate) fn is_settled(&self) -> bool {
        let awaited = self.ranges.values().any(Range::is_awaited);
        !awaited && !self.hopes && !self.pieces.iter().any(Piece::is_under_way)
    }

    /// No range is computed, and not because no agent could be reached.
    pub(crate) fn is_beyond_bounds(&self) -> bool {
        self.completed() == 0 && self.ranges.values().any(Range::has_failed)
    }

    /// Ranges that are computed.
    pub(crate) fn completed(&self) -> usize {
        self.ranges.values().filter(|range| range.is_complete()).count()
    }

    /// Agents that were asked.
    pub(crate) fn asked(&self) -> usize {
        self.ranges.len()
    }

    /// Ranges without which no step is taken; `quorum`: their share of those that were asked for.
    pub(crate) fn needed(&self, quorum: f64) -> usize {
        (((quorum * self.ranges.len() as f64) + 0.999_999) as usize).max(1)
    }

    /// Whether a step may be taken on what it has.
    pub(crate) fn has_enough(&self, quorum: f64) -> bool {
        self.completed() >= self.needed(quorum)
    }

    /// Positions of the stream that the round asked for.
    pub(crate) fn positions(&self) -> u64 {
        let Some(train) = self.head.train() else { return 0 };
        u64::from(train.batch_samples).wrapping_mul(u64::from(train.local_steps))
    }

    /// Once the round is closed: of whom ranges were asked, own ones or pieces of others', that are in no sum, and where they
    /// begin. Of an agent's ranges the last one that it may have answered.
    pub(crate) fn unapplied(&self) -> BTreeMap<AgentId, u32> {
        let own = self.ranges.iter().filter(|(_, range)| !range.is_replaced() && !range.has_own());
        let mut unapplied: BTreeMap<AgentId, u32> = own.map(|(agent, own)| (agent.clone(), own.offset())).collect();
        let is_replaced = |of: &AgentId| self.ranges.get(of).is_some_and(Range::is_replaced);
        let pieces = || self.pieces.iter().filter(|piece| !is_replaced(&piece.of));
        let tried = pieces().flat_map(|piece| piece.tried().map(|agent| (agent.clone(), piece.offset)));
        let held = pieces().filter_map(|piece| Some((piece.holder.as_ref()?.0.clone(), piece.offset)));
        unapplied.extend(tried.chain(held));
        unapplied
    }

    /// When something becomes due by itself.
    pub(crate) fn next_due(&self) -> Timestamp {
        let span = self.clock.span();
        let pieces = self.pieces.iter().filter(|piece| piece.is_under_way()).map(|piece| piece.issued + span);
        let waits = self.ranges.values().any(|range| range.is_awaited() && !range.is_lost());
        let overdue = waits.then(|| self.clock.at(Timer::Overdue));
        let spare = (waits && self.completed() > 0).then(|| self.clock.at(Timer::Spare));
        let close = [self.clock.at(Timer::Close), self.clock.at(Timer::Deadline)];
        pieces.chain(overdue).chain(spare).chain(close).fold(Timestamp::NEVER, Timestamp::min)
    }

    /// It has been published, but takes so long to leave: no agent can have it before.
    pub(crate) fn begin_later(&mut self, by: Duration) {
        self.clock.begin_later(by);
        self.opening.between_s += by.as_secs_f64();
    }

    /// The broker was out of reach: all agents get as much time as at first.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        self.clock.put_off(now);
        self.pieces.iter_mut().for_each(|piece| piece.issued = now);
    }

    /// The sum of the scores that have come.
    pub(crate) fn scores(&self) -> Scores {
        let mut sum = Scores::default();
        for scores in self.ranges.values().filter_map(Range::scores) {
            sum.merge(scores);
        }
        sum
    }

    /// The gradient that is out of proportion, of those that have entered the mean.
    pub(crate) fn outlier(&self) -> Option<Outlier> {
        let own = self.ranges.iter().map(|(agent, range)| (agent, range.magnitude()));
        let for_others = self.pieces.iter().filter_map(|piece| Some((&piece.holder.as_ref()?.0, piece.magnitude)));
        let all: Vec<(&AgentId, f32)> = own.chain(for_others).collect();
        Outlier::among(&all, self.head.model.0 + 1)
    }

    /// What it was like, closed now; before it has moved the model.
    pub(crate) fn record(&self, now: Timestamp) -> RoundRecord {
        let agents: Vec<AgentRound> = self.ranges.iter().map(|(agent, range)| range.record(agent)).collect();
        let reissued_samples = agents.iter().map(|agent| agent.reissued).sum();
        let started = self.clock.started();
        RoundRecord {
            round: self.head.round,
            purpose: self.head.purpose(),
            ending: if self.completed() == self.asked() { Ending::Full } else { Ending::Partial },
            model: self.head.model,
            seconds: now.since(started).as_secs_f64(),
            deadline_s: self.clock.at(Timer::Deadline).since(started).as_secs_f64(),
            between_s: self.opening.between_s,
            equal_s: equal_seconds(&agents),
            loss: None,
            learning_rate: 0.0,
            samples: agents.iter().map(|agent| agent.samples).sum::<u32>() + reissued_samples,
            reissued_samples,
            bytes_down: self.traffic.frames * self.asked() as u64 + self.traffic.snapshots,
            bytes_up: self.ranges.values().map(Range::bytes_up).sum(),
            moved: self.opening.moved.clone(),
            agents,
            scores: None,
            summary: None,
        }
    }
}

/// Seconds that the round would have taken with equal shares, scaling each agent's computation.
fn equal_seconds(agents: &[AgentRound]) -> f64 {
    let all: f64 = agents.iter().map(|a| f64::from(a.samples)).sum();
    let equal = all / agents.len().max(1) as f64;
    let time = |a: &AgentRound| {
        let scaled = a.compute_s * equal / f64::from(a.samples.max(1));
        a.total_s - a.compute_s + scaled
    };
    agents.iter().filter(|a| a.samples > 0).map(time).fold(0.0, f64::max)
}
