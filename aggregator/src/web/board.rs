//! What the page remembers of the rounds: bounded, kept by the driver, a few numbers a round.

use crate::people::now;
use heijunka_round::{AgentRound, Ending, Event, Level, RoundRecord, Summary};
use heijunka_units::AgentId;
use heijunka_wire::Purpose;
use heijunka_wire::limits::AGENTS_MAX;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Rounds that the curves show.
pub(crate) const ROUNDS_KEPT: usize = 600;
/// Scorings that the curves show.
pub(crate) const SCORES_KEPT: usize = 600;
/// Events that the page lists.
pub(crate) const EVENTS_KEPT: usize = 50;
/// Rounds behind an agent's bar.
pub(crate) const RECENT_ROUNDS: usize = 20;
/// Upper bounds of the histogram of round times, in seconds.
pub(crate) const BUCKETS_S: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// A training round on the curves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundLine {
    /// Counts the rounds of this program, from 1.
    pub(crate) sequence: u64,
    /// Steps of the model after the round.
    pub(crate) step: u64,
    pub(crate) ending: Ending,
    pub(crate) seconds: f64,
    pub(crate) between_s: f64,
    pub(crate) equal_s: f64,
    pub(crate) loss: Option<f64>,
}

/// A scoring on the curves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScoreLine {
    pub(crate) sequence: u64,
    pub(crate) step: u64,
    pub(crate) summary: Summary,
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
    fn of(agent: &AgentRound, round_s: f64) -> Self {
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

/// What is remembered of an agent.
#[derive(Clone, Debug, Default)]
pub(crate) struct AgentHistory {
    /// The last rounds that it was expected in; `None` where it did not answer.
    recent: VecDeque<Option<Parts>>,
    pub(crate) sums: Parts,
    pub(crate) answered: u64,
    pub(crate) missed: u64,
}

impl AgentHistory {
    fn add(&mut self, parts: Option<Parts>) {
        match &parts {
            Some(parts) => {
                self.sums.add(parts);
                self.answered += 1;
            }
            None => self.missed += 1,
        }
        push(&mut self.recent, parts, RECENT_ROUNDS);
    }

    /// Mean parts of the recent rounds that it answered, and how many of the recent rounds it did not answer.
    pub(crate) fn recent(&self) -> (Option<Parts>, usize) {
        let answered: Vec<&Parts> = self.recent.iter().flatten().collect();
        let mut sums = Parts::default();
        answered.iter().for_each(|parts| sums.add(parts));
        let mean = (!answered.is_empty()).then(|| sums.over(answered.len() as f64));
        (mean, self.recent.len() - answered.len())
    }

    pub(crate) fn recent_rounds(&self) -> usize {
        self.recent.len()
    }
}

/// Sums since the program began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    /// Training rounds: full, partial, given up.
    pub(crate) rounds: [u64; 3],
    pub(crate) scorings: u64,
    /// Training rounds by [`BUCKETS_S`], not cumulated; the longer ones are in none.
    pub(crate) buckets: [u64; BUCKETS_S.len()],
    pub(crate) seconds: f64,
    pub(crate) between_s: f64,
    pub(crate) equal_s: f64,
    pub(crate) samples: u64,
    pub(crate) reissued_samples: u64,
    pub(crate) bytes_down: u64,
    pub(crate) bytes_up: u64,
}

/// The driver's side of the page's memory.
#[derive(Debug, Default)]
pub(crate) struct Board {
    pub(crate) rounds: VecDeque<RoundLine>,
    pub(crate) scores: VecDeque<ScoreLine>,
    pub(crate) events: VecDeque<Arc<EventLine>>,
    pub(crate) agents: BTreeMap<AgentId, AgentHistory>,
    pub(crate) sums: Sums,
    sequence: u64,
}

fn push<T>(queue: &mut VecDeque<T>, item: T, kept: usize) {
    if queue.len() >= kept {
        queue.pop_front();
    }
    queue.push_back(item);
}

impl Board {
    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Takes in a closed round; `step` is the model's number of steps after it.
    pub(crate) fn add(&mut self, record: &RoundRecord, step: u64) {
        let sequence = self.next();
        self.sums.bytes_down += record.bytes_down;
        self.sums.bytes_up += record.bytes_up;
        if record.purpose == Purpose::Score {
            self.sums.scorings += 1;
            if let Some(summary) = record.summary {
                let line = ScoreLine { sequence, step, summary };
                push(&mut self.scores, line, SCORES_KEPT);
            }
            return;
        }
        let line = RoundLine {
            sequence,
            step,
            ending: record.ending,
            seconds: record.seconds,
            between_s: record.between_s,
            equal_s: record.equal_s,
            loss: record.loss,
        };
        push(&mut self.rounds, line, ROUNDS_KEPT);
        self.sum(record);
        for agent in &record.agents {
            self.add_agent(agent, record);
        }
    }

    fn sum(&mut self, record: &RoundRecord) {
        let sums = &mut self.sums;
        let [full, partial, given_up] = &mut sums.rounds;
        *match record.ending {
            Ending::Full => full,
            Ending::Partial => partial,
            Ending::GivenUp => given_up,
        } += 1;
        if let Some(bucket) = BUCKETS_S.iter().zip(&mut sums.buckets).find(|(bound, _)| record.seconds <= **bound) {
            *bucket.1 += 1;
        }
        sums.seconds += record.seconds;
        sums.between_s += record.between_s;
        sums.equal_s += record.equal_s;
        sums.samples += u64::from(record.samples);
        sums.reissued_samples += u64::from(record.reissued_samples);
    }

    fn add_agent(&mut self, agent: &AgentRound, record: &RoundRecord) {
        if agent.assigned == 0 {
            return;
        }
        if self.agents.len() >= AGENTS_MAX && !self.agents.contains_key(&agent.agent) {
            self.agents.retain(|known, _| record.agents.iter().any(|here| here.agent == *known));
        }
        let parts = (agent.samples > 0).then(|| Parts::of(agent, record.seconds));
        self.agents.entry(agent.agent.clone()).or_default().add(parts);
    }

    /// Takes in an event.
    pub(crate) fn tell(&mut self, event: &Event) {
        // Those that say that all is well must not push out those that ask for something.
        let full = self.events.len() >= EVENTS_KEPT;
        let calm = full.then(|| self.events.iter().position(|line| line.event.level == Level::Info)).flatten();
        if let Some(place) = calm {
            self.events.remove(place);
        }
        let line = EventLine { sequence: self.next(), time: now(), event: event.clone() };
        push(&mut self.events, Arc::new(line), EVENTS_KEPT);
    }
}
