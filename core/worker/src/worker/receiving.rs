//! What the aggregator's messages change.

use super::Worker;
use crate::note::{Note, number};
use crate::replica::Taken;
use crate::serving::ExtraStep;
use heijunka_units::Timestamp;
use heijunka_wire::{
    Ask, Assign, Body, Channel, DataMode, DecodeError, Extra, Head, Part, Progress, Purpose, Round, Spec, decode,
};

impl Worker<'_> {
    pub(super) fn on_frame(&mut self, now: Timestamp, channel: Channel, bytes: &[u8]) {
        if bytes.is_empty() {
            return; // a retained message was cleared
        }
        let frame = match decode(bytes) {
            Ok(frame) if channel.contract().kind == Some(frame.body.kind()) => frame,
            Ok(frame) => return self.note(Note::Undecodable(DecodeError::UnknownKind(frame.body.kind() as u8))),
            Err(error) => return self.note(Note::Undecodable(error)),
        };
        if frame.head < self.job.aggregator() {
            return self.note(Note::StaleRun(frame.head.run));
        }
        match frame.body {
            Body::Spec(spec) => {
                self.obey(frame.head);
                self.on_spec(now, spec, frame.payload);
            }
            // A share or a round of a start whose spec has not come means nothing yet.
            _ if frame.head != self.job.aggregator() => {}
            Body::Assign(assign) => self.on_assign(now, assign),
            Body::Round(Round::Ask(round)) => self.on_round(now, round, frame.payload),
            Body::Round(Round::Finished) => self.on_finished(),
            Body::Extra(extra) => self.on_extra(now, extra),
            Body::Join(_) | Body::Gradient(_) | Body::Survey(_) | Body::Scores(_) => {}
        }
    }

    /// The highest run is obeyed, of two starts of one run the higher one; a new one begins with nothing but the data that
    /// are already prepared.
    fn obey(&mut self, aggregator: Head) {
        if self.job.obey(aggregator) {
            self.forget_job();
            self.note(Note::NewRun(aggregator.run));
        }
    }

    fn forget_job(&mut self) {
        self.serving.forget();
        self.job.forget();
        self.link.forget();
        self.outgoing.forget();
        self.replica.forget();
        self.answers.forget();
    }

    fn on_spec(&mut self, now: Timestamp, spec: Spec, payload: &[u8]) {
        if self.job.content() != Some(spec.content) {
            self.forget_job();
            self.link.progress(now);
            self.job.begin(spec.clone());
        }
        match self.job.take_chunk(&spec, payload) {
            Ok(Progress::Complete) => {}
            Ok(Progress::Incomplete) => return self.link.progress(now),
            Ok(Progress::Duplicate) => return,
            Err(note) => return self.note(note),
        }
        if !self.job.check_document(&spec) {
            self.link.progress(now);
            return self.note(Note::DigestMismatch);
        }
        if spec.is_fitted() {
            let parameters = spec.model.parameters().unwrap_or(usize::MAX);
            let room = self.replica.parameters_max().min(self.answers.gradient_bytes_max() / 4);
            if parameters > room {
                let bytes = parameters.saturating_mul(4);
                return self.note(Note::NoRoom { bytes, bytes_max: room.saturating_mul(4) });
            }
            self.note(Note::Settled(parameters));
        }
        self.job.want_data();
        self.link.announce_now(self.job.is_prepared(), now);
    }

    fn on_assign(&mut self, now: Timestamp, assign: Assign) {
        let meant = assign.session() == self.machine.session && self.job.content() == Some(assign.spec());
        let older = self.serving.version().is_some_and(|version| version > assign.version());
        if !meant || !self.job.is_prepared() || (older && !self.link.is_doubtful()) {
            return;
        }
        match assign {
            Assign::Refused(refused) if self.serving.refusal() != Some(refused.why) => {
                self.note(Note::Refused(refused.why));
            }
            Assign::Share(_) if !self.serving.is_assigned() => self.note(Note::Joined),
            _ => {}
        }
        let samples = assign.share().filter(|share| !share.probe).map_or(0, |share| share.samples);
        if assign.share().is_some() && self.status.share_samples != samples {
            self.note(Note::Share { version: assign.version(), samples });
        }
        self.status.share_samples = samples;
        self.link.answered();
        if self.serving.assign(assign) {
            self.link.progress(now);
        }
        self.take_back_untaken();
        self.serving.hold();
        self.serving.begin_if_ready(now);
    }

    fn on_round(&mut self, now: Timestamp, round: Ask, payload: &[u8]) {
        if !self.job.is_fitted() || !self.is_joined() {
            return;
        }
        let doubtful = self.link.is_doubtful();
        match self.serving.current().map(|current| (current.head, current.complete)) {
            Some((head, _)) if round.round < head.round && !doubtful => return,
            Some((head, true)) if round.round == head.round => return self.on_round_again(round),
            Some((head, _)) if round.round == head.round && (!doubtful || belongs_to(&head, round)) => {
                match (head.base, round.base) {
                    // The whole model has begun to come: the update is not needed.
                    (None, Some(_)) => return,
                    (Some(_), None) => self.enter_round(now, round),
                    _ => {}
                }
            }
            _ => self.enter_round(now, round),
        }
        self.on_model_chunk(now, &round, payload);
    }

    /// The aggregator repeats a round while it lacks an answer: send it once more.
    fn on_round_again(&mut self, round: Ask) {
        let answered = self.serving.current().is_some_and(|current| current.answer.is_some());
        if answered && round.part.index == 0 {
            self.outgoing.send_answer_again();
        }
    }

    fn on_extra(&mut self, now: Timestamp, extra: Extra) {
        let fits = extra.session == self.machine.session && extra.samples <= self.machine.samples_max;
        if !fits || self.job.data_mode() != Some(DataMode::Shared) {
            return;
        }
        match self.serving.take_extra(extra, self.link.is_doubtful()) {
            ExtraStep::None => {}
            ExtraStep::SendAgain => self.outgoing.send_answer_again(),
            ExtraStep::Begin => self.begin_extra(now, extra),
        }
    }

    pub(super) fn begin_extra(&mut self, now: Timestamp, extra: Extra) {
        self.serving.begin_extra(extra, now);
        self.outgoing.drop_answer();
        self.link.progress(now);
    }

    fn enter_round(&mut self, now: Timestamp, round: Ask) {
        let before = self.serving.leave_round();
        if let Some(missed) = before {
            self.status.rounds_overtaken += 1;
            self.note(Note::Overtaken(number(&missed)));
        }
        self.take_back_unused(&round);
        if self.serving.enter_round(round, now) {
            self.outgoing.drop_answer();
        }
        self.replica.restart();
        (self.status.round, self.status.number) = (round.round, number(&round));
        self.status.batch_samples = round.train().map_or(self.status.batch_samples, |train| train.batch_samples);
        self.link.trust();
        if self.replica.is_useful(&round) {
            self.progress_if_it_counts(now);
        }
    }

    fn on_model_chunk(&mut self, now: Timestamp, round: &Ask, payload: &[u8]) {
        let parameters = self.job.parameters().unwrap_or(0);
        let taken = self.replica.take_chunk(round, payload, parameters);
        if matches!(taken, Taken::Chunk | Taken::Whole | Taken::Damaged { .. }) {
            // A slow link is not a lost one.
            self.progress_if_it_counts(now);
        }
        match taken {
            Taken::Nothing | Taken::Chunk => {}
            Taken::Refused(note) => self.note(note),
            Taken::Held | Taken::Whole => self.on_model(now, round),
            Taken::Unreadable(note) => {
                self.serving.restart_round();
                self.note(note);
            }
            Taken::Damaged { note, lacks } => {
                self.serving.restart_round();
                self.note(note);
                if lacks {
                    self.on_lack(now, round);
                }
            }
            Taken::Lacks => self.on_lack(now, round),
        }
    }

    /// The round's model is there.
    fn on_model(&mut self, now: Timestamp, round: &Ask) {
        self.replica.is_current();
        self.serving.complete(round.round);
        self.progress_if_it_counts(now);
        self.serving.begin_if_ready(now);
    }

    /// Updates of a model that is not held: the announcement, which names what is held, asks for the whole. It is made once,
    /// and then as often as any announcement, until the whole comes.
    fn on_lack(&mut self, now: Timestamp, round: &Ask) {
        if self.replica.want_whole() {
            self.link.announce_now(self.job.is_prepared(), now);
            self.note(Note::Lacks(number(round)));
        }
    }

    fn on_finished(&mut self) {
        if self.job.spec().is_none() {
            return;
        }
        self.forget_job();
        self.job.end();
        self.link.stop();
        self.note(Note::Finished);
    }

    /// A step was taken without the range that was answered last, if the assignment says so: what the answer carried is
    /// sent another time.
    pub(super) fn take_back_untaken(&mut self) {
        if let Some(untaken) = self.serving.share().and_then(|share| share.untaken) {
            self.answers.take_back(self.job.parameters(), |carried| carried.is(untaken));
        }
    }

    /// What the last answer carried has not entered a step if none was taken.
    fn take_back_unused(&mut self, next: &Ask) {
        let Some(head) = self.serving.current().map(|current| current.head) else { return };
        if next.model == head.model && head.purpose() == Purpose::Train {
            self.answers.take_back(self.job.parameters(), |carried| carried.round() == head.round);
        }
    }
}

/// Whether a chunk belongs to the round that has begun to come. One that comes so slowly that the agent doubts whether it comes is not begun
/// again with each chunk.
fn belongs_to(begun: &Ask, chunk: Ask) -> bool {
    Ask { part: Part { index: begun.part.index, ..chunk.part }, ..chunk } == *begun
}
