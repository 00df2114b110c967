//! What the page remembers of a round, a scoring and an event.

use crate::curve::Point;
use heijunka_round::{AgentRound, Ending, Event, Summary};
use std::sync::Arc;

/// Training rounds on the curves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundLine {
    /// Counts what is sent to a browser, from 1.
    pub(crate) sequence: u64,
    /// How many rounds these are; times and losses are means over them.
    pub(crate) rounds: u64,
    /// Steps of the model after the last of them.
    pub(crate) step: u64,
    /// How the worst of them ended.
    pub(crate) ending: Ending,
    pub(crate) seconds: f64,
    pub(crate) between_s: f64,
    pub(crate) equal_s: f64,
    pub(crate) loss: Option<f64>,
}

impl Point for RoundLine {
    fn merge(&mut self, next: Self) {
        let (before, after) = (self.rounds as f64, next.rounds as f64);
        let mean = |a: f64, b: f64| (a * before + b * after) / (before + after);
        let loss = self.loss.zip(next.loss).map(|(a, b)| mean(a, b)).or(self.loss).or(next.loss);
        let worst = |a: Ending, b: Ending| if place(a) > place(b) { a } else { b };
        *self = Self {
            sequence: next.sequence,
            rounds: self.rounds + next.rounds,
            step: next.step,
            ending: worst(self.ending, next.ending),
            seconds: mean(self.seconds, next.seconds),
            between_s: mean(self.between_s, next.between_s),
            equal_s: mean(self.equal_s, next.equal_s),
            loss,
        };
    }
}

/// Among the sums of rounds.
pub(crate) fn place(ending: Ending) -> usize {
    match ending {
        Ending::Full => 0,
        Ending::Partial => 1,
        Ending::GivenUp => 2,
    }
}

/// A scoring on the curves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScoreLine {
    pub(crate) sequence: u64,
    pub(crate) step: u64,
    pub(crate) summary: Summary,
}

impl Point for ScoreLine {
    fn merge(&mut self, next: Self) {
        *self = next;
    }
}

/// The shares from a round on.
#[derive(Clone, Debug)]
pub(crate) struct ShareLine {
    pub(crate) sequence: u64,
    pub(crate) step: u64,
    /// Samples in the order of the board's names; the rest have none.
    pub(crate) samples: Arc<[u32]>,
}

impl Point for ShareLine {
    fn merge(&mut self, next: Self) {
        *self = next;
    }
}

/// How a round was spent, of the rounds that the timeline shows.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) sequence: u64,
    pub(crate) step: u64,
    /// In the order of the board's names; `None` for those that were not asked, nothing but zeros for those that did not answer.
    pub(crate) parts: Arc<[Option<Parts>]>,
}

/// What a round took and would have taken, from one round to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) round_s: f64,
    pub(crate) equal_s: f64,
}

/// An event on the list.
#[derive(Clone, Debug)]
pub(crate) struct EventLine {
    pub(crate) sequence: u64,
    pub(crate) time: String,
    pub(crate) event: Event,
}

/// One agent's part of one round, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Parts {
    /// In the agent's hands: decoding, computing, encoding.
    pub(crate) compute_s: f64,
    /// On the way, there and back, and in queues.
    pub(crate) network_s: f64,
    /// Done, while others were not.
    pub(crate) waiting_s: f64,
    pub(crate) samples: f64,
}

impl Parts {
    pub(crate) fn of(agent: &AgentRound, round_s: f64) -> Self {
        Self {
            compute_s: agent.own_s.min(agent.total_s),
            network_s: (agent.total_s - agent.own_s).max(0.0),
            waiting_s: (round_s - agent.total_s).max(0.0),
            samples: f64::from(agent.samples),
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.compute_s += other.compute_s;
        self.network_s += other.network_s;
        self.waiting_s += other.waiting_s;
        self.samples += other.samples;
    }

    pub(crate) fn over(&self, rounds: f64) -> Self {
        Self {
            compute_s: self.compute_s / rounds,
            network_s: self.network_s / rounds,
            waiting_s: self.waiting_s / rounds,
            samples: self.samples / rounds,
        }
    }

    /// Seconds until its answer was there.
    pub(crate) fn total_s(&self) -> f64 {
        self.compute_s + self.network_s
    }
}
