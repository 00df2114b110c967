//! The round that is open: who is expected, what has arrived, and what is handed to others.

use crate::event::RoundName;
use crate::pieces::Piece;
use crate::record::AgentRound;
use crate::roster::Incoming;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Samples, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{Ask, Gradient, Purpose, Share};

/// A round lasts at most so many times its deadline: for the answers, for those who stand in, for those who stand in
/// for these.
const DEADLINES_MAX: u32 = 3;

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
    /// Where its range begins in the batch.
    pub(crate) offset: u32,
    pub(crate) session: u64,
    pub(crate) answer: Answer,
    /// Others shall compute its range, unless its own answer comes first.
    pub(crate) lost: bool,
    /// The clock stopped it: its answer is of the first part of its range, the rest is for others.
    pub(crate) partial: bool,
    /// The agent started again while it was awaited.
    pub(crate) restarted: bool,
    /// Its range has been cut into pieces.
    pub(crate) split: bool,
    /// All pieces of its range have been computed by others; its own answer no longer counts.
    pub(crate) replaced: bool,
    /// Head of the gradient's first chunk; later chunks must agree.
    pub(crate) gradient: Option<Gradient>,
    pub(crate) incoming: Incoming,
    pub(crate) scores: Option<Scores>,
    /// The largest number of its gradient, once that has entered the sums.
    pub(crate) magnitude: f32,
    /// Its loss or gradient was not finite.
    pub(crate) beyond_bounds: bool,
    pub(crate) bytes_up: u64,
    pub(crate) total_s: f64,
}

impl Expected {
    fn new(assigned: Samples, offset: u32, session: u64) -> Self {
        Self {
            assigned,
            offset,
            session,
            answer: Answer::Awaited,
            lost: false,
            partial: false,
            restarted: false,
            split: false,
            replaced: false,
            gradient: None,
            incoming: Incoming::default(),
            scores: None,
            magnitude: 0.0,
            beyond_bounds: false,
            bytes_up: 0,
            total_s: 0.0,
        }
    }

    /// The answer to a round of that purpose; nothing if its share is empty or a probe.
    pub(crate) fn of(share: &Share, purpose: Purpose, session: u64) -> Option<Self> {
        let amount = match purpose {
            Purpose::Score => share.held_out_rows,
            _ if share.probe => 0,
            _ => share.samples,
        };
        (amount > 0).then(|| Self::new(amount, share.offset, session))
    }

    /// Whether its range is computed, by itself or by others.
    pub(crate) fn is_complete(&self) -> bool {
        (self.answer == Answer::Delivered && !self.partial) || self.replaced
    }

    /// Samples of its range that it has computed itself, if the rest is for others.
    pub(crate) fn done(&self) -> Samples {
        self.gradient.filter(|_| self.partial).map_or(0, |gradient| gradient.samples)
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.answer == Answer::Awaited && !self.replaced
    }

    /// The agent is gone: others shall compute its range.
    pub(crate) fn lose(&mut self) {
        self.answer = Answer::Gone;
        self.lost = true;
    }

    /// What has arrived of its answer is of no use; it may come again.
    pub(crate) fn forget_answer(&mut self) {
        self.gradient = None;
        self.incoming.begin_afresh();
    }

    /// A new session begins its answer afresh.
    pub(crate) fn restart(&mut self, session: u64) {
        if self.session != session && self.answer != Answer::Delivered {
            self.forget_answer();
            (self.session, self.answer, self.beyond_bounds) = (session, Answer::Awaited, false);
            (self.lost, self.restarted) = (true, true);
        }
    }

    pub(crate) fn record(&self, agent: &AgentId) -> AgentRound {
        let delivered = self.answer == Answer::Delivered;
        let own = self.gradient.filter(|_| delivered).map(|g| g.durations).unwrap_or_default();
        let seconds = |micros: u32| f64::from(micros) / 1e6;
        AgentRound {
            agent: agent.clone(),
            assigned: self.assigned,
            samples: self.gradient.filter(|_| delivered).map_or(0, |g| g.samples),
            reissued: if self.replaced { self.assigned - self.done() } else { 0 },
            total_s: if delivered { self.total_s } else { 0.0 },
            compute_s: seconds(own.compute_us),
            own_s: seconds(own.decode_us) + seconds(own.compute_us) + seconds(own.encode_us),
        }
    }
}

/// The open round.
///
/// Memory: each expected answer has a buffer as long as what has arrived of it, and there are at most as many pieces as
/// expected agents, each with one: at most two written gradients for each agent. They are given back as soon as they have been
/// added to the sums, which happens in the order of the ranges as they arrive.
#[derive(Debug)]
pub(crate) struct OpenRound {
    pub(crate) head: Ask,
    pub(crate) started: Timestamp,
    /// The learned deadline.
    pub(crate) span: Duration,
    /// When those still awaited are no longer waited for.
    pub(crate) overdue: Timestamp,
    /// When others begin to compute what those still awaited were asked for, whoever comes first.
    pub(crate) spare_at: Option<Timestamp>,
    /// What an agent leaves when the clock stops it is for others.
    pub(crate) exact: bool,
    /// When the round is closed whatever has arrived.
    pub(crate) deadline: Timestamp,
    /// The deadline is never put off beyond.
    pub(crate) latest: Timestamp,
    /// When it is closed if enough has arrived.
    pub(crate) close_at: Option<Timestamp>,
    /// It is closed as soon as enough has arrived.
    pub(crate) closing: bool,
    /// Ranges that were lost go to agents already done.
    pub(crate) reissues: bool,
    pub(crate) pieces: Vec<Piece>,
    /// Who sits the round out, in which session.
    pub(crate) idle: Vec<(AgentId, u64)>,
    /// A piece that nobody holds may yet be taken by an agent that is to be heard first.
    pub(crate) hopes: bool,
    /// Pieces that were handed out.
    pub(crate) handed_out: u32,
    pub(crate) between_s: f64,
    pub(crate) expected: BTreeMap<AgentId, Expected>,
    pub(crate) frame_bytes: u64,
    /// Bytes of whole models for those who lacked the one before.
    pub(crate) snapshot_bytes: u64,
    /// When it may be published again for an agent that lost it.
    pub(crate) repeat_from: Timestamp,
    pub(crate) repeat_wait: Duration,
    pub(crate) moved: Option<String>,
    pub(crate) mean: Mean,
}

/// What has entered the round's sums.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    /// Ranges, from the first on.
    pub(crate) ranges: usize,
    /// Sum of the weights.
    pub(crate) weights: f64,
    /// Weighted sum of the mean losses.
    pub(crate) loss: f64,
}

impl OpenRound {
    /// A round that is published now.
    pub(crate) fn new(head: Ask, now: Timestamp, span: Duration, expected: BTreeMap<AgentId, Expected>) -> Self {
        let deadline = now + span;
        Self {
            head,
            started: now,
            span,
            overdue: deadline,
            spare_at: None,
            exact: false,
            deadline,
            latest: now + span.saturating_mul(DEADLINES_MAX),
            close_at: None,
            closing: false,
            reissues: false,
            pieces: Vec::new(),
            idle: Vec::new(),
            hopes: false,
            handed_out: 0,
            between_s: 0.0,
            expected,
            frame_bytes: 0,
            snapshot_bytes: 0,
            repeat_from: now + crate::publish::REPEAT_WAIT,
            repeat_wait: crate::publish::REPEAT_WAIT,
            moved: None,
            mean: Mean::default(),
        }
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

    /// Nobody is awaited any more.
    pub(crate) fn is_settled(&self) -> bool {
        let nobody = !self.expected.values().any(Expected::is_awaited);
        nobody && !self.hopes && !self.pieces.iter().any(Piece::is_under_way)
    }

    /// Nobody has delivered, and not because nobody could be reached.
    pub(crate) fn is_beyond_bounds(&self) -> bool {
        self.completed() == 0 && self.expected.values().any(|expected| expected.beyond_bounds)
    }

    /// Ranges that are computed.
    pub(crate) fn completed(&self) -> usize {
        self.expected.values().filter(|expected| expected.is_complete()).count()
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.completed() == self.expected.len()
    }

    /// Once the round is closed: of whom ranges were asked, own ones or pieces of others', that are in no sum, and where they
    /// begin. Of an agent's ranges the last one that it may have answered.
    pub(crate) fn untaken(&self) -> BTreeMap<AgentId, u32> {
        let own =
            self.expected.iter().filter(|(_, expected)| !expected.replaced && expected.answer != Answer::Delivered);
        let mut untaken: BTreeMap<AgentId, u32> = own.map(|(agent, own)| (agent.clone(), own.offset)).collect();
        let is_replaced = |of: &AgentId| self.expected.get(of).is_some_and(|expected| expected.replaced);
        let pieces = || self.pieces.iter().filter(|piece| !is_replaced(&piece.of));
        let in_vain = pieces().flat_map(|piece| piece.in_vain().map(|agent| (agent.clone(), piece.offset)));
        let held = pieces().filter_map(|piece| Some((piece.holder.as_ref()?.0.clone(), piece.offset)));
        untaken.extend(in_vain.chain(held));
        untaken
    }

    /// When something becomes due by itself.
    pub(crate) fn next_due(&self) -> Timestamp {
        let pieces = self.pieces.iter().filter(|piece| piece.is_under_way()).map(|piece| piece.issued + self.span);
        let waits = |expected: &Expected| expected.is_awaited() && !expected.lost;
        let overdue = self.expected.values().any(waits).then_some(self.overdue);
        let spare = self.spare_at.filter(|_| overdue.is_some() && self.completed() > 0);
        pieces.chain(overdue).chain(spare).chain(self.close_at).fold(self.deadline, Timestamp::min)
    }

    /// It has been published, but takes so long to leave: nobody can have it before.
    pub(crate) fn begin_later(&mut self, by: Duration) {
        for time in [&mut self.started, &mut self.overdue, &mut self.deadline, &mut self.latest, &mut self.repeat_from]
        {
            *time = *time + by;
        }
        for time in [&mut self.spare_at, &mut self.close_at] {
            *time = time.map(|time| time + by);
        }
        self.between_s += by.as_secs_f64();
    }

    /// The broker was out of reach: everybody gets as much time as at first.
    pub(crate) fn put_off(&mut self, now: Timestamp) {
        let later = |time: Timestamp, spans: u32| time.max(now + self.span.saturating_mul(spans));
        (self.overdue, self.deadline) = (later(self.overdue, 1), later(self.deadline, 1));
        self.latest = later(self.latest, DEADLINES_MAX);
        self.spare_at = self.spare_at.map(|at| now + at.since(self.started));
        self.pieces.iter_mut().for_each(|piece| piece.issued = now);
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
