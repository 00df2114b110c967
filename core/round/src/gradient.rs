//! Gradients that arrive: of an agent's own range, of a piece of another's, or for their timing alone.

use crate::coordinator::Coordinator;
use crate::open::{Answer, OpenRound};
use crate::receive::Rejected;
use crate::record::Level;
use alloc::format;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Gradient, Progress, Purpose, read_f32};

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
        if gradient.part.total_bytes as usize != parameters * 4 || gradient.round > self.round {
            return Err(Rejected);
        }
        let open = self.open.as_mut().filter(|o| o.head.round == gradient.round && o.head.purpose == Purpose::Train);
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
                self.on_own_range(now, agent, gradient, payload, frame_bytes)
            }
            Some(expected) => {
                expected.bytes_up += frame_bytes as u64;
                self.on_piece(now, agent, gradient, payload)
            }
            None if piece => self.on_piece(now, agent, gradient, payload),
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
        let agrees = expected.gradient.is_none_or(|g| (g.samples, g.loss_sum) == (gradient.samples, gradient.loss_sum));
        // Only where computations are stopped may there be fewer than were asked for.
        let enough =
            gradient.samples == expected.assigned || (open.head.stop_us > 0 && gradient.samples < expected.assigned);
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
        if gradient.loss_sum >= Gradient::BEYOND_BOUNDS {
            self.on_beyond_bounds(agent);
            return Ok(());
        }
        let member = self.roster.members.get_mut(agent).ok_or(Rejected)?;
        let bytes_max = gradient.part.total_bytes as usize;
        let accepted = expected.assembly.accept(gradient.part, payload.len(), bytes_max);
        let (progress, begin) = accepted.map_err(|_| Rejected)?;
        if progress == Progress::Duplicate {
            self.counters.duplicate += 1;
            return Ok(());
        }
        member.gradient.resize(bytes_max / 4, 0.0);
        if read_f32(payload, begin / 4, &mut member.gradient).is_err() {
            expected.forget_answer();
            return Err(Rejected);
        }
        expected.gradient = Some(gradient);
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
        let message = format!("{agent} found a loss or gradient that is not finite in round {}", open.head.round);
        self.event(Level::Warn, "HJ-142", Some(agent), message, "lower learning_rate, or look at its data");
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
        let agrees = piece.gradient.is_none_or(|g| g.loss_sum == gradient.loss_sum);
        let meant = piece.holder.as_ref().is_some_and(|(_, session)| *session == gradient.session);
        if !agrees || !meant || gradient.samples != piece.samples {
            return Err(Rejected);
        }
        if piece.delivered {
            self.counters.duplicate += 1;
            return Ok(());
        }
        if gradient.loss_sum >= Gradient::BEYOND_BOUNDS {
            piece.release(now);
            return Ok(());
        }
        let bytes_max = gradient.part.total_bytes as usize;
        let accepted = piece.assembly.accept(gradient.part, payload.len(), bytes_max);
        let (progress, begin) = accepted.map_err(|_| Rejected)?;
        if progress == Progress::Duplicate {
            self.counters.duplicate += 1;
            return Ok(());
        }
        piece.values.resize(bytes_max / 4, 0.0);
        if read_f32(payload, begin / 4, &mut piece.values).is_err() {
            piece.forget_answer();
            return Err(Rejected);
        }
        piece.gradient = Some(gradient);
        if progress == Progress::Complete {
            piece.delivered = true;
            let of = piece.of.clone();
            open.settle_range(&of);
            self.counters.reissued += 1;
        }
        Ok(())
    }
}
