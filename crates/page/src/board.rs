//! What the page remembers of the rounds: bounded, kept by the driver, a few numbers a round.

use crate::curve::Curve;
use crate::lines::{Column, EventLine, Parts, RoundLine, ScoreLine, ShareLine, Span, place};
use heijunka_round::{AgentRound, Ending, Event, Level, RoundRecord};
use heijunka_units::AgentId;
use heijunka_wire::Purpose;
use heijunka_wire::limits::AGENTS_MAX;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Points of the curves of rounds, and rounds behind the means.
pub(crate) const ROUNDS_KEPT: usize = 600;
/// Points of the curves of scores.
pub(crate) const SCORES_KEPT: usize = 600;
/// Points of the shares' curve.
pub(crate) const SHARES_KEPT: usize = 200;
/// Rounds that the timeline shows.
pub(crate) const COLUMNS_KEPT: usize = 40;
/// The timeline shows at most one round in this time: rounds of milliseconds would be a blur.
const COLUMN_EVERY: Duration = Duration::from_secs(1);
/// Events that the page lists.
pub(crate) const EVENTS_KEPT: usize = 50;
/// Rounds behind an agent's bar.
pub(crate) const RECENT_ROUNDS: usize = 20;
/// Upper bounds of the histogram of round times, in seconds.
pub(crate) const BUCKETS_S: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

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
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) rounds: Curve<RoundLine>,
    pub(crate) scores: Curve<ScoreLine>,
    pub(crate) last_score: Option<ScoreLine>,
    pub(crate) shares: Curve<ShareLine>,
    pub(crate) columns: VecDeque<Column>,
    /// The last rounds that were not given up.
    pub(crate) recent: VecDeque<Span>,
    pub(crate) events: VecDeque<Arc<EventLine>>,
    pub(crate) agents: BTreeMap<AgentId, AgentHistory>,
    /// Agents in the order in which shares and columns name them.
    pub(crate) names: Arc<Vec<AgentId>>,
    pub(crate) sums: Sums,
    /// Training rounds that were given up since the last that was not.
    pub(crate) in_vain: u64,
    /// Who was asked for how many samples, as the shares' curve has it.
    asked: Vec<(AgentId, u32)>,
    sequence: u64,
    column_due: Option<Instant>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            rounds: Curve::new(ROUNDS_KEPT),
            scores: Curve::new(SCORES_KEPT),
            last_score: None,
            shares: Curve::new(SHARES_KEPT),
            columns: VecDeque::new(),
            recent: VecDeque::new(),
            events: VecDeque::new(),
            agents: BTreeMap::new(),
            names: Arc::default(),
            sums: Sums::default(),
            in_vain: 0,
            asked: Vec::new(),
            sequence: 0,
            column_due: None,
        }
    }
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
                self.scores.push(line);
                self.last_score = Some(line);
            }
            return;
        }
        let line = RoundLine {
            sequence,
            rounds: 1,
            step,
            ending: record.ending,
            seconds: record.seconds,
            between_s: record.between_s,
            equal_s: record.equal_s,
            loss: record.loss,
        };
        self.rounds.push(line);
        self.in_vain = if record.ending == Ending::GivenUp { self.in_vain + 1 } else { 0 };
        if record.ending != Ending::GivenUp {
            let span = Span { round_s: record.seconds + record.between_s, equal_s: record.equal_s + record.between_s };
            push(&mut self.recent, span, ROUNDS_KEPT);
        }
        self.sum(record);
        for agent in &record.agents {
            self.add_agent(agent, record);
        }
        self.add_shares(record, step);
        self.add_column(record, step);
    }

    /// For each of the board's names what `of` makes of the agent's part of the round.
    fn by_name<T: Clone + Default>(&mut self, record: &RoundRecord, of: impl Fn(&AgentRound) -> T) -> Vec<T> {
        let mut values = Vec::new();
        for agent in &record.agents {
            let known = self.names.iter().position(|name| *name == agent.agent);
            let place = match known {
                Some(place) => place,
                None if self.names.len() < AGENTS_MAX => {
                    Arc::make_mut(&mut self.names).push(agent.agent.clone());
                    self.names.len() - 1
                }
                None => continue,
            };
            if values.len() <= place {
                values.resize(place + 1, T::default());
            }
            if let Some(value) = values.get_mut(place) {
                *value = of(agent);
            }
        }
        values
    }

    fn add_shares(&mut self, record: &RoundRecord, step: u64) {
        let asked = || record.agents.iter().map(|agent| (&agent.agent, agent.assigned));
        if !self.asked.iter().map(|(agent, samples)| (agent, *samples)).eq(asked()) {
            self.asked = asked().map(|(agent, samples)| (agent.clone(), samples)).collect();
            let samples = self.by_name(record, |agent| agent.assigned).into();
            let sequence = self.next();
            self.shares.push(ShareLine { sequence, step, samples });
        }
    }

    fn add_column(&mut self, record: &RoundRecord, step: u64) {
        let now = Instant::now();
        if self.column_due.is_some_and(|due| now < due) {
            return;
        }
        self.column_due = Some(now + COLUMN_EVERY);
        let of =
            |agent: &AgentRound| if agent.samples > 0 { Parts::of(agent, record.seconds) } else { Parts::default() };
        let parts = self.by_name(record, |agent| Some(of(agent)));
        let sequence = self.next();
        push(&mut self.columns, Column { sequence, step, parts: parts.into() }, COLUMNS_KEPT);
    }

    fn sum(&mut self, record: &RoundRecord) {
        let sums = &mut self.sums;
        if let Some(rounds) = sums.rounds.get_mut(place(record.ending)) {
            *rounds += 1;
        }
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
    pub(crate) fn add_event(&mut self, event: &Event, time: String) {
        // Those that say that all is well must not push out those that ask for something.
        let full = self.events.len() >= EVENTS_KEPT;
        let calm = full.then(|| self.events.iter().position(|line| line.event.level() == Level::Info)).flatten();
        if let Some(place) = calm {
            self.events.remove(place);
        }
        let line = EventLine { sequence: self.next(), time, event: event.clone() };
        push(&mut self.events, Arc::new(line), EVENTS_KEPT);
    }
}
