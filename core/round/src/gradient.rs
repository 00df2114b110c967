//! Gradients that arrive: of an agent's own range, of a piece of another's, or for their timing alone.

use crate::coordinator::Coordinator;
use crate::event::Event;
use crate::open::{Answer, OpenRound};
use crate::receive::Rejected;
use crate::roster::Incoming;
use alloc::vec::Vec;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Gradient, Progress, Purpose};

/// A written gradient is at most so much longer than 4 bytes a parameter.
const HEADER_BYTES_MAX: usize = 64;
/// Buffers that are kept for the next answers.
const SPARE_MAX: usize = 256;

/// Where an answer is put together: the head of its chunks, and what has come of it.
type Slot<'a> = (&'a mut Option<Gradient>, &'a mut Incoming);

/// Takes a chunk of an answer, and looks at the whole once it is there: what is not sound is forgotten.
fn take_chunk(
    (head, incoming): Slot<'_>,
    spare: &mut Vec<Vec<u8>>,
    gradient: &Gradient,
    payload: &[u8],
    parameters: usize,
) -> Result<Progress, Rejected> {
    if !incoming.has_begun() {
        *incoming = Incoming::reusing(spare.pop().unwrap_or_default());
    }
    let bytes_max = parameters * 4 + HEADER_BYTES_MAX;
    let progress = incoming.take(gradient.part, payload, bytes_max).map_err(|_| Rejected)?;
    let sound = || heijunka_compress::check(gradient.codec, incoming.bytes(), parameters).is_ok();
    if progress == Progress::Complete && !sound() {
        incoming.begin_afresh();
        *head = None;
        return Err(Rejected);
    }
    if progress != Progress::Duplicate {
        *head = Some(*gradient);
    }
    Ok(progress)
}

impl Coordinator {
    pub(crate) fn on_gradient(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        gradient: Gradient,
        payload: &[u8],
        frame_bytes: usize,
    ) -> Result<(), Rejected> {
        let parameters = self.trainer.as_ref().map_or(0, |trainer| trainer.parameters().len());
        if parameters == 0 || gradient.round > self.round {
            return Err(Rejected);
        }
        let open = self.open.as_mut().filter(|o| o.head.round == gradient.round && o.head.purpose() == Purpose::Train);
        let is_piece = |open: &OpenRound| open.pieces.iter().any(|piece| piece.is_asked_of(agent, &gradient));
        let probe = self.timings.is_probe(gradient.round, agent);
        let Some(open) = open.filter(|open| !probe || is_piece(open)) else {
            self.take_timing(now, agent, &gradient);
            return Ok(());
        };
        if gradient.allocation != open.head.allocation {
            return Err(Rejected);
        }
        let piece = is_piece(open);
        match open.expected.get_mut(agent) {
            Some(expected) if expected.offset == gradient.offset => {
                self.on_own_range(now, agent, gradient, payload, frame_bytes)?;
                self.add_in_order();
                Ok(())
            }
            Some(expected) => {
                expected.bytes_up += frame_bytes as u64;
                self.on_piece(now, agent, gradient, payload)?;
                self.add_in_order();
                Ok(())
            }
            None if piece => {
                self.on_piece(now, agent, gradient, payload)?;
                self.add_in_order();
                Ok(())
            }
            // Its share has changed under way: it has answered what it was asked for before.
            None => {
                self.take_timing(now, agent, &gradient);
                Ok(())
            }
        }
    }

    fn on_own_range(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        gradient: Gradient,
        payload: &[u8],
        frame_bytes: usize,
    ) -> Result<(), Rejected> {
        let open = self.open.as_mut().ok_or(Rejected)?;
        let started = open.started;
        let expected = open.expected.get_mut(agent).ok_or(Rejected)?;
        let same =
            |g: Gradient| (g.samples, g.loss_sum, g.codec) == (gradient.samples, gradient.loss_sum, gradient.codec);
        let agrees = expected.gradient.is_none_or(same);
        // Only where computations are stopped may there be fewer than were asked for.
        let enough = gradient.samples == expected.assigned
            || (open.head.train().is_some_and(|train| train.stop_us > 0) && gradient.samples < expected.assigned);
        if !agrees || !enough || gradient.session != expected.session {
            return Err(Rejected);
        }
        expected.bytes_up += frame_bytes as u64;
        if expected.answer == Answer::Delivered {
            self.counters.duplicate += 1;
            return Ok(());
        }
        if expected.replaced {
            self.take_timing(now, agent, &gradient);
            return Ok(());
        }
        let partial = open.exact && gradient.samples < expected.assigned;
        if partial && expected.split {
            // Others are at the whole range already.
            self.take_timing(now, agent, &gradient);
            return Ok(());
        }
        if gradient.loss_sum.is_none() {
            self.on_beyond_bounds(agent);
            return Ok(());
        }
        let member = self.roster.members.get_mut(agent).ok_or(Rejected)?;
        let parameters = self.trainer.as_ref().map_or(0, |trainer| trainer.parameters().len());
        let slot = (&mut expected.gradient, &mut expected.incoming);
        let progress = take_chunk(slot, &mut self.spare, &gradient, payload, parameters)?;
        self.counters.duplicate += u64::from(progress == Progress::Duplicate);
        if progress == Progress::Complete {
            expected.answer = Answer::Delivered;
            expected.partial = partial;
            expected.lost |= partial;
            expected.total_s = now.since(started).as_secs_f64();
            let compute_s = f64::from(gradient.durations.compute_us.max(1)) / 1e6;
            member.samples_per_s = f64::from(gradient.samples) / compute_s;
            open.settle_range(agent);
            self.counters.accepted += 1;
            self.note_timed(agent, gradient.round);
        }
        Ok(())
    }

    fn on_beyond_bounds(&mut self, agent: &AgentId) {
        let Some(open) = &mut self.open else { return };
        let Some(expected) = open.expected.get_mut(agent).filter(|expected| expected.answer == Answer::Awaited) else {
            return;
        };
        // Nobody else is asked: with the same rows it would find the same.
        expected.answer = Answer::Gone;
        expected.beyond_bounds = true;
        let round = open.name();
        self.report(Event::NotFinite { agent: agent.clone(), round });
    }

    fn on_piece(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        gradient: Gradient,
        payload: &[u8],
    ) -> Result<(), Rejected> {
        let open = self.open.as_mut().ok_or(Rejected)?;
        let held = |piece: &&mut crate::pieces::Piece| piece.offset == gradient.offset && piece.is_held_by(agent);
        let Some(piece) = open.pieces.iter_mut().find(held) else {
            // Its range has been answered meanwhile, or the piece has gone to another one.
            if open.handed_out == 0 {
                return Err(Rejected);
            }
            self.counters.late += 1;
            return Ok(());
        };
        let same = |g: Gradient| (g.loss_sum, g.codec) == (gradient.loss_sum, gradient.codec);
        let agrees = piece.gradient.is_none_or(same);
        let meant = piece.holder.as_ref().is_some_and(|(_, session)| *session == gradient.session);
        if !agrees || !meant || gradient.samples != piece.samples {
            return Err(Rejected);
        }
        if piece.delivered {
            self.counters.duplicate += 1;
            return Ok(());
        }
        if gradient.loss_sum.is_none() {
            piece.release(now);
            return Ok(());
        }
        let parameters = self.trainer.as_ref().map_or(0, |trainer| trainer.parameters().len());
        let slot = (&mut piece.gradient, &mut piece.incoming);
        let progress = take_chunk(slot, &mut self.spare, &gradient, payload, parameters)?;
        self.counters.duplicate += u64::from(progress == Progress::Duplicate);
        if progress == Progress::Complete {
            piece.delivered = true;
            let of = piece.of.clone();
            open.settle_range(&of);
            self.counters.reissued += 1;
        }
        Ok(())
    }
}

/// Gives the memory of what has entered the sums back, for the next answers.
pub(crate) fn give_back(spare: &mut Vec<Vec<u8>>, incoming: &mut Incoming) {
    let bytes = core::mem::take(incoming).into_bytes();
    if spare.len() < SPARE_MAX && bytes.capacity() > 0 {
        spare.push(bytes);
    }
}
