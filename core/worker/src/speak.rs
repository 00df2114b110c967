//! What the worker wants done, most urgent first.

use crate::current::Answer;
use crate::note::Note;
use crate::worker::{ANNOUNCE_BETWEEN, Output, Prepared, Worker, micros};
use core::time::Duration;
use heijunka_units::Timestamp;
use heijunka_wire::{
    Body, Channel, DataMode, Durations, EncodeError, Gradient, Head, Join, PROTOCOL_VERSION, Part, Payload, Reserved,
    ScoresChunk, SurveyChunk, Work, encode, parts,
};

impl<'b> Worker<'b> {
    /// The next thing to do. Call until it returns [`Output::Wait`].
    pub fn poll_output(&mut self, now: Timestamp) -> Output<'_> {
        if let Some(note) = self.notes.pop_front() {
            return Output::Note(note);
        }
        if core::mem::take(&mut self.abandon_due) {
            return Output::Abandon;
        }
        if core::mem::take(&mut self.prepare_due) && self.spec.is_some() {
            return self.prepare();
        }
        if self.probing.is_none() && core::mem::take(&mut self.compute_due) {
            return self.begin(now);
        }
        if !self.connected {
            return Output::Wait(Timestamp::NEVER);
        }
        if self.has_message()
            && let Some(until) = self.uplink.wait(now)
        {
            return Output::Wait(until);
        }
        match self.next_message(now) {
            Some(Ok((channel, bytes))) => {
                self.uplink.send(bytes, now);
                Output::Publish { channel, bytes: self.buffers.packet.get(..bytes).unwrap_or(&[]) }
            }
            Some(Err(EncodeError)) => {
                let bytes_max = self.buffers.packet.len();
                Output::Note(Note::NoRoom { bytes: self.buffers.gradient.len(), bytes_max })
            }
            // The probe's answer is sent: what waited for it begins.
            None if self.probing.is_none() && core::mem::take(&mut self.compute_due) => self.begin(now),
            None => {
                self.uplink.idle();
                Output::Wait(self.announce_at())
            }
        }
    }

    /// Something is to be sent.
    fn has_message(&self) -> bool {
        self.announce_due || self.survey_next.is_some() || self.answer_next.is_some()
    }

    fn prepare(&mut self) -> Output<'_> {
        // Whatever the driver has prepared before, it is replaced.
        self.prepared = None;
        self.survey_bytes = 0;
        match &self.spec {
            Some(spec) => Output::Prepare { spec, document: self.spec_document() },
            None => Output::Wait(Timestamp::NEVER),
        }
    }

    /// While the agent reads its data, computes, or sends slowly, silence is not a sign of loss.
    pub(crate) fn announce_at(&self) -> Timestamp {
        let preparing = self.spec_is_whole() && !self.is_prepared();
        let sending = self.uplink.cap().is_some() && self.has_message();
        if self.is_busy() || preparing || sending { Timestamp::NEVER } else { self.announce.due }
    }

    fn begin(&mut self, now: Timestamp) -> Output<'_> {
        let share = self.share();
        let (Some(current), Some(assign), Some(spec)) = (self.current.as_mut(), share, &self.spec) else {
            return Output::Wait(now);
        };
        current.taken = true;
        let parameters = spec.model.parameters().unwrap_or(0);
        let model = self.buffers.model.get(..parameters).unwrap_or(&[]);
        let round = current.head.round;
        let Work::Train(train) = current.head.work else {
            return Output::Score { round, first: assign.held_out_offset, rows: assign.held_out_rows, model };
        };
        let samples = current.extra.map_or(assign.samples, |extra| extra.samples);
        current.offset = current.extra.map_or(assign.offset, |extra| extra.offset);
        current.probe = assign.probe && current.extra.is_none();
        let position = match spec.data_mode {
            DataMode::Shared => train.first_position.wrapping_add(u64::from(current.offset)),
            DataMode::Private => self.cursor,
        };
        let stops = train.stop_us > 0 && !current.probe && current.extra.is_none();
        let stop_after = stops.then(|| {
            let stop = Duration::from_micros(u64::from(train.stop_us));
            let network = Duration::from_micros(u64::from(assign.network_us));
            stop.saturating_sub(network).saturating_sub(now.since(current.begun))
        });
        let extra = current.extra.is_some();
        let (local_steps, learning_rate) = (train.local_steps, train.learning_rate);
        let stride = match spec.data_mode {
            DataMode::Shared => u64::from(train.batch_samples),
            DataMode::Private => u64::from(samples),
        };
        Output::Compute { round, position, samples, local_steps, stride, learning_rate, extra, stop_after, model }
    }

    /// Encodes the next message into the packet buffer.
    fn next_message(&mut self, now: Timestamp) -> Option<Result<(Channel, usize), EncodeError>> {
        if core::mem::take(&mut self.announce_due) {
            self.survey_next = (self.survey_bytes > 0 && self.is_prepared()).then_some(0);
            self.announce.back_off(now);
            return Some(self.encode_join());
        }
        if let Some(index) = self.survey_next {
            return self.encode_survey(now, index);
        }
        let index = self.answer_next?;
        self.encode_answer(now, index)
    }

    /// Without data for the present spec it is a request for the spec, which names none and offers no rows.
    fn encode_join(&mut self) -> Result<(Channel, usize), EncodeError> {
        if let Some(leaving) = &mut self.leaving {
            leaving.told = true;
        }
        let nothing = Prepared { spec: 0, rows: 0, held_out_rows: 0, data_digest: 0 };
        let prepared = self.prepared.filter(|_| self.is_prepared()).unwrap_or(nothing);
        let join = Body::Join(Join {
            session: self.settings.session,
            protocol_min: PROTOCOL_VERSION,
            protocol_max: PROTOCOL_VERSION,
            spec: prepared.spec,
            rows: prepared.rows,
            held_out_rows: prepared.held_out_rows,
            data_digest: prepared.data_digest,
            samples_max: self.settings.samples_max,
            threads: self.settings.threads,
            cpu_share_percent: self.settings.cpu_share_percent.clamp(1, 100),
            // The largest number that the field holds is still a cap; 0 is none.
            uplink_bytes_per_s: self
                .uplink
                .cap()
                .map_or(0, |cap| u32::try_from(cap.rate.bytes_per_s()).unwrap_or(u32::MAX)),
            away_s: self.leaving.map_or(0, |leaving| leaving.away_s),
            model: self.held,
        });
        let frame = encode(self.aggregator, &join, Payload::None, self.buffers.packet)?;
        Ok((Channel::Join, frame.len()))
    }

    fn encode_survey(&mut self, now: Timestamp, index: u16) -> Option<Result<(Channel, usize), EncodeError>> {
        let (spec, session) = (self.prepared?.spec, self.settings.session);
        let chunk = self.chunk_bytes(self.survey_bytes);
        let survey = self.buffers.survey.get(..self.survey_bytes)?;
        let message = |part| (Channel::Survey, Body::Survey(SurveyChunk { spec, session, part }));
        let (encoded, next) = statistics(self.aggregator, message, index, chunk, survey, self.buffers.packet);
        self.survey_next = next;
        if next.is_none() {
            self.all_sent(now);
        }
        Some(encoded)
    }

    /// What was sent under a cap, and so perhaps slowly, is waited for from now on.
    fn all_sent(&mut self, now: Timestamp) {
        if self.uplink.cap().is_some() {
            self.announce.not_before(now + ANNOUNCE_BETWEEN.0);
        }
    }

    fn encode_answer(&mut self, now: Timestamp, index: u16) -> Option<Result<(Channel, usize), EncodeError>> {
        let current = self.probing.or(self.current)?;
        let held = self.uplink.held(now);
        let session = self.settings.session;
        let (encoded, next) = match current.answer? {
            Answer::Scores { bytes } => {
                let round = current.head.round;
                let (scores, chunk) = (self.buffers.scores.get(..bytes)?, self.chunk_bytes(bytes));
                let message = |part| (Channel::Scores, Body::Scores(ScoresChunk { round, session, part }));
                statistics(self.aggregator, message, index, chunk, scores, self.buffers.packet)
            }
            Answer::Gradient { samples, loss_sum, durations, computed_at, held_before, written } => {
                let gradient = self.buffers.gradient.get(..written.bytes)?;
                let all = parts(gradient.len(), self.chunk_bytes(gradient.len()))?;
                let part = all.clone().nth(usize::from(index))?;
                // The time for which the cap holds it back is the network's.
                let encoding = now.since(computed_at).saturating_sub(held.saturating_sub(held_before));
                let durations = Durations { encode_us: micros(encoding), ..durations };
                let body = Body::Gradient(Gradient {
                    round: current.head.round,
                    allocation: current.head.allocation,
                    session,
                    offset: current.offset,
                    samples,
                    loss_sum,
                    durations,
                    codec: written.codec,
                    ranges: Reserved,
                    noise: Reserved,
                    part,
                });
                let encoded = encode(self.aggregator, &body, Payload::Bytes(gradient), self.buffers.packet)
                    .map(|frame| (Channel::Gradient, frame.len()));
                (encoded, (all.count() > usize::from(index) + 1).then_some(index + 1))
            }
        };
        self.answer_next = next;
        if next.is_none() {
            self.probing = None;
            self.all_sent(now);
        }
        Some(encoded)
    }

    /// Seconds from the last result until now, for `status`.
    pub fn waited(&self, now: Timestamp) -> Duration {
        match self.current.and_then(|current| current.answer) {
            Some(Answer::Gradient { computed_at, .. }) => now.since(computed_at),
            _ => Duration::ZERO,
        }
    }
}

type Encoded = Result<(Channel, usize), EncodeError>;

/// Encodes a chunk of a survey or of scores, and says which one is next.
fn statistics(
    head: Head,
    message: impl FnOnce(Part) -> (Channel, Body),
    index: u16,
    chunk_bytes: usize,
    document: &[u8],
    packet: &mut [u8],
) -> (Encoded, Option<u16>) {
    let Some(all) = parts(document.len(), chunk_bytes) else { return (Err(EncodeError), None) };
    let Some(part) = all.clone().nth(usize::from(index)) else { return (Err(EncodeError), None) };
    let (channel, body) = message(part);
    let encoded = encode(head, &body, Payload::Bytes(document), packet).map(|frame| (channel, frame.len()));
    (encoded, (all.count() > usize::from(index) + 1).then_some(index + 1))
}
