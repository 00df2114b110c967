//! This agent's copy of the model: received whole, or made of the one before by adding its difference.

use crate::note::Note;
use heijunka_compress::add;
use heijunka_units::ModelVersion;
use heijunka_wire::{Ask, Assembly, DecodeError, PartError, Progress, model_digest, read_f32};

/// The copy.
#[derive(Debug)]
pub(crate) struct Replica<'b> {
    model: &'b mut [f32],
    update: &'b mut [u8],
    assembly: Assembly,
    /// The version that `model` holds whole.
    held: Option<ModelVersion>,
    /// The whole model has been asked for, because updates of the held version no longer come.
    lacking: bool,
}

/// What a chunk of a round's model has led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Taken {
    /// Nothing new.
    Nothing,
    /// Nothing, for a reason.
    Refused(Note),
    /// The model was there before.
    Held,
    /// More is to come.
    Chunk,
    /// The model is there.
    Whole,
    /// The chunk cannot be read: the next copy of the round begins from the start.
    Unreadable(Note),
    /// The whole is not what was sent: the next copy of the round begins from the start. `lacks`: with a whole model.
    Damaged { note: Note, lacks: bool },
    /// An update of a model that is not held, or too large.
    Lacks,
}

impl<'b> Replica<'b> {
    pub(crate) fn new(model: &'b mut [f32], update: &'b mut [u8]) -> Self {
        Self { model, update, assembly: Assembly::new(), held: None, lacking: false }
    }

    /// Model and update.
    pub(crate) fn into_buffers(self) -> (&'b mut [f32], &'b mut [u8]) {
        (self.model, self.update)
    }

    /// Most parameters that there is room for.
    pub(crate) fn parameters_max(&self) -> usize {
        self.model.len()
    }

    pub(crate) fn held(&self) -> Option<ModelVersion> {
        self.held
    }

    pub(crate) fn model(&self, parameters: usize) -> &[f32] {
        self.model.get(..parameters).unwrap_or(&[])
    }

    /// Another job: the model that is held is not of it.
    pub(crate) fn forget(&mut self) {
        (self.held, self.lacking) = (None, false);
    }

    /// The next chunk is the first of its model.
    pub(crate) fn restart(&mut self) {
        self.assembly = Assembly::new();
    }

    /// Whether the round's payload leads to its model from what is held.
    pub(crate) fn is_useful(&self, round: &Ask) -> bool {
        round.base.is_none() || self.held == round.base || self.held == Some(round.model)
    }

    /// The whole model is needed; whether that is new.
    pub(crate) fn want_whole(&mut self) -> bool {
        !core::mem::replace(&mut self.lacking, true)
    }

    /// The model is there.
    pub(crate) fn is_current(&mut self) {
        self.lacking = false;
    }

    /// A chunk of the model of a round, which has so many parameters.
    pub(crate) fn take_chunk(&mut self, round: &Ask, payload: &[u8], parameters: usize) -> Taken {
        match round.base {
            _ if self.held == Some(round.model) => Taken::Held,
            None => self.take_whole(round, payload, parameters),
            Some(_) if self.is_useful(round) => self.take_update(round, payload, parameters),
            Some(_) => Taken::Lacks,
        }
    }

    fn take_whole(&mut self, round: &Ask, payload: &[u8], parameters: usize) -> Taken {
        if round.part.total_bytes as usize != parameters * 4 {
            return Taken::Refused(Note::BadPart(PartError::Sizes));
        }
        let (progress, begin) = match self.assembly.accept(round.part, payload.len(), parameters * 4) {
            Ok((Progress::Duplicate, _)) => return Taken::Nothing,
            Ok(accepted) => accepted,
            Err(error) => return Taken::Refused(Note::BadPart(error)),
        };
        self.held = None;
        if let Err(error) = read_f32(payload, begin / 4, self.model) {
            self.restart();
            return Taken::Unreadable(Note::Undecodable(error));
        }
        if progress == Progress::Complete { self.check(round, parameters) } else { Taken::Chunk }
    }

    fn take_update(&mut self, round: &Ask, payload: &[u8], parameters: usize) -> Taken {
        let room = self.update.len();
        if round.part.total_bytes as usize > room {
            return Taken::Lacks;
        }
        let (progress, begin) = match self.assembly.accept(round.part, payload.len(), room) {
            Ok((Progress::Duplicate, _)) => return Taken::Nothing,
            Ok(accepted) => accepted,
            Err(error) => return Taken::Refused(Note::BadPart(error)),
        };
        if let Some(place) = self.update.get_mut(begin..begin + payload.len()) {
            place.copy_from_slice(payload);
        }
        if progress != Progress::Complete {
            return Taken::Chunk;
        }
        let model = self.model.get_mut(..parameters).unwrap_or_default();
        let bytes = self.update.get(..round.part.total_bytes as usize).unwrap_or_default();
        if add(round.codec, bytes, 1.0, model).is_err() {
            self.restart();
            return Taken::Damaged { note: Note::Undecodable(DecodeError::Implausible), lacks: true };
        }
        self.check(round, parameters)
    }

    fn check(&mut self, round: &Ask, parameters: usize) -> Taken {
        if model_digest(self.model(parameters)) == round.digest {
            self.held = Some(round.model);
            return Taken::Whole;
        }
        self.held = None;
        self.restart();
        Taken::Damaged { note: Note::DigestMismatch, lacks: round.base.is_some() }
    }
}
