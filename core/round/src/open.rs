//! The round that is open: who is expected, and what has arrived.

use crate::record::AgentRound;
use crate::roster::Incoming;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::time::Duration;
use heijunka_units::{AgentId, Samples, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{Assembly, Gradient, Round};

/// What is known of one expected answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing, or not all of it.
    Awaited,
    /// It is whole.
    Delivered,
    /// The agent left.
    Gone,
}

/// One expected answer.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) assigned: Samples,
    pub(crate) session: u64,
    pub(crate) answer: Answer,
    pub(crate) assembly: Assembly,
    /// Head of the gradient's first chunk; later chunks must agree.
    pub(crate) gradient: Option<Gradient>,
    pub(crate) incoming: Incoming,
    pub(crate) scores: Option<Scores>,
    /// Its loss or gradient was not finite.
    pub(crate) beyond_bounds: bool,
    pub(crate) bytes_up: u64,
    pub(crate) total_s: f64,
}

impl Expected {
    pub(crate) fn new(assigned: Samples, session: u64) -> Self {
        Self {
            assigned,
            session,
            answer: Answer::Awaited,
            assembly: Assembly::new(),
            gradient: None,
            incoming: Incoming::default(),
            scores: None,
            beyond_bounds: false,
            bytes_up: 0,
            total_s: 0.0,
        }
    }

    /// A new session begins its answer afresh.
    pub(crate) fn restart(&mut self, session: u64) {
        if self.session != session && self.answer != Answer::Delivered {
            *self = Self { bytes_up: self.bytes_up, ..Self::new(self.assigned, session) };
        }
    }

    pub(crate) fn record(&self, agent: &AgentId) -> AgentRound {
        let delivered = self.answer == Answer::Delivered;
        let own = self.gradient.map(|g| g.durations).unwrap_or_default();
        let seconds = |micros: u32| f64::from(micros) / 1e6;
        AgentRound {
            agent: agent.clone(),
            assigned: self.assigned,
            samples: self.gradient.filter(|_| delivered).map_or(0, |g| g.samples),
            total_s: if delivered { self.total_s } else { 0.0 },
            compute_s: seconds(own.compute_us),
            own_s: seconds(own.decode_us) + seconds(own.compute_us) + seconds(own.encode_us),
        }
    }
}

/// The open round.
#[derive(Debug)]
pub(crate) struct OpenRound {
    pub(crate) head: Round,
    pub(crate) started: Timestamp,
    pub(crate) deadline: Timestamp,
    pub(crate) between_s: f64,
    pub(crate) expected: BTreeMap<AgentId, Expected>,
    pub(crate) frame_bytes: u64,
    /// When it may be published again for an agent that lost it.
    pub(crate) repeat_from: Timestamp,
    pub(crate) repeat_wait: Duration,
    pub(crate) moved: Option<String>,
}

impl OpenRound {
    /// Nobody is awaited any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.expected.values().all(|expected| expected.answer != Answer::Awaited)
    }

    /// Nobody has delivered, and not because nobody could be reached.
    pub(crate) fn is_beyond_bounds(&self) -> bool {
        self.delivered() == 0 && self.expected.values().any(|expected| expected.beyond_bounds)
    }

    pub(crate) fn delivered(&self) -> usize {
        self.expected.values().filter(|expected| expected.answer == Answer::Delivered).count()
    }
}

/// Seconds that the round would have taken with equal shares, scaling each agent's computation.
pub(crate) fn equal_seconds(agents: &[AgentRound]) -> f64 {
    let all: f64 = agents.iter().map(|a| f64::from(a.samples)).sum();
    let equal = all / agents.len().max(1) as f64;
    let time = |a: &AgentRound| {
        let scaled = a.compute_s * equal / f64::from(a.samples.max(1));
        a.total_s - a.compute_s + scaled
    };
    agents.iter().filter(|a| a.samples > 0).map(time).fold(0.0, f64::max)
}
