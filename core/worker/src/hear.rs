//! What the aggregator's messages change.

use crate::current::Current;
use crate::note::{Note, number};
use crate::worker::Worker;
use heijunka_units::Timestamp;
use heijunka_wire::{
    Ask, Assembly, Assign, Body, Channel, DataMode, DecodeError, Extra, Head, Part, PartError, Progress, Purpose,
    Round, Spec, decode, digest,
};

impl Worker<'_> {
    pub(crate) fn hear(&mut self, now: Timestamp, channel: Channel, bytes: &[u8]) {
        if bytes.is_empty() {
            return; // a retained message was cleared
        }
        let frame = match decode(bytes) {
            Ok(frame) if channel.contract().kind == Some(frame.body.kind()) => frame,
            Ok(frame) => return self.note(Note::Undecodable(DecodeError::UnknownKind(frame.body.kind() as u8))),
            Err(error) => return self.note(Note::Undecodable(error)),
        };
        if frame.head < self.aggregator {
            return self.note(Note::StaleRun(frame.head.run));
        }
        match frame.body {
            Body::Spec(spec) => {
                self.obey(frame.head);
                self.hear_spec(now, spec, frame.payload);
            }
            // A share or a round of a start whose spec has not been heard means nothing yet.
            _ if frame.head != self.aggregator => {}
            Body::Assign(assign) => self.hear_assign(now, assign),
            Body::Round(Round::Ask(round)) => self.hear_round(now, round, frame.payload),
            Body::Round(Round::Finished) => self.hear_finished(),
            Body::Extra(extra) => self.hear_extra(now, extra),
            Body::Join(_) | Body::Gradient(_) | Body::Survey(_) | Body::Scores(_) => {}
        }
    }

    /// The highest run is obeyed, of two starts of one run the higher one; a new one begins with nothing but the data that
    /// are already prepared.
    fn obey(&mut self, aggregator: Head) {
        if aggregator == self.aggregator {
            return;
        }
        self.aggregator = aggregator;
        self.spec = None;
        self.forget_job();
        self.note(Note::NewRun(aggregator.run));
    }

    fn forget_job(&mut self) {
        self.abandon_due |= self.is_busy();
        self.spec_assembly = Assembly::new();
        self.prepare_due = false;
        self.assign = None;
        self.current = None;
        self.probing = None;
        self.compute_due = false;
        self.announce_due = false;
        self.survey_next = None;
        self.answer_next = None;
        self.held = None;
        self.lacking = false;
        self.forget_memory();
    }

    fn hear_spec(&mut self, now: Timestamp, spec: Spec, payload: &[u8]) {
        if self.spec.as_ref().map(|known| known.content) != Some(spec.content) {
            self.forget_job();
            self.announce.reset(now);
            self.spec = Some(spec.clone());
        }
        match self.spec_assembly.accept_into(spec.part, payload, self.buffers.spec) {
            Ok(Progress::Complete) => {}
            Ok(Progress::Incomplete) => return self.announce.reset(now),
            Ok(Progress::Duplicate) => return,
            Err(PartError::TooLarge) => {
                let (bytes, bytes_max) = (spec.part.total_bytes as usize, self.buffers.spec.len());
                return self.note(Note::NoRoom { bytes, bytes_max });
            }
            Err(error) => {
                // Whichever of the two is damaged, the aggregator sends all chunks again when asked.
                if !self.spec_assembly.is_complete() {
                    self.spec_assembly = Assembly::new();
                }
                return self.note(Note::BadPart(error));
            }
        }
        if digest(self.spec_document()) != spec.content {
            self.spec = None;
            self.spec_assembly = Assembly::new();
            self.announce.reset(now);
            return self.note(Note::DigestMismatch);
        }
        if spec.is_fitted() {
            let parameters = spec.model.parameters().unwrap_or(usize::MAX);
            let room = self.buffers.model.len().min(self.buffers.gradient.len() / 4);
            if parameters > room {
                let bytes = parameters.saturating_mul(4);
                return self.note(Note::NoRoom { bytes, bytes_max: room.saturating_mul(4) });
            }
            self.note(Note::Settled(parameters));
        }
        self.prepare_due = !self.is_prepared();
        self.announce_due = self.is_prepared();
        self.announce.reset(now);
    }

    pub(crate) fn spec_document(&self) -> &[u8] {
        let bytes = self.spec_assembly.total_bytes().unwrap_or(0);
        self.buffers.spec.get(..bytes).unwrap_or(&[])
    }

    fn hear_assign(&mut self, now: Timestamp, assign: Assign) {
        let ours = assign.session() == self.settings.session
            && self.is_prepared()
            && self.spec.as_ref().is_some_and(|spec| spec.content == assign.spec());
        let older = self.assign.is_some_and(|known| known.version() > assign.version());
        if !ours || (older && !self.doubtful) {
            return;
        }
        match (assign, self.assign) {
            (Assign::Refused(refused), known) if known.and_then(|k| k.refusal()) != Some(refused.why) => {
                self.note(Note::Refused(refused.why));
            }
            (Assign::Share(_), None) => self.note(Note::Joined),
            _ => {}
        }
        let samples = assign.share().filter(|share| !share.probe).map_or(0, |share| share.samples);
        if assign.share().is_some() && self.status.share_samples != samples {
            self.note(Note::Share { version: assign.version(), samples });
        }
        self.status.share_samples = samples;
        self.announce_due = false;
        self.note_receipt();
        if self.assign.replace(assign) != Some(assign) {
            self.announce.reset(now);
        }
        self.take_back_untaken();
        self.compute_due = false;
        self.begin_if_ready(now);
    }

    fn hear_round(&mut self, now: Timestamp, round: Ask, payload: &[u8]) {
        let fitted = self.spec.as_ref().is_some_and(Spec::is_fitted);
        if !fitted || !self.joined() {
            return;
        }
        match self.current {
            Some(current) if round.round < current.head.round && !self.doubtful => return,
            Some(current) if round.round == current.head.round && current.complete => return self.hear_again(round),
            Some(current) if round.round == current.head.round && (!self.doubtful || goes_on(&current.head, round)) => {
                match (current.head.base, round.base) {
                    // The whole model has begun to come: the update is not needed.
                    (None, Some(_)) => return,
                    (Some(_), None) => self.enter_round(now, round),
                    _ => {}
                }
            }
            _ => self.enter_round(now, round),
        }
        self.take_model_chunk(now, round, payload);
    }

    /// The aggregator repeats a round while it lacks an answer: send it once more.
    fn hear_again(&mut self, round: Ask) {
        let answered = self.current.is_some_and(|current| current.answer.is_some());
        if answered && round.part.index == 0 && self.answer_next.is_none() {
            self.answer_next = Some(0);
        }
    }

    /// Another agent's range, once the own one has been answered: that it comes is the receipt of the answer before.
    fn hear_extra(&mut self, now: Timestamp, extra: Extra) {
        let shared = self.spec.as_ref().is_some_and(|spec| spec.data_mode == DataMode::Shared);
        let fits = extra.session == self.settings.session && extra.samples <= self.settings.samples_max;
        let Some(current) = self.current.as_mut().filter(|_| shared && fits && self.probing.is_none()) else { return };
        let meant = current.complete && current.head.round == extra.round && current.head.digest == extra.digest;
        if !meant || current.head.purpose() != Purpose::Train {
            return;
        }
        // Whoever sits the round out may be asked for nothing but this.
        let idle = self
            .assign
            .and_then(|assign| assign.share())
            .is_some_and(|a| a.samples == 0 && a.version == current.head.allocation);
        let newest = current.extra_next.or(current.extra);
        match (newest, current.answer) {
            // Its own range comes first.
            (None, None) if !idle || current.taken => {}
            (Some(known), _) if extra.number < known.number && !self.doubtful => {}
            (Some(known), Some(_)) if extra.number == known.number => {
                self.answer_next.get_or_insert(0);
            }
            (Some(known), None) if extra.number == known.number => {}
            (Some(_), None) if current.taken => current.extra_next = Some(extra),
            _ => self.begin_extra(now, extra),
        }
    }

    pub(crate) fn begin_extra(&mut self, now: Timestamp, extra: Extra) {
        let Some(current) = self.current.as_mut() else { return };
        *current = Current { complete: true, extra: Some(extra), ..Current::new(current.head, now) };
        self.answer_next = None;
        self.compute_due = true;
        self.announce.reset(now);
    }

    fn enter_round(&mut self, now: Timestamp, round: Ask) {
        if let Some(current) = self.current.take_if(|current| current.is_busy() && current.probe) {
            self.probing = Some(current);
        }
        if let Some(current) = self.current
            && (current.taken || (self.compute_due && self.probing.is_none()))
            && current.answer.is_none()
        {
            self.abandon_due |= current.taken;
            // What was computed in place of another agent had been answered by somebody else.
            if current.extra.is_none() {
                self.status.rounds_overtaken += 1;
                self.note(Note::Overtaken(number(&current.head)));
            }
        }
        self.take_back_unused(&round);
        self.current = Some(Current::new(round, now));
        self.model_assembly = Assembly::new();
        self.compute_due = false;
        if self.probing.is_none_or(|probing| probing.is_busy()) {
            self.answer_next = None;
        }
        (self.status.round, self.status.number) = (round.round, number(&round));
        self.status.batch_samples = round.train().map_or(self.status.batch_samples, |train| train.batch_samples);
        self.doubtful = false;
        if self.is_useful(&round) {
            self.progressed(now);
        }
    }

    /// A round in which this agent counts is progress; one that it is left out of is none, however many come.
    pub(crate) fn progressed(&mut self, now: Timestamp) {
        let version = self.assign.map(|assign| assign.version());
        if self.current.map(|current| current.head.allocation) == version {
            self.announce.reset(now);
        }
    }

    /// Starts the round's work once model and share are both there.
    pub(crate) fn begin_if_ready(&mut self, now: Timestamp) {
        let share = self.share();
        let (Some(current), Some(assign)) = (self.current.as_mut(), share) else { return };
        if current.extra.is_some() && !current.taken {
            self.compute_due = true;
            return;
        }
        if !current.complete || current.taken || current.head.allocation != assign.version {
            return;
        }
        let amount = match current.head.purpose() {
            Purpose::Train => assign.samples,
            Purpose::Score => assign.held_out_rows,
        };
        if amount > 0 {
            current.started = now;
            self.compute_due = true;
        }
    }

    fn hear_finished(&mut self) {
        if self.spec.is_none() {
            return;
        }
        self.forget_job();
        self.spec = None;
        self.announce.stop();
        self.note(Note::Finished);
    }
}

/// Whether a chunk belongs to what has begun to come. What comes so slowly that somebody doubts whether it comes is not begun
/// afresh with each chunk.
fn goes_on(begun: &Ask, chunk: Ask) -> bool {
    Ask { part: Part { index: begun.part.index, ..chunk.part }, ..chunk } == *begun
}
