//! The model of a round: taken whole, or made of the one before by adding its difference.

use crate::note::{Note, number};
use crate::worker::Worker;
use heijunka_compress::add;
use heijunka_units::Timestamp;
use heijunka_wire::{Ask, Assembly, DecodeError, PartError, Progress, Purpose, model_digest, read_f32};

impl Worker<'_> {
    fn parameters(&self) -> usize {
        self.spec.as_ref().and_then(|spec| spec.model.parameters()).unwrap_or(0)
    }

    /// Whether the round's payload leads to its model from what is held.
    pub(crate) fn is_useful(&self, round: &Ask) -> bool {
        round.base.is_none() || self.held == round.base || self.held == Some(round.model)
    }

    pub(crate) fn take_model_chunk(&mut self, now: Timestamp, round: Ask, payload: &[u8]) {
        match round.base {
            _ if self.held == Some(round.model) => self.model_is_there(now, &round),
            None => self.take_whole(now, &round, payload),
            Some(_) if self.is_useful(&round) => self.take_update(now, &round, payload),
            Some(_) => self.lacks(now, &round),
        }
    }

    fn accept(&mut self, round: &Ask, payload: &[u8], bytes_max: usize) -> Option<(Progress, usize)> {
        match self.model_assembly.accept(round.part, payload.len(), bytes_max) {
            Ok((Progress::Duplicate, _)) => None,
            Ok(taken) => Some(taken),
            Err(error) => {
                self.note(Note::BadPart(error));
                None
            }
        }
    }

    fn take_whole(&mut self, now: Timestamp, round: &Ask, payload: &[u8]) {
        let parameters = self.parameters();
        if round.part.total_bytes as usize != parameters * 4 {
            return self.note(Note::BadPart(PartError::Sizes));
        }
        let Some((progress, begin)) = self.accept(round, payload, parameters * 4) else { return };
        self.held = None;
        if let Err(error) = read_f32(payload, begin / 4, self.buffers.model) {
            return self.begin_afresh(Note::Undecodable(error));
        }
        // A slow link is no lost one.
        self.progressed(now);
        if progress == Progress::Complete {
            self.check_model(now, round);
        }
    }

    fn take_update(&mut self, now: Timestamp, round: &Ask, payload: &[u8]) {
        let room = self.buffers.update.len();
        if round.part.total_bytes as usize > room {
            return self.lacks(now, round);
        }
        let Some((progress, begin)) = self.accept(round, payload, room) else { return };
        if let Some(place) = self.buffers.update.get_mut(begin..begin + payload.len()) {
            place.copy_from_slice(payload);
        }
        self.progressed(now);
        if progress != Progress::Complete {
            return;
        }
        let parameters = self.parameters();
        let model = self.buffers.model.get_mut(..parameters).unwrap_or_default();
        let bytes = self.buffers.update.get(..round.part.total_bytes as usize).unwrap_or_default();
        if add(round.codec, bytes, 1.0, model).is_err() {
            self.begin_afresh(Note::Undecodable(DecodeError::Implausible));
            return self.lacks(now, round);
        }
        self.check_model(now, round);
    }

    fn check_model(&mut self, now: Timestamp, round: &Ask) {
        let parameters = self.parameters();
        if model_digest(self.buffers.model.get(..parameters).unwrap_or_default()) == round.digest {
            self.held = Some(round.model);
            return self.model_is_there(now, round);
        }
        self.held = None;
        self.begin_afresh(Note::DigestMismatch);
        if round.base.is_some() {
            self.lacks(now, round);
        }
    }

    /// A chunk or the head is damaged: the next copy of the round begins afresh.
    fn begin_afresh(&mut self, note: Note) {
        self.current = None;
        self.model_assembly = Assembly::new();
        self.note(note);
    }

    fn model_is_there(&mut self, now: Timestamp, round: &Ask) {
        self.lacking = false;
        if let Some(current) = self.current.as_mut().filter(|current| current.head.round == round.round) {
            current.complete = true;
        }
        self.progressed(now);
        self.begin_if_ready(now);
    }

    /// Updates of a model that is not held: the announcement, which names what is held, asks for the whole. It is made once,
    /// and then as often as any announcement, until the whole comes.
    fn lacks(&mut self, now: Timestamp, round: &Ask) {
        if core::mem::replace(&mut self.lacking, true) {
            return;
        }
        self.announce_due = self.is_prepared();
        self.announce.reset(now);
        self.note(Note::Lacks(number(round)));
    }

    /// What the last answer carried has not entered a step if none was taken.
    pub(crate) fn take_back_unused(&mut self, next: &Ask) {
        let Some(head) = self.current.map(|current| current.head) else { return };
        let no_step = next.model == head.model && head.purpose() == Purpose::Train;
        self.take_back(|carried| no_step && carried.round == head.round);
    }
}
