//! Answers that arrive: of an agent's own range, of a piece of another's, or scores.

use super::pieces::Piece;
use super::range::{Life, Range};
use super::{Collection, Memory, Timer};
use crate::incoming::Incoming;
use crate::rejected::{Rejected, Why};
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{Gradient, Progress, ScoresChunk, limits};

/// A written gradient is at most so much longer than 4 bytes a parameter.
const HEADER_BYTES_MAX: usize = 64;

/// What became of an answer.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A chunk of it; more are to come.
    Chunk,
    /// A chunk, or an answer, that had been there already.
    Duplicate,
    /// Its agent's own answer is whole.
    Answered,
    /// A piece of another agent's range is whole.
    Piece,
    /// A piece that has been answered, or given to another agent, meanwhile.
    LatePiece,
    /// It does not count, but its timing does: it was not asked of this agent, or others have computed it.
    TimingOnly,
    /// Its loss or gradient is not finite, which was not known before.
    Failed,
    /// Its loss or gradient is not finite.
    Useless,
}

/// What scores can be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Classes of the task; 0 for a regression.
    pub(crate) classes: usize,
    /// Whether rows are ranked by a score.
    pub(crate) ranked: bool,
}

/// Where an answer is put together: the head of its chunks, and what has come of it.
type Slot<'a> = (&'a mut Option<Gradient>, &'a mut Incoming);

/// Takes a chunk of an answer, and looks at the whole once it is there: what is not sound is forgotten.
fn take_chunk(
    (head, incoming): Slot<'_>,
    memory: &mut Memory,
    gradient: &Gradient,
    payload: &[u8],
    parameters: usize,
) -> Result<Progress, Rejected> {
    if !incoming.has_begun() {
        *incoming = memory.take();
    }
    let bytes_max = parameters * 4 + HEADER_BYTES_MAX;
    let progress = incoming.take(gradient.part, payload, bytes_max).map_err(|_| Rejected(Why::DamagedChunk))?;
    let sound = || heijunka_compress::check(gradient.codec, incoming.bytes(), parameters).is_ok();
    if progress == Progress::Complete && !sound() {
        incoming.restart();
        *head = None;
        return Err(Rejected(Why::DamagedContent));
    }
    if progress != Progress::Duplicate {
        *head = Some(*gradient);
    }
    Ok(progress)
}

impl Collection {
    /// Whether that gradient answers a piece that the agent holds.
    pub(crate) fn is_piece(&self, agent: &AgentId, gradient: &Gradient) -> bool {
        self.pieces.iter().any(|piece| piece.is_asked_of(agent, gradient))
    }

    /// Takes a chunk of a gradient. `known`: whether its agent is a member.
    pub(crate) fn take_gradient(
        &mut self,
        now: Timestamp,
        (agent, known): (&AgentId, bool),
        gradient: &Gradient,
        payload: &[u8],
        frame_bytes: usize,
    ) -> Result<Taken, Rejected> {
        if gradient.allocation != self.head.allocation {
            return Err(Rejected(Why::OtherShares));
        }
        let piece = self.is_piece(agent, gradient);
        match self.ranges.get_mut(agent) {
            Some(range) if range.offset() == gradient.offset => {
                check_own(range, gradient, self.head.train().is_some_and(|train| train.stop_us > 0))?;
                range.count_bytes(frame_bytes);
                self.take_own(now, (agent, known), gradient, payload)
            }
            Some(range) => {
                range.count_bytes(frame_bytes);
                self.take_piece(now, agent, gradient, payload)
            }
            None if piece => self.take_piece(now, agent, gradient, payload),
            // Its share has changed under way: it has answered what it was asked for before.
            None => Ok(Taken::TimingOnly),
        }
    }

    fn take_own(
        &mut self,
        now: Timestamp,
        (agent, known): (&AgentId, bool),
        gradient: &Gradient,
        payload: &[u8],
    ) -> Result<Taken, Rejected> {
        let range = self.ranges.get_mut(agent).ok_or(Rejected(Why::NotAsked))?;
        if range.has_own() {
            return Ok(Taken::Duplicate);
        }
        let stopped = self.rules.exact && gradient.samples < range.assigned();
        // Others are at the whole range already, or done with it.
        if range.is_replaced() || (stopped && matches!(range.life(), Life::Split(_))) {
            return Ok(Taken::TimingOnly);
        }
        if gradient.loss_sum.is_none() {
            return Ok(if range.fail() { Taken::Failed } else { Taken::Useless });
        }
        if !known {
            return Err(Rejected(Why::OtherSession));
        }
        match take_chunk(range.slot(), &mut self.memory, gradient, payload, self.rules.parameters)? {
            Progress::Incomplete => Ok(Taken::Chunk),
            Progress::Duplicate => Ok(Taken::Duplicate),
            Progress::Complete => {
                range.answer(stopped, now.since(self.clock.started()).as_secs_f64());
                self.settle_range(agent);
                Ok(Taken::Answered)
            }
        }
    }

    fn take_piece(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        gradient: &Gradient,
        payload: &[u8],
    ) -> Result<Taken, Rejected> {
        let held = |piece: &&mut Piece| piece.offset == gradient.offset && piece.is_held_by(agent);
        let Some(piece) = self.pieces.iter_mut().find(held) else {
            return if self.handed_out == 0 { Err(Rejected(Why::NotAsked)) } else { Ok(Taken::LatePiece) };
        };
        piece.check(gradient)?;
        if piece.delivered {
            return Ok(Taken::Duplicate);
        }
        if gradient.loss_sum.is_none() {
            piece.release(now);
            return Ok(Taken::Useless);
        }
        let slot = (&mut piece.gradient, &mut piece.incoming);
        match take_chunk(slot, &mut self.memory, gradient, payload, self.rules.parameters)? {
            Progress::Incomplete => Ok(Taken::Chunk),
            Progress::Duplicate => Ok(Taken::Duplicate),
            Progress::Complete => {
                piece.delivered = true;
                let of = piece.of.clone();
                self.settle_range(&of);
                Ok(Taken::Piece)
            }
        }
    }

    /// Takes a chunk of an agent's scores.
    pub(crate) fn take_scores(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        (chunk, payload, frame_bytes): (ScoresChunk, &[u8], usize),
        limits: Limits,
    ) -> Result<Taken, Rejected> {
        let range = self.ranges.get_mut(agent).ok_or(Rejected(Why::NotAsked))?;
        if range.session() != chunk.session {
            return Err(Rejected(Why::OtherSession));
        }
        range.count_bytes(frame_bytes);
        if range.has_own() {
            return Ok(Taken::Duplicate);
        }
        let progress = range.incoming().take(chunk.part, payload, limits::DOCUMENT_BYTES_MAX);
        match progress.map_err(|_| Rejected(Why::DamagedChunk))? {
            Progress::Duplicate => Ok(Taken::Duplicate),
            Progress::Incomplete => Ok(Taken::Chunk),
            Progress::Complete => {
                let scores: Scores = range.incoming().document().map_err(|_| Rejected(Why::DamagedContent))?;
                let ranked = limits.ranked && scores.rows > 0;
                if scores.confusion.len() != limits.classes * limits.classes
                    || scores.histogram.is_empty() == ranked
                    || scores.rows > u64::from(range.assigned())
                {
                    return Err(Rejected(Why::ImpossibleScores));
                }
                range.score(scores, now.since(self.clock.started()).as_secs_f64());
                Ok(Taken::Answered)
            }
        }
    }

    /// Those who are late, and pieces whose holder is lost or late, are for others to compute.
    pub(super) fn lose_late_ranges(&mut self, now: Timestamp) {
        let spares = self.clock.is_due(Timer::Spare, now) && self.completed() > 0;
        if spares || self.clock.is_due(Timer::Overdue, now) {
            self.ranges.values_mut().for_each(Range::is_late);
        }
    }
}

/// Whether a gradient can be the answer to a range. Only where computations are stopped may it be of fewer samples.
fn check_own(range: &Range, gradient: &Gradient, may_stop: bool) -> Result<(), Rejected> {
    let head = |g: &Gradient| (g.samples, g.loss_sum, g.codec);
    if range.gradient().is_some_and(|first| head(&first) != head(gradient)) {
        return Err(Rejected(Why::Contradiction));
    }
    let assigned = range.assigned();
    if gradient.samples != assigned && !(may_stop && gradient.samples < assigned) {
        return Err(Rejected(Why::WrongSamples));
    }
    if gradient.session != range.session() {
        return Err(Rejected(Why::OtherSession));
    }
    Ok(())
}
