//! What the driver's results change.

use super::Worker;
use crate::answers::{Writing, Written};
use crate::current::{Answer, Current};
use crate::note::Note;
use core::time::Duration;
use heijunka_units::{GOLDEN, RoundId, Samples, Timestamp};
use heijunka_wire::{DataMode, Durations, Purpose, digest};

impl Worker<'_> {
    pub(super) fn on_computed(
        &mut self,
        now: Timestamp,
        round: RoundId,
        (samples, loss_sum, gradient): (Samples, f64, &[f32]),
        took: Duration,
    ) {
        let parameters = self.job.parameters();
        let Some(current) = self.serving.awaiting(round, Purpose::Train) else { return };
        if let Some(next) = current.extra_next.take() {
            // The range that was computed is not needed any more: another one is wanted.
            return self.begin_extra(now, next);
        }
        if samples == 0 || parameters != Some(gradient.len()) {
            // Abandoned, or it could not be computed.
            return self.serving.drop_probe(round);
        }
        let asked = *current;
        // Numbers that are not finite cannot be averaged, but silence would leave the aggregator waiting.
        let sound = loss_sum.is_finite() && gradient.iter().all(|g| g.is_finite());
        let loss_sum = Some(loss_sum).filter(|_| sound);
        let written = if sound { self.write(&asked, gradient, samples) } else { Some(Written::NOTHING) };
        let Some(written) = written else { return };
        let held_before = self.outgoing.held(now);
        let Some(current) = self.serving.awaiting(round, Purpose::Train) else { return };
        let (decode_us, compute_us) = (micros(asked.started.since(asked.begun)), micros(took));
        let durations = Durations { decode_us, compute_us, encode_us: 0 };
        current.answer =
            Some(Answer::Gradient { samples, loss_sum, durations, computed_at: now, held_before, written });
        // It may have come too late already.
        self.take_back_untaken();
        let advances = !asked.probe && asked.extra.is_none();
        if advances {
            let steps = asked.head.train().map_or(1, |train| u64::from(train.local_steps));
            self.serving.advance(u64::from(samples).wrapping_mul(steps));
        }
        self.status.loss = loss_sum.unwrap_or(f64::INFINITY) / f64::from(samples);
        self.status.compute_seconds = took.as_secs_f64();
        self.status.gradient_codec = written.codec.as_str();
        self.status.gradient_bytes = written.bytes;
        self.status.rounds_answered += u64::from(advances);
        self.send_answer(now);
    }

    /// Writes the mean gradient of `samples` samples.
    fn write(&mut self, asked: &Current, gradient: &[f32], samples: Samples) -> Option<Written> {
        let (spec, train) = (self.job.spec()?, asked.head.train()?);
        let factor = match spec.data_mode {
            DataMode::Shared => samples as f32,
            DataMode::Private => 1.0,
        };
        // Other bits for each agent, round and range, the same whenever the job is run again.
        let name = digest(self.machine.agent.as_str().as_bytes());
        let round = asked.head.round.0.wrapping_mul(GOLDEN);
        let writing = Writing {
            codec: self.serving.share()?.codec,
            train,
            probe: asked.probe,
            extra: asked.extra.is_some(),
            factor,
            seed: spec.seed ^ name ^ round ^ u64::from(asked.offset).rotate_left(40),
            round: asked.head.round,
            offset: asked.offset,
        };
        let written = self.answers.write(gradient, &writing);
        if written.is_none() {
            let bytes_max = self.answers.gradient_bytes_max();
            self.note(Note::NoRoom { bytes: bytes_max, bytes_max });
        }
        written
    }

    pub(super) fn on_scored(&mut self, now: Timestamp, round: RoundId, scores: &[u8]) {
        let Some(current) = self.serving.awaiting(round, Purpose::Score) else { return };
        let bytes = scores.len();
        if let Err(bytes_max) = self.answers.keep_scores(scores) {
            return self.note(Note::NoRoom { bytes, bytes_max });
        }
        current.answer = Some(Answer::Scores { bytes });
        self.status.rounds_answered += 1;
        self.send_answer(now);
    }

    fn send_answer(&mut self, now: Timestamp) {
        self.outgoing.send_answer();
        self.link.progress(now);
    }
}

/// Whole microseconds; at most `u32::MAX`.
pub(super) fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}
