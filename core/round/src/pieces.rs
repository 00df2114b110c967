//! What agents that were lost left uncomputed, cut into pieces for those who have answered.
//!
//! Shared data, mean over samples. A range is lost when its agent leaves, begins a new session or is
//! overdue, or, from its first sample not computed on, when the clock stops its agent. It is cut
//! once, in proportion to the speeds of those who can take a piece; whoever has answered and is free takes the next one.
//! A piece whose holder is lost too goes on as it is. The range's own answer still counts if it is whole before the last
//! of its pieces: the pieces are then dropped. Either way each sample is in the step once.

use crate::open::{Answer, Expected, OpenRound};
use crate::roster::{Incoming, Member, Roster};
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Samples, Timestamp};
use heijunka_wire::{Extra, Gradient};

/// No piece is smaller, unless the range is: below, a piece's message costs more than its samples.
const PIECE_SAMPLES_MIN: Samples = 8;

/// A part of a lost range.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Whose range.
    pub(crate) of: AgentId,
    pub(crate) offset: u32,
    pub(crate) samples: Samples,
    /// Whose speed it was made for.
    meant: AgentId,
    /// Who computes it, in which session.
    pub(crate) holder: Option<(AgentId, u64)>,
    /// Who has been asked in vain, and when that was noticed. It may be asked again once it is heard.
    tried: Vec<(AgentId, Timestamp)>,
    number: u32,
    pub(crate) issued: Timestamp,
    pub(crate) gradient: Option<Gradient>,
    pub(crate) incoming: Incoming,
    pub(crate) delivered: bool,
    /// The largest number of its gradient, once that has entered the sums.
    pub(crate) magnitude: f32,
}

impl Piece {
    pub(crate) fn is_under_way(&self) -> bool {
        self.holder.is_some() && !self.delivered
    }

    pub(crate) fn is_held_by(&self, agent: &AgentId) -> bool {
        self.holder.as_ref().is_some_and(|(holder, _)| holder == agent)
    }

    pub(crate) fn is_asked_of(&self, agent: &AgentId, answer: &Gradient) -> bool {
        self.is_held_by(agent) && (self.offset, self.samples) == (answer.offset, answer.samples)
    }

    /// Who has been asked for it and was no longer counted on.
    pub(crate) fn in_vain(&self) -> impl Iterator<Item = &AgentId> {
        self.tried.iter().map(|(agent, _)| agent)
    }

    /// Its holder is no longer counted on.
    pub(crate) fn release(&mut self, now: Timestamp) {
        if let Some((holder, _)) = self.holder.take() {
            self.tried.retain(|(agent, _)| *agent != holder);
            self.tried.push((holder, now));
        }
        self.forget_answer();
    }

    pub(crate) fn forget_answer(&mut self) {
        self.gradient = None;
        self.incoming.begin_afresh();
    }
}

/// Whether the agent still has what it had when it was asked, and may be asked for more.
pub(crate) fn is_there(roster: &Roster, agent: &AgentId, session: u64) -> bool {
    roster.members.get(agent).is_some_and(|member| member.is_here() && member.join.session == session)
}

/// Sorts those who can compute a piece: the fastest first, but last those of whom nothing has been heard for a while.
/// Who has answered and waits announces itself now and then; who is frozen does not.
fn best_first(agents: &mut [(&AgentId, &Member)], now: Timestamp, span: Duration) {
    agents.sort_by(|(_, a), (_, b)| {
        let silent = |member: &Member| now.since(member.heard) > span / 2;
        let faster = b.samples_per_s.total_cmp(&a.samples_per_s);
        silent(a).cmp(&silent(b)).then(if silent(a) { b.heard.cmp(&a.heard) } else { faster })
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

impl OpenRound {
    /// Those who may take a piece of `lost`'s range: who has answered, then who still may.
    fn helpers<'r>(&self, now: Timestamp, roster: &'r Roster, lost: &AgentId) -> Vec<(&'r AgentId, &'r Member)> {
        let of = |answer: Answer| {
            let counted = self.expected.iter().filter(move |(agent, expected)| {
                let may = !expected.partial && (answer == Answer::Delivered || !expected.lost);
                *agent != lost && expected.answer == answer && may
            });
            let there = counted.filter(|(agent, expected)| is_there(roster, agent, expected.session));
            let mut helpers: Vec<_> = there.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
            best_first(&mut helpers, now, self.span);
            helpers
        };
        let helpers: Vec<_> = of(Answer::Delivered).into_iter().chain(of(Answer::Awaited)).collect();
        let helpers = if helpers.is_empty() { self.idle(now, roster) } else { helpers };
        if helpers.is_empty() { self.stopped(now, roster) } else { helpers }
    }

    /// Those whom the clock stopped: they go on where everybody was stopped.
    fn stopped<'r>(&self, now: Timestamp, roster: &'r Roster) -> Vec<(&'r AgentId, &'r Member)> {
        let stopped = self.expected.iter().filter(|(_, expected)| expected.partial);
        let there = stopped.filter(|(agent, expected)| is_there(roster, agent, expected.session));
        let mut stopped: Vec<_> = there.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
        best_first(&mut stopped, now, self.span);
        stopped
    }

    /// Those who sit out the round, but hold its model: the last resort, if it saves what others have answered.
    fn idle<'r>(&self, now: Timestamp, roster: &'r Roster) -> Vec<(&'r AgentId, &'r Member)> {
        let idle =
            self.idle.iter().filter(|(agent, session)| self.completed() > 0 && is_there(roster, agent, *session));
        let mut idle: Vec<_> = idle.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
        best_first(&mut idle, now, self.span);
        idle
    }

    /// How many pieces a lost range may become, so that every range that may yet be lost can be one.
    fn slots(&self) -> usize {
        let others = self.expected.values().filter(|expected| !expected.is_complete() && !expected.split).count();
        // Somebody must be left to compute them.
        let may_be_lost = others.saturating_sub(1 + usize::from(self.completed() == 0));
        self.expected.len().saturating_sub(self.pieces.len() + may_be_lost)
    }

    /// Cuts a lost range; returns for whom. Nothing if nobody can take it.
    pub(crate) fn split(&mut self, now: Timestamp, roster: &Roster, lost: &AgentId) -> Vec<AgentId> {
        let Some(expected) = self.expected.get(lost) else { return Vec::new() };
        let done = expected.done();
        let (samples, offset) = (expected.assigned - done, expected.offset + done);
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
                issued: self.started,
                gradient: None,
                incoming: Incoming::default(),
                delivered: false,
                magnitude: 0.0,
            });
            begin += samples;
        }
        if let Some(expected) = self.expected.get_mut(lost) {
            expected.split = true;
        }
        self.pieces.iter().filter(|piece| piece.of == *lost).map(|piece| piece.meant.clone()).collect()
    }

    /// Who has answered and holds no piece.
    fn free<'r>(&self, now: Timestamp, roster: &'r Roster) -> Vec<(&'r AgentId, &'r Member)> {
        let better = |expected: &Expected| {
            !expected.partial && (expected.answer == Answer::Delivered || (expected.is_awaited() && !expected.lost))
        };
        let everybody_stopped = !self.expected.values().any(better);
        let may =
            |expected: &Expected| expected.answer == Answer::Delivered && (!expected.partial || everybody_stopped);
        let done = self.expected.iter().filter(|(_, expected)| may(expected));
        let there = done.filter(|(agent, expected)| is_there(roster, agent, expected.session));
        let free = there.filter(|(agent, _)| !self.pieces.iter().any(|p| p.is_under_way() && p.is_held_by(agent)));
        let mut free: Vec<_> = free.filter_map(|(agent, _)| roster.members.get_key_value(agent)).collect();
        best_first(&mut free, now, self.span);
        free
    }

    /// The next piece for an agent: first what was made for its speed.
    fn next_piece(&mut self, agent: &AgentId, member: &Member) -> Option<&mut Piece> {
        let in_vain = |(tried, when): &(AgentId, Timestamp)| tried == agent && member.heard <= *when;
        let may = |piece: &Piece| {
            piece.holder.is_none() && piece.samples <= member.join.samples_max && !piece.tried.iter().any(in_vain)
        };
        let meant = self.pieces.iter().position(|piece| may(piece) && piece.meant == *agent);
        let place = meant.or_else(|| self.pieces.iter().position(may))?;
        self.pieces.get_mut(place)
    }

    /// Gives pieces that nobody holds to those who are free; returns who has been given one.
    pub(crate) fn hand_out(&mut self, now: Timestamp, roster: &Roster) -> Vec<AgentId> {
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
            self.deadline = self.deadline.max((now + self.span).min(self.latest));
            asked.push((*agent).clone());
        }
    }

    /// Those who are overdue, and pieces whose holder is lost or overdue, are for others to compute.
    pub(crate) fn lose_overdue(&mut self, now: Timestamp, connected: bool, roster: &Roster) {
        let spares = self.spare_at.is_some_and(|at| now >= at) && self.completed() > 0;
        if connected && (spares || now >= self.overdue) {
            let awaited = self.expected.values_mut().filter(|expected| expected.is_awaited());
            awaited.for_each(|expected| expected.lost = true);
        }
        for piece in self.pieces.iter_mut().filter(|piece| piece.is_under_way()) {
            let there = piece.holder.as_ref().is_some_and(|(agent, session)| is_there(roster, agent, *session));
            if !there || (connected && now >= piece.issued + self.span) {
                piece.release(now);
                self.deadline = self.deadline.max((now + self.span).min(self.latest));
            }
        }
    }

    /// What a piece asks for.
    pub(crate) fn extra(&self, piece: &Piece) -> Option<(AgentId, Extra)> {
        let (agent, session) = piece.holder.clone()?;
        let (round, digest) = (self.head.round, self.head.digest);
        let (number, offset, samples) = (piece.number, piece.offset, piece.samples);
        Some((agent, Extra { session, round, digest, number, offset, samples }))
    }

    /// The range's own answer came first, or all its pieces: the other is dropped.
    pub(crate) fn settle_range(&mut self, of: &AgentId) {
        let Some(expected) = self.expected.get_mut(of) else { return };
        if expected.answer == Answer::Delivered && !expected.partial {
            self.pieces.retain(|piece| piece.of != *of);
        } else if expected.split && self.pieces.iter().filter(|piece| piece.of == *of).all(|piece| piece.delivered) {
            expected.replaced = true;
            if !expected.partial {
                expected.incoming.begin_afresh();
            }
        }
    }
}
