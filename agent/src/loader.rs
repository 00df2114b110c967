//! What the compute thread does: owns the data, computes gradients and scores.

#[cfg(test)]
mod tests;

use crate::cancel::Cancel;
use crate::config::{Emulate, Valid};
use crate::diagnosis::{Spent, thread_cpu_wait};
use crate::duty::Duty;
use crate::encoded::Encoded;
use crate::failure::data_failure;
use crate::files::Files;
use crate::memory::Needs;
use crate::reading::{Fresh, Reading, Ready, job};
use crate::share::{ShareEngine, Times};
use crate::work::{Compute, Done, Work};
use heijunka_compute::{Gradient, LocalSteps};
use heijunka_data::Table;
use heijunka_settings::Failure;
use heijunka_units::{RoundId, Samples};
use heijunka_wire::Spec;
use heijunka_wire::document::{Document, Scores};
use heijunka_worker::Prepared;
use std::time::{Duration, Instant};
use tracing::info;

/// The table that was read for the survey, kept for the job that is fitted to it.
struct Surveyed {
    table: Table,
    needs: Needs,
    /// The files just before they were read.
    files: Files,
}

/// What the compute thread owns.
pub(crate) struct Loader {
    reading: Reading,
    share: ShareEngine,
    emulate: Emulate,
    surveyed: Option<Surveyed>,
    ready: Option<Ready>,
    /// Memory for the rows of a step and for the sum of several steps.
    rows: Vec<usize>,
    sum: Vec<f32>,
}

impl Loader {
    pub(crate) fn new(valid: &Valid) -> Self {
        Self {
            reading: Reading::new(valid),
            share: ShareEngine::new(valid.threads, Duty::new(valid.cpu_share_percent)),
            emulate: valid.emulate.clone(),
            surveyed: None,
            ready: None,
            rows: Vec::new(),
            sum: Vec::new(),
        }
    }

    /// Does a piece of work. `timed`: also measures how long the thread waits for a processor, which costs a moment.
    pub(crate) fn work(&mut self, work: Work, timed: bool) -> Done {
        match work {
            Work::Prepare { spec, document } => {
                let done = self.prepare(&spec, &document).unwrap_or_else(Done::Failed);
                // The first share would rest for it, and the machine seem slow.
                self.share.forgive();
                done
            }
            Work::Replace(fresh) => self.replace(*fresh),
            Work::Compute(asked) => self.compute(asked, timed),
            Work::Score { round, first, rows, model, cancel } => self.score(round, first, rows, model, &cancel),
        }
    }

    fn prepare(&mut self, spec: &Spec, document: &[u8]) -> Result<Done, Failure> {
        let job = job(document)?;
        let files = Files::look(&self.reading.source);
        let (table, needs) = self.table(files.as_ref())?;
        if spec.is_fitted() {
            let Fresh { ready, prepared } = self.reading.encode(&table, needs, spec, &job)?;
            let usage = ready.dataset.usage.clone();
            self.ready = Some(ready);
            return Ok(Done::Prepared { prepared, survey: Vec::new(), usage });
        }
        for note in table.notes() {
            info!("{note}");
        }
        let usage = table.usage(&job).map_err(data_failure)?;
        let survey = table.survey(&job).map_err(data_failure)?;
        let (rows, held_out_rows) = (usage.train, usage.held_out);
        let prepared = Prepared { spec: spec.content, rows, held_out_rows, data_digest: 0 };
        self.surveyed = files.map(|files| Surveyed { table, needs, files });
        Ok(Done::Prepared { prepared, survey: survey.to_bytes(), usage })
    }

    /// The table of the survey if `files`, which are as they are now, have not changed since; else they are read.
    fn table(&mut self, files: Option<&Files>) -> Result<(Table, Needs), Failure> {
        match self.surveyed.take() {
            Some(surveyed) if files == Some(&surveyed.files) => Ok((surveyed.table, surveyed.needs)),
            outdated => {
                drop(outdated);
                self.reading.table()
            }
        }
    }

    /// Data that were read for another job than the present one change nothing.
    fn replace(&mut self, fresh: Result<Fresh, Failure>) -> Done {
        Done::Replaced(fresh.map(|Fresh { ready, prepared }| {
            let usage = ready.dataset.usage.clone();
            if self.ready.as_ref().is_some_and(|present| present.settled.spec() == ready.settled.spec()) {
                self.ready = Some(ready);
            }
            (prepared, usage)
        }))
    }

    fn compute(&mut self, asked: Compute, timed: bool) -> Done {
        let Compute { round, position, samples, local, stop, mut model, mut gradient, cancel } = asked;
        let waited = || if timed { thread_cpu_wait() } else { None };
        let (began, cpu_wait_before) = (Instant::now(), waited());
        let stop_after = stop.map(|stop| stop.saturating_duration_since(began));
        let samples = self.emulate.samples_within(round, samples, stop_after);
        self.share.begin(&cancel, stop);
        let choosing = self.take_steps(local, position, samples, &mut model, &mut gradient);
        if cancel.is_cancelled() {
            gradient.samples = 0;
        }
        let Times { gathering, resting, helpers_cpu_wait } = self.share.times();
        let data = choosing + gathering;
        // Read before any sleep, which is not a wait for a processor.
        let own = waited().zip(cpu_wait_before).map(|(after, before)| after.saturating_sub(before));
        let busy = began.elapsed();
        let seeming = self.emulate.compute_time(round, gradient.samples).saturating_mul(u32::from(local.steps));
        let emulated_compute = cancel.sleep_until(began + seeming);
        let took = began.elapsed();
        let spent = Spent {
            samples: gradient.samples,
            data,
            computing: busy.saturating_sub(data + resting),
            resting,
            emulated_compute,
            // Threads wait side by side: the longest counts, and no longer than the work took.
            cpu_wait: own.map(|own| own.max(helpers_cpu_wait).min(busy)),
            ..Spent::default()
        };
        Done::Computed { round, gradient, took, spent, model }
    }

    /// The sum of the steps' mean gradients; returns the time of choosing their rows.
    fn take_steps(
        &mut self,
        local: LocalSteps,
        position: u64,
        samples: Samples,
        model: &mut [f32],
        gradient: &mut Gradient,
    ) -> Duration {
        gradient.samples = 0;
        let Some(ready) = &self.ready else { return Duration::ZERO };
        let (rows, train) = (&mut self.rows, Encoded(&ready.dataset.train));
        let mut choosing = Duration::ZERO;
        local.take(position, model, &mut self.sum, gradient, |position, model, gradient| {
            let began = Instant::now();
            ready.settled.choose(position, samples, rows);
            choosing += began.elapsed();
            self.share.gradient(ready.settled.problem(&train, model), rows, gradient);
        });
        choosing
    }

    fn score(&mut self, round: RoundId, first: u32, rows: u32, model: Vec<f32>, cancel: &Cancel) -> Done {
        let mut scores = Scores::default();
        if let Some(ready) = &self.ready {
            let range = first as usize..(first as usize).saturating_add(rows as usize);
            let held_out = ready.dataset.held_out.len();
            let range = range.start.min(held_out)..range.end.min(held_out);
            self.share.begin(cancel, None);
            scores = self.share.score(ready.settled.problem(&Encoded(&ready.dataset.held_out), &model), range);
        }
        Done::Scored { round, scores: scores.to_bytes(), model }
    }
}
