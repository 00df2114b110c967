//! What agents that were lost left uncomputed, cut into pieces for those who have answered.
//!
//! Shared data, mean over samples. A range is lost when its agent leaves, begins a new session or is
//! overdue, or, from its first sample not computed on, when the clock stops its agent. It is cut
//! once, in proportion to the speeds of those who can take a piece; an agent that has answered and is free takes the next one.
//! A piece whose holder is lost too is passed on as it is. The range's own answer still counts if it is whole before the last
//! of its pieces: the pieces are then dropped. Either way each sample is in the step once.

use super::Collection;
use super::range::{Life, Range};
use crate::event::Cause;
use crate::incoming::Incoming;
use crate::rejected::{Rejected, Why};
use crate::roster::{Member, Roster};
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Samples, Timestamp};
use heijunka_wire::{Extra, Gradient};

/// No piece is smaller, unless the range is: below, a piece's message costs more than its samples.
const PIECE_SAMPLES_MIN: Samples = 8;

/// A range that has been cut into pieces for others.
#[derive(Debug)]
pub(crate) struct Split {
    /// Whose.
    pub(crate) agent: AgentId,
    pub(crate) cause: Cause,
    pub(crate) samples: Samples,
    pub(crate) helpers: Vec<AgentId>,
}

/// What was handed out just now.
#[must_use]
#[derive(Debug)]
pub(crate) struct Reissued {
    pub(crate) split: Vec<Split>,
    /// Who has been given a piece.
    pub(crate) asked: Vec<AgentId>,
}

/// A part of a lost range.
#[derive(Debug)]
pub(super) struct Piece {
    /// Whose range.
    pub(super) of: AgentId,
    pub(super) offset: u32,
    pub(super) samples: Samples,
    /// Whose speed it was made for.
    meant: AgentId,
    /// Who computes it, in which session.
    pub(super) holder: Option<(AgentId, u64)>,
    /// Who has been asked without result, and when that was noticed. It may be asked again once it sends something.
    tried: Vec<(AgentId, Timestamp)>,
    number: u32,
    pub(super) issued: Timestamp,
    pub(super) gradient: Option<Gradient>,
    pub(super) incoming: Incoming,
    pub(super) delivered: bool,
    /// The largest number of its gradient, once that has entered the sums.
    pub(super) magnitude: f32,
}

impl Piece {
    pub(super) fn is_under_way(&self) -> bool {
        self.holder.is_some() && !self.delivered
    }

    pub(super) fn is_held_by(&self, agent: &AgentId) -> bool {
        self.holder.as_ref().is_some_and(|(holder, _)| holder == agent)
    }

    pub(super) fn is_asked_of(&self, agent: &AgentId, answer: &Gradient) -> bool {
        self.is_held_by(agent) && (self.offset, self.samples) == (answer.offset, answer.samples)
    }

    /// Whether a gradient, of the same place, can be its answer.
    pub(super) fn check(&self, gradient: &Gradient) -> Result<(), Rejected> {
        let head = |g: &Gradient| (g.loss_sum, g.codec);
        if self.gradient.is_some_and(|first| head(&first) != head(gradient)) {
            return Err(Rejected(Why::Contradiction));
        }
        if self.holder.as_ref().is_none_or(|(_, session)| *session != gradient.session) {
            return Err(Rejected(Why::OtherSession));
        }
        if gradient.samples != self.samples {
            return Err(Rejected(Why::WrongSamples));
        }
        Ok(())
    }

    /// Who has been asked for it and was no longer counted on.
    pub(super) fn tried(&self) -> impl Iterator<Item = &AgentId> {
        self.tried.iter().map(|(agent, _)| agent)
    }

    /// Its holder is no longer counted on.
    pub(super) fn release(&mut self, now: Timestamp) {
        if let Some((holder, _)) = self.holder.take() {
            self.tried.retain(|(agent, _)| *agent != holder);
            self.tried.push((holder, now));
        }
        self.forget_answer();
    }

    pub(super) fn forget_answer(&mut self) {
        self.gradient = None;
        self.incoming.restart();
    }
}

/// Whether the agent still has what it had when it was asked, and may be asked for more.
pub(super) fn is_there(roster: &Roster, agent: &AgentId, session: u64) -> bool {
    roster.members.get(agent).is_some_and(|member| member.is_here() && member.join.session == session)
}

/// Sorts those who can compute a piece: the fastest first, but last those that have sent nothing for a while.
/// Who has answered and waits announces itself now and then; who is frozen does not.
fn best_first(agents: &mut [(&AgentId, &Member)], now: Timestamp, span: Duration) {
    agents.sort_by(|(_, a), (_, b)| {
        let silent = |member: &Member| now.since(member.last_seen) > span / 2;
        let faster = b.samples_per_s.total_cmp(&a.samples_per_s);
        silent(a).cmp(&silent(b)).then(if silent(a) { b.last_seen.cmp(&a.last_seen) } else { faster })
    });
}

/// Cuts `samples` in proportion to `speeds`, none above its `room`. `None` if there is not enough room.
fn cut(samples: Samples, helpers: &[(f64, Samples)]) -> Option<Vec<Samples>> {
    let all: f64 = helpers.iter().map(|(speed, _)| speed).sum();
    let mut rest = samples;
    let mut cuts: Vec<Samples> = helpers
        .iter()
        .map(|(speed, room)| {
            let part = (f64::from(samples) * speed / all) as Samples;
            let part = part.min(*room).min(rest);
            rest -= part;
            part
        })
        .collect();
    for (cut, (_, room)) in cuts.iter_mut().zip(helpers) {
        let more = rest.min(room - *cut);
        *cut += more;
        rest -= more;
    }
    (rest == 0).then_some(cuts)
}

impl Collection {
    /// Those who may take a piece of `lost`'s range: who has answered, then who still may.
    fn helpers<'r>(&self, now: Timestamp, roster: &'r Roster, lost: &AgentId) -> Vec<(&'r AgentId, &'r Member)> {
        let of = |life: Life| {
            let counted = self.ranges.iter().filter(move |(agent, range)| *agent != lost && range.life() == life);
            let there = counted.filter(|(agent, range)| is_there(roster, agent, range.session()));
            let mut helpers: Vec<_> = there.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
            best_first(&mut helpers, now, self.clock.span());
            helpers
        };
        let helpers: Vec<_> = of(Life::Answered).into_iter().chain(of(Life::Awaited)).collect();
        let helpers = if helpers.is_empty() { self.idle(now, roster) } else { helpers };
        if helpers.is_empty() { self.stopped(now, roster) } else { helpers }
    }

    /// Those whom the clock stopped: they continue where all were stopped.
    fn stopped<'r>(&self, now: Timestamp, roster: &'r Roster) -> Vec<(&'r AgentId, &'r Member)> {
        let stopped = self.ranges.iter().filter(|(_, range)| range.is_stopped());
        let there = stopped.filter(|(agent, range)| is_there(roster, agent, range.session()));
        let mut stopped: Vec<_> = there.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
        best_first(&mut stopped, now, self.clock.span());
        stopped
    }

    /// Those who sit out the round, but hold its model: the last resort, if it saves what others have answered.
    fn idle<'r>(&self, now: Timestamp, roster: &'r Roster) -> Vec<(&'r AgentId, &'r Member)> {
        let idle =
            self.idle.iter().filter(|(agent, session)| self.completed() > 0 && is_there(roster, agent, *session));
        let mut idle: Vec<_> = idle.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
        best_first(&mut idle, now, self.clock.span());
        idle
    }

    /// How many pieces a lost range may become, so that every range that may yet be lost can be one.
    fn slots(&self) -> usize {
        let whole = |range: &&Range| matches!(range.life(), Life::Awaited | Life::Failed | Life::Lost(..));
        let others = self.ranges.values().filter(whole).count();
        // An agent must be left to compute them.
        let may_be_lost = others.saturating_sub(1 + usize::from(self.completed() == 0));
        self.ranges.len().saturating_sub(self.pieces.len() + may_be_lost)
    }

    /// Cuts a lost range; returns for whom. Nothing if no agent can take it.
    pub(super) fn split(&mut self, now: Timestamp, roster: &Roster, lost: &AgentId) -> Vec<AgentId> {
        let Some((samples, offset)) = self.ranges.get(lost).map(Range::rest) else { return Vec::new() };
        let least = (samples / PIECE_SAMPLES_MIN).max(1) as usize;
        let mut helpers = self.helpers(now, roster, lost);
        helpers.truncate(least.min(self.slots()));
        let known = helpers.iter().all(|(_, member)| member.samples_per_s > 0.0);
        let speed = |member: &Member| if known { member.samples_per_s } else { 1.0 };
        let bounds: Vec<(f64, Samples)> =
            helpers.iter().map(|(_, member)| (speed(member), member.join.samples_max)).collect();
        let Some(cuts) = cut(samples, &bounds) else { return Vec::new() };
        let mut begin = offset;
        for ((helper, _), samples) in helpers.iter().zip(cuts).filter(|(_, samples)| *samples > 0) {
            self.pieces.push(Piece {
                of: lost.clone(),
                offset: begin,
                samples,
                meant: (*helper).clone(),
                holder: None,
                tried: Vec::new(),
                number: 0,
                issued: self.clock.started(),
                gradient: None,
                incoming: Incoming::default(),
                delivered: false,
                magnitude: 0.0,
            });
            begin += samples;
        }
        if let Some(range) = self.ranges.get_mut(lost) {
            range.split();
        }
        self.pieces.iter().filter(|piece| piece.of == *lost).map(|piece| piece.meant.clone()).collect()
    }

    /// Who has answered and holds no piece.
    fn free<'r>(&self, now: Timestamp, roster: &'r Roster) -> Vec<(&'r AgentId, &'r Member)> {
        let better = |range: &Range| matches!(range.life(), Life::Answered | Life::Awaited);
        let all_stopped = !self.ranges.values().any(better);
        let may = |range: &Range| range.life() == Life::Answered || (range.is_stopped() && all_stopped);
        let done = self.ranges.iter().filter(|(_, range)| may(range));
        let there = done.filter(|(agent, range)| is_there(roster, agent, range.session()));
        let free = there.filter(|(agent, _)| !self.pieces.iter().any(|p| p.is_under_way() && p.is_held_by(agent)));
        let mut free: Vec<_> = free.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
        best_first(&mut free, now, self.clock.span());
        free
    }

    /// The next piece for an agent: first what was made for its speed.
    fn next_piece(&mut self, agent: &AgentId, member: &Member) -> Option<&mut Piece> {
        let was_tried = |(tried, when): &(AgentId, Timestamp)| tried == agent && member.last_seen <= *when;
        let may = |piece: &Piece| {
            piece.holder.is_none() && piece.samples <= member.join.samples_max && !piece.tried.iter().any(was_tried)
        };
        let meant = self.pieces.iter().position(|piece| may(piece) && piece.meant == *agent);
        let place = meant.or_else(|| self.pieces.iter().position(may))?;
        self.pieces.get_mut(place)
    }

    /// Gives pieces that no agent holds to those that are free; returns which have been given one.
    pub(super) fn hand_out(&mut self, now: Timestamp, roster: &Roster) -> Vec<AgentId> {
        let mut asked = Vec::new();
        if self.is_handed_out() {
            self.hopes = false;
            return asked;
        }
        let free = self.free(now, roster);
        self.give(now, &free, &mut asked);
        if !self.pieces.iter().any(Piece::is_under_way) {
            let idle = self.idle(now, roster);
            self.give(now, &idle, &mut asked);
        }
        self.hopes = !self.is_handed_out() && !free.is_empty();
        asked
    }

    fn is_handed_out(&self) -> bool {
        self.pieces.iter().all(|piece| piece.holder.is_some())
    }

    /// Gives each of these agents a piece, as far as there are any for them.
    fn give(&mut self, now: Timestamp, agents: &[(&AgentId, &Member)], asked: &mut Vec<AgentId>) {
        for (agent, member) in agents {
            let number = self.handed_out + 1;
            let Some(piece) = self.next_piece(agent, member) else { continue };
            piece.holder = Some(((*agent).clone(), member.join.session));
            (piece.number, piece.issued) = (number, now);
            self.handed_out = number;
            self.clock.extend(now);
            asked.push((*agent).clone());
        }
    }

    /// Those who are late, and pieces whose holder is lost or late, are for others to compute.
    pub(super) fn lose_late(&mut self, now: Timestamp, connected: bool, roster: &Roster) {
        if connected {
            self.lose_late_ranges(now);
        }
        let span = self.clock.span();
        for piece in self.pieces.iter_mut().filter(|piece| piece.is_under_way()) {
            let there = piece.holder.as_ref().is_some_and(|(agent, session)| is_there(roster, agent, *session));
            if !there || (connected && now >= piece.issued + span) {
                piece.release(now);
                self.clock.extend(now);
            }
        }
    }

    /// Makes pieces of what was lost, and hands them out.
    pub(crate) fn reissue(&mut self, now: Timestamp, connected: bool, roster: &Roster) -> Reissued {
        self.lose_late(now, connected, roster);
        let lost = |(agent, range): (&AgentId, &Range)| match range.life() {
            Life::Lost(cause, _) => Some((agent.clone(), cause, range.rest().0)),
            _ => None,
        };
        let lost: Vec<(AgentId, Cause, Samples)> = self.ranges.iter().filter_map(lost).collect();
        let split = lost.into_iter().map(|(agent, cause, samples)| {
            let helpers = self.split(now, roster, &agent);
            Split { agent, cause, samples, helpers }
        });
        let split: Vec<Split> = split.filter(|split| !split.helpers.is_empty()).collect();
        Reissued { split, asked: self.hand_out(now, roster) }
    }

    /// What the agent is asked for in place of another, if it holds a piece and still has what it needs for it.
    pub(crate) fn extra_for(&self, agent: &AgentId, roster: &Roster) -> Option<(AgentId, Extra)> {
        let there =
            |piece: &&Piece| piece.holder.as_ref().is_some_and(|(holder, session)| is_there(roster, holder, *session));
        let held = self.pieces.iter().find(|piece| piece.is_under_way() && piece.is_held_by(agent)).filter(there);
        held.and_then(|piece| self.extra(piece))
    }

    /// Who holds a piece.
    pub(crate) fn holders(&self) -> Vec<AgentId> {
        let under_way = self.pieces.iter().filter(|piece| piece.is_under_way());
        under_way.filter_map(|piece| piece.holder.as_ref().map(|(agent, _)| agent.clone())).collect()
    }

    /// What a piece asks for.
    pub(super) fn extra(&self, piece: &Piece) -> Option<(AgentId, Extra)> {
        let (agent, session) = piece.holder.clone()?;
        let (round, digest) = (self.head.round, self.head.digest);
        let (number, offset, samples) = (piece.number, piece.offset, piece.samples);
        Some((agent, Extra { session, round, digest, number, offset, samples }))
    }

    /// The range's own answer came first, or all its pieces: the other is dropped.
    pub(super) fn settle_range(&mut self, of: &AgentId) {
        let Some(range) = self.ranges.get_mut(of) else { return };
        match range.life() {
            Life::Answered => self.pieces.retain(|piece| piece.of != *of),
            Life::Split(_) if self.pieces.iter().filter(|piece| piece.of == *of).all(|piece| piece.delivered) => {
                range.replace();
            }
            _ => {}
        }
    }
}
