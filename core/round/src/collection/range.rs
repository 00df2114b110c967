//! One range of the batch, from being asked for to being computed.
//!
//! ```text
//!            whole answer
//!  Awaited ─────────────────────────────────────────────► Answered
//!     │ ╲                                                  ▲
//!     │  ╲ its loss is not finite                          │ its own whole answer comes first
//!     │   ╲──────────► Failed                              │
//!     │ late, gone, restarted, or stopped by the clock     │
//!     ▼                                                    │
//!   Lost ─────────────── cut into pieces ──────────────► Split ──── all pieces answered ───► Replaced
//! ```
//!
//! The last four remember what became of the agent's own answer ([`Own`]): it may still come while others are at the range,
//! and what the clock stopped counts beside the pieces of the rest.

use crate::event::Cause;
use crate::incoming::Incoming;
use crate::record::AgentRound;
use heijunka_units::{AgentId, Samples};
use heijunka_wire::document::Scores;
use heijunka_wire::{Gradient, Purpose, Share};

/// What became of the own answer of a range's agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// It may still come.
    Awaited,
    /// The clock stopped it: it is of the first samples of the range.
    Stopped,
    /// Its loss or gradient was not finite.
    Failed,
    /// The agent left.
    Gone,
}

/// A range's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Its agent alone is asked for it.
    Awaited,
    /// Its agent has computed all of it.
    Answered,
    /// Its agent found a loss or gradient that is not finite. No other agent is asked: with the same rows it would find the same.
    Failed,
    /// Others are to compute it, or what its agent left of it.
    Lost(Cause, Own),
    /// It has been cut into pieces for others.
    Split(Own),
    /// Others have computed all pieces of it; the agent's own answer counts no longer, but for what the clock stopped.
    Replaced(Own),
}

/// A range that was asked for, or rows to score.
#[derive(Debug)]
pub(crate) struct Range {
    life: Life,
    assigned: Samples,
    /// Where it begins in the batch.
    offset: u32,
    session: u64,
    /// Head of the gradient's first chunk; later chunks must agree.
    gradient: Option<Gradient>,
    incoming: Incoming,
    scores: Option<Scores>,
    /// The largest number of its gradient, once that has entered the sums.
    magnitude: f32,
    bytes_up: u64,
    total_s: f64,
}

impl Range {
    /// What a round of that purpose asks for; nothing if the share is empty or a probe.
    pub(crate) fn of(share: &Share, purpose: Purpose, session: u64) -> Option<Self> {
        let assigned = match purpose {
            Purpose::Score => share.held_out_rows,
            _ if share.probe => 0,
            _ => share.samples,
        };
        (assigned > 0).then(|| Self {
            life: Life::Awaited,
            assigned,
            offset: share.offset,
            session,
            gradient: None,
            incoming: Incoming::default(),
            scores: None,
            magnitude: 0.0,
            bytes_up: 0,
            total_s: 0.0,
        })
    }

    pub(crate) fn life(&self) -> Life {
        self.life
    }

    pub(crate) fn assigned(&self) -> Samples {
        self.assigned
    }

    pub(crate) fn offset(&self) -> u32 {
        self.offset
    }

    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    pub(crate) fn bytes_up(&self) -> u64 {
        self.bytes_up
    }

    pub(crate) fn scores(&self) -> Option<&Scores> {
        self.scores.as_ref()
    }

    pub(crate) fn magnitude(&self) -> f32 {
        self.magnitude
    }

    /// What became of its agent's own answer; `None` if it is whole.
    fn own(&self) -> Option<Own> {
        match self.life {
            Life::Awaited => Some(Own::Awaited),
            Life::Failed => Some(Own::Failed),
            Life::Answered => None,
            Life::Lost(_, own) | Life::Split(own) | Life::Replaced(own) => Some(own),
        }
    }

    /// Whether its samples are computed, by its agent or by others.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.life, Life::Answered | Life::Replaced(_))
    }

    /// Whether the round waits for its agent.
    pub(crate) fn is_awaited(&self) -> bool {
        self.lacks_own() && !self.is_replaced()
    }

    /// Whether its agent's own answer may still come, of use or not.
    pub(crate) fn lacks_own(&self) -> bool {
        self.own() == Some(Own::Awaited)
    }

    /// Whether its agent has answered, all of it or what it could until the clock stopped it.
    pub(crate) fn has_own(&self) -> bool {
        matches!(self.own(), None | Some(Own::Stopped))
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.own() == Some(Own::Failed)
    }

    /// Whether the clock stopped its agent.
    pub(crate) fn is_stopped(&self) -> bool {
        self.own() == Some(Own::Stopped)
    }

    /// Whether others have computed it, or what its agent left of it.
    pub(crate) fn is_replaced(&self) -> bool {
        matches!(self.life, Life::Replaced(_))
    }

    /// Whether others were to compute it at some time, and its agent has not answered all of it.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self.life, Life::Lost(..) | Life::Split(_) | Life::Replaced(_))
    }

    /// Samples that its agent has computed, if the rest is for others.
    pub(crate) fn done(&self) -> Samples {
        self.gradient.filter(|_| self.is_stopped()).map_or(0, |gradient| gradient.samples)
    }

    /// The samples that others have to compute, and where they begin.
    pub(crate) fn rest(&self) -> (Samples, u32) {
        (self.assigned - self.done(), self.offset + self.done())
    }

    /// Something was sent for it.
    pub(crate) fn count_bytes(&mut self, bytes: usize) {
        self.bytes_up += bytes as u64;
    }

    /// Its agent has left.
    pub(crate) fn lose(&mut self) {
        self.life = match self.life {
            Life::Split(_) => Life::Split(Own::Gone),
            Life::Replaced(_) => Life::Replaced(Own::Gone),
            Life::Failed | Life::Lost(_, Own::Failed) => Life::Lost(Cause::Left, Own::Failed),
            _ => Life::Lost(Cause::Left, Own::Gone),
        };
    }

    /// Its agent has left while its answer was awaited.
    pub(crate) fn lose_if_awaited(&mut self) {
        if self.lacks_own() {
            self.lose();
        }
    }

    /// It is awaited for too long: others compute it, unless its own answer comes first.
    pub(crate) fn is_late(&mut self) {
        if self.life == Life::Awaited {
            self.life = Life::Lost(Cause::Late, Own::Awaited);
        }
    }

    /// Its agent found a loss or gradient that is not finite. Returns whether its answer was awaited.
    pub(crate) fn fail(&mut self) -> bool {
        let awaited = self.lacks_own();
        if awaited {
            self.set_own(Own::Failed);
        }
        awaited
    }

    /// Its agent is back, in this session or in a new one. One that has failed would fail again in the same session.
    pub(crate) fn rejoin(&mut self, session: u64) {
        if self.session != session && !self.has_own() {
            self.forget_answer();
            self.session = session;
            self.life = match self.life {
                Life::Split(_) => Life::Split(Own::Awaited),
                Life::Replaced(_) => Life::Replaced(Own::Awaited),
                _ => Life::Lost(Cause::Restarted, Own::Awaited),
            };
        } else if self.own() == Some(Own::Gone) {
            self.set_own(Own::Awaited);
        }
    }

    fn set_own(&mut self, own: Own) {
        self.life = match self.life {
            Life::Lost(cause, _) => Life::Lost(cause, own),
            Life::Split(_) => Life::Split(own),
            Life::Replaced(_) => Life::Replaced(own),
            Life::Awaited if own == Own::Failed => Life::Failed,
            life => life,
        };
    }

    /// Its agent's answer is whole; `stopped`: the clock ended it before the range's end.
    pub(crate) fn answer(&mut self, stopped: bool, total_s: f64) {
        self.life = if stopped { Life::Lost(Cause::Slow, Own::Stopped) } else { Life::Answered };
        self.total_s = total_s;
    }

    pub(crate) fn score(&mut self, scores: Scores, total_s: f64) {
        self.scores = Some(scores);
        self.answer(false, total_s);
    }

    /// It has been cut into pieces.
    pub(crate) fn split(&mut self) {
        self.life = Life::Split(self.own().unwrap_or(Own::Gone));
    }

    /// All its pieces have been computed by others.
    pub(crate) fn replace(&mut self) {
        if let Life::Split(own) = self.life {
            self.life = Life::Replaced(own);
            if own != Own::Stopped {
                self.incoming.restart();
            }
        }
    }

    /// Drops what has arrived of its answer; it may come again.
    pub(crate) fn forget_answer(&mut self) {
        self.gradient = None;
        self.incoming.restart();
    }

    pub(crate) fn gradient(&self) -> Option<Gradient> {
        self.gradient
    }

    /// Where its answer is put together.
    pub(crate) fn slot(&mut self) -> (&mut Option<Gradient>, &mut Incoming) {
        (&mut self.gradient, &mut self.incoming)
    }

    pub(crate) fn incoming(&mut self) -> &mut Incoming {
        &mut self.incoming
    }

    pub(crate) fn entered(&mut self, magnitude: f32) {
        self.magnitude = magnitude;
    }

    pub(crate) fn record(&self, agent: &AgentId) -> AgentRound {
        let delivered = self.has_own();
        let own = self.gradient.filter(|_| delivered).map(|g| g.durations).unwrap_or_default();
        let seconds = |micros: u32| f64::from(micros) / 1e6;
        AgentRound {
            agent: agent.clone(),
            assigned: self.assigned,
            samples: self.gradient.filter(|_| delivered).map_or(0, |g| g.samples),
            reissued: if self.is_replaced() { self.assigned - self.done() } else { 0 },
            total_s: if delivered { self.total_s } else { 0.0 },
            compute_s: seconds(own.compute_us),
            own_s: seconds(own.decode_us) + seconds(own.compute_us) + seconds(own.encode_us),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::answer;

    fn range() -> Range {
        Range {
            life: Life::Awaited,
            assigned: 16,
            offset: 8,
            session: 1,
            gradient: Some(answer(6)),
            incoming: Incoming::default(),
            scores: None,
            magnitude: 0.0,
            bytes_up: 0,
            total_s: 0.0,
        }
    }

    #[test]
    fn a_range_is_lost_split_and_replaced() {
        let mut range = range();
        range.is_late();
        assert_eq!((range.life(), range.is_awaited()), (Life::Lost(Cause::Late, Own::Awaited), true));
        range.lose_if_awaited();
        assert_eq!((range.life(), range.is_awaited()), (Life::Lost(Cause::Left, Own::Gone), false));
        range.split();
        range.rejoin(1);
        assert_eq!((range.life(), range.is_awaited(), range.rest()), (Life::Split(Own::Awaited), true, (16, 8)));
        range.replace();
        assert!(range.is_complete() && !range.is_awaited() && range.lacks_own() && !range.has_own());
    }

    #[test]
    fn the_own_answer_wins_while_others_are_at_it() {
        let mut range = range();
        range.is_late();
        range.split();
        range.answer(false, 1.0);
        assert_eq!(range.life(), Life::Answered);
        range.replace();
        range.is_late();
        range.lose_if_awaited();
        range.rejoin(2);
        assert_eq!(range.life(), Life::Answered, "nothing of this changes an answer");
    }

    #[test]
    fn what_the_clock_stopped_keeps_its_first_samples() {
        let mut range = range();
        range.answer(true, 1.0);
        assert_eq!((range.life(), range.rest()), (Life::Lost(Cause::Slow, Own::Stopped), (10, 14)));
        assert!(range.has_own() && !range.is_complete());
        range.split();
        range.replace();
        assert!(range.is_complete() && range.done() == 6);
    }

    #[test]
    fn a_failure_is_final_in_its_session() {
        let mut range = range();
        assert!(range.fail() && !range.fail());
        range.rejoin(1);
        range.is_late();
        assert_eq!((range.life(), range.is_awaited(), range.has_failed()), (Life::Failed, false, true));
        range.rejoin(2);
        assert_eq!((range.life(), range.session()), (Life::Lost(Cause::Restarted, Own::Awaited), 2));
    }

    #[test]
    fn an_agent_that_is_no_member_any_more_has_answered_nothing() {
        let mut range = range();
        range.answer(false, 1.0);
        range.lose();
        assert_eq!((range.life(), range.is_lost()), (Life::Lost(Cause::Left, Own::Gone), true));
    }
}
