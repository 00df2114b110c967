//! The driver's side of computations: what it asks, how it cancels, and memory that is used again.

use crate::cancel::Cancel;
use crate::config::Valid;
use crate::engine::{Ended, Engine};
use crate::work::{Compute, Done, Work};
use heijunka_compute::{Gradient, LocalSteps};
use heijunka_settings::Failure;
use heijunka_units::{RoundId, Samples};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// The engine, and what is in its hands.
pub(crate) struct Computing {
    engine: Engine,
    cancel: Cancel,
    model: Vec<f32>,
    gradient: Gradient,
}

impl Computing {
    /// Starts the compute thread.
    pub(crate) fn start(valid: &Valid) -> Result<Self, Failure> {
        let engine = Engine::start(valid)?;
        Ok(Self { engine, cancel: Cancel::default(), model: Vec::new(), gradient: Gradient::default() })
    }

    /// Does the work at once if it takes but a moment, else gives it to the compute thread.
    pub(crate) fn ask(&mut self, work: Work) -> Result<Option<Done>, Ended> {
        self.engine.ask(work)
    }

    /// A gradient at `model`, within `stop_after` if that is given.
    pub(crate) fn gradient(
        &mut self,
        round: RoundId,
        (position, samples, local): (u64, Samples, LocalSteps),
        stop_after: Option<Duration>,
        model: &[f32],
    ) -> Work {
        let (model, cancel) = self.begin(model);
        let stop = stop_after.map(|after| Instant::now() + after);
        let gradient = std::mem::take(&mut self.gradient);
        Work::Compute(Compute { round, position, samples, local, stop, model, gradient, cancel })
    }

    /// Scores of `model` on held-out rows.
    pub(crate) fn scores(&mut self, round: RoundId, (first, rows): (u32, u32), model: &[f32]) -> Work {
        let (model, cancel) = self.begin(model);
        Work::Score { round, first, rows, model, cancel }
    }

    fn begin(&mut self, model: &[f32]) -> (Vec<f32>, Cancel) {
        self.cancel = Cancel::default();
        let mut copy = std::mem::take(&mut self.model);
        copy.clear();
        copy.extend_from_slice(model);
        (copy, self.cancel.clone())
    }

    /// What is being computed is not needed any more.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// The next answer of the compute thread; `None` once it has ended.
    pub(crate) async fn done(&mut self) -> Option<Done> {
        self.engine.done.recv().await
    }

    /// A share of so many samples took so long.
    pub(crate) fn took(&mut self, samples: Samples, took: Duration) {
        self.engine.took(samples, took);
    }

    /// Takes the memory of a model back.
    pub(crate) fn keep_model(&mut self, model: Vec<f32>) {
        self.model = model;
    }

    /// Takes the memory of a gradient back.
    pub(crate) fn keep_gradient(&mut self, gradient: Gradient) {
        self.gradient = gradient;
    }

    /// Whether the compute thread works at what it was asked.
    pub(crate) fn is_alive(&mut self, now: Instant) -> bool {
        self.engine.is_alive(now, &self.cancel)
    }

    /// Where work may come from besides the driver.
    pub(crate) fn inbox(&self) -> Sender<Work> {
        self.engine.inbox()
    }
}
