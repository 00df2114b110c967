//! What the worker wants done, most urgent first.

use super::Worker;
use super::computing::micros;
use crate::current::Answer;
use crate::interface::{Output, Prepared};
use crate::note::Note;
use crate::outgoing::Encoded;
use crate::serving::Task;
use heijunka_units::Timestamp;
use heijunka_wire::{
    Body, Channel, Durations, EncodeError, Gradient, Join, PROTOCOL_VERSION, Reserved, ScoresChunk, SurveyChunk,
};

impl Worker<'_> {
    /// The next thing to do. Call until it returns [`Output::Wait`].
    pub fn poll_output(&mut self, now: Timestamp) -> Output<'_> {
        if let Some(note) = self.notes.pop_front() {
            return Output::Note(note);
        }
        if self.serving.take_abandon() {
            return Output::Abandon;
        }
        if self.job.is_request_due() {
            return self.prepare();
        }
        if self.serving.take_computation() {
            return self.begin(now);
        }
        if !self.link.is_connected() {
            return Output::Wait(Timestamp::NEVER);
        }
        if self.has_message()
            && let Some(until) = self.outgoing.wait(now)
        {
            return Output::Wait(until);
        }
        match self.next_message(now) {
            Some(Ok((channel, bytes))) => {
                self.outgoing.sent(bytes, now);
                Output::Publish { channel, bytes: self.outgoing.packet(bytes) }
            }
            Some(Err(EncodeError)) => {
                let (bytes, bytes_max) = (self.answers.gradient_bytes_max(), self.outgoing.packet_bytes_max());
                Output::Note(Note::NoRoom { bytes, bytes_max })
            }
            // The probe's answer is sent: what waited for it begins.
            None if self.serving.take_computation() => self.begin(now),
            None => {
                self.outgoing.idle();
                Output::Wait(self.announce_at())
            }
        }
    }

    fn prepare(&mut self) -> Output<'_> {
        match self.job.take_request() {
            Some((spec, document)) => Output::Prepare { spec, document },
            None => Output::Wait(Timestamp::NEVER),
        }
    }

    fn begin(&mut self, now: Timestamp) -> Output<'_> {
        let Some(task) = self.job.data_mode().and_then(|data_mode| self.serving.start(data_mode, now)) else {
            return Output::Wait(now);
        };
        let model = self.replica.model(self.job.parameters().unwrap_or(0));
        match task {
            Task::Score { round, first, rows } => Output::Score { round, first, rows, model },
            Task::Compute { round, position, samples, local_steps, stride, learning_rate, extra, stop_after } => {
                Output::Compute {
                    round,
                    position,
                    samples,
                    local_steps,
                    stride,
                    learning_rate,
                    extra,
                    stop_after,
                    model,
                }
            }
        }
    }

    /// Writes the next message into the packet.
    fn next_message(&mut self, now: Timestamp) -> Option<Encoded> {
        if self.link.take_announcement(now) {
            self.outgoing.send_survey(self.job.has_survey());
            return Some(self.write_join());
        }
        if let Some(index) = self.outgoing.survey_next() {
            return self.write_survey(now, index);
        }
        let index = self.outgoing.answer_next()?;
        self.write_answer(now, index)
    }

    /// Without data for the present spec it is a request for the spec, which names none and offers no rows.
    fn write_join(&mut self) -> Encoded {
        let nothing = Prepared { spec: 0, rows: 0, held_out_rows: 0, data_digest: 0 };
        let prepared = self.job.prepared().unwrap_or(nothing);
        // The largest number that the field holds is still a cap; 0 is none.
        let uplink = |rate: u64| u32::try_from(rate).unwrap_or(u32::MAX);
        let join = Body::Join(Join {
            session: self.machine.session,
            protocol_min: PROTOCOL_VERSION,
            protocol_max: PROTOCOL_VERSION,
            spec: prepared.spec,
            rows: prepared.rows,
            held_out_rows: prepared.held_out_rows,
            data_digest: prepared.data_digest,
            samples_max: self.machine.samples_max,
            threads: self.machine.threads,
            cpu_share_percent: self.machine.cpu_share_percent.clamp(1, 100),
            uplink_bytes_per_s: self.outgoing.cap().map_or(0, |cap| uplink(cap.rate.bytes_per_s())),
            away_s: self.link.announce_leaving(),
            model: self.replica.held(),
        });
        self.outgoing.write(self.job.aggregator(), Channel::Join, &join)
    }

    fn write_survey(&mut self, now: Timestamp, index: u16) -> Option<Encoded> {
        let session = self.machine.session;
        let (spec, survey) = self.job.survey()?;
        let (encoded, next) = self.outgoing.write_chunk(self.job.aggregator(), index, survey, |part| {
            (Channel::Survey, Body::Survey(SurveyChunk { spec, session, part }))
        });
        self.outgoing.continue_survey(next);
        if next.is_none() {
            self.on_all_sent(now);
        }
        Some(encoded)
    }

    fn write_answer(&mut self, now: Timestamp, index: u16) -> Option<Encoded> {
        let current = self.serving.answering()?;
        let (session, aggregator, round) = (self.machine.session, self.job.aggregator(), current.head.round);
        let (encoded, next) = match current.answer? {
            Answer::Scores { bytes } => {
                self.outgoing.write_chunk(aggregator, index, self.answers.scores(bytes)?, |part| {
                    (Channel::Scores, Body::Scores(ScoresChunk { round, session, part }))
                })
            }
            Answer::Gradient { samples, loss_sum, durations, computed_at, held_before, written } => {
                // The time for which the cap holds it back is the network's.
                let held = self.outgoing.held(now).saturating_sub(held_before);
                let durations =
                    Durations { encode_us: micros(now.since(computed_at).saturating_sub(held)), ..durations };
                self.outgoing.write_chunk(aggregator, index, self.answers.gradient(written)?, |part| {
                    let body = Body::Gradient(Gradient {
                        round,
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
                    (Channel::Gradient, body)
                })
            }
        };
        self.outgoing.continue_answer(next);
        if next.is_none() {
            self.serving.answer_sent();
            self.on_all_sent(now);
        }
        Some(encoded)
    }

    /// Under a cap messages may have left slowly: the wait for what comes of them begins now.
    fn on_all_sent(&mut self, now: Timestamp) {
        if self.outgoing.cap().is_some() {
            self.link.announce_later(now);
        }
    }
}
