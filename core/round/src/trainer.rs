//! The model, its optimizer, and the best model so far.

use crate::collection::WeightedMean;
use crate::compact::{Compact, corrected};
use crate::plan::Plan;
use crate::replica::{Replica, Update};
use crate::start::BestModel;
use alloc::vec;
use alloc::vec::Vec;
use heijunka_learn::{Error, ModelShape, Optimizer, Schedule, initialize};
use heijunka_units::{Codec, Loss, ModelVersion, Shape};
use heijunka_wire::document::Scores;
use heijunka_wire::{Payload, model_digest};

/// The best model so far.
#[derive(Debug)]
struct Best {
    /// The higher the better, the second where the first are the same.
    worth: (f64, f64),
    step: u64,
    parameters: Vec<f32>,
    scores: Option<Scores>,
}

/// The model and what moves it.
#[derive(Debug)]
pub(crate) struct Trainer {
    shape: Shape,
    parameters: Vec<f32>,
    mean: Vec<f32>,
    optimizer: Optimizer<Vec<f32>>,
    /// What agents do of the optimizer's work.
    momentum: f64,
    schedule: Schedule,
    /// The agents' model, where it is not sent whole.
    replica: Option<Replica>,
    /// Kept only where the plan asks to stop when nothing gets better.
    best: Option<Best>,
}

impl Trainer {
    pub(crate) fn new(shape: Shape, plan: &Plan) -> Result<Self, Error> {
        let model = ModelShape::new(shape.clone()).map_err(|_| Error::OutOfRange("model shape"))?;
        let parameters = first_parameters(&model, plan)?;
        let steps = plan.start.as_ref().map_or(0, |start| start.steps);
        let sparse = plan.compact.gradient.is_some_and(Codec::is_sparse);
        let (kind, momentum) = if sparse { corrected(plan.optimizer) } else { (plan.optimizer, 0.0) };
        let state_len = kind.state_len(parameters.len());
        let saved = plan.start.as_ref().map(|start| &start.optimizer).filter(|state| state.len() == state_len);
        let state = saved.cloned().unwrap_or_else(|| vec![0.0; state_len]);
        let keeps_best = plan.until.no_better_for_rounds.is_some();
        plan.schedule.check()?;
        Ok(Self {
            mean: vec![0.0; parameters.len()],
            optimizer: Optimizer::resume(kind, steps, state)?,
            momentum,
            schedule: plan.schedule,
            replica: None,
            best: keeps_best.then(|| Best {
                worth: (f64::NEG_INFINITY, f64::NEG_INFINITY),
                step: steps,
                parameters: Vec::new(),
                scores: None,
            }),
            shape,
            parameters,
        })
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(crate) fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    pub(crate) fn steps(&self) -> u64 {
        self.optimizer.steps()
    }

    /// What the steps so far have left in the optimizer.
    pub(crate) fn optimizer_state(&self) -> &[f32] {
        self.optimizer.state()
    }

    /// Classes of a classification; 0 for a regression.
    pub(crate) fn classes(&self) -> usize {
        match self.shape.loss {
            Loss::CrossEntropy => self.shape.widths.last().map_or(0, |outputs| *outputs as usize),
            Loss::MeanSquaredError => 0,
        }
    }

    /// The model as agents have it, which is the one that is scored and kept.
    pub(crate) fn agents_model(&self) -> &[f32] {
        self.replica.as_ref().map_or(&self.parameters, |replica| &replica.parameters)
    }

    pub(crate) fn version(&self) -> ModelVersion {
        ModelVersion(self.steps())
    }

    /// Makes ready what agents will be sent of the present model: all of it if `codec` is `Float32`, else an update made of
    /// the gradients of `agents` agents. Returns the digest of their model.
    pub(crate) fn publishable(&mut self, codec: Codec, kept_ppm: u32, agents: usize) -> u64 {
        let version = self.version();
        if codec == Codec::Float32 {
            self.replica = None;
        } else if let Some(replica) = &mut self.replica {
            let kept = Compact::update_kept(kept_ppm, agents, self.parameters.len());
            replica.follow(&self.parameters, version, codec, kept);
        } else {
            self.replica = Some(Replica::new(&self.parameters, version));
        }
        model_digest(self.agents_model())
    }

    /// What leads from the older model to the present one; `None` if the whole has to be sent.
    pub(crate) fn update(&self) -> Option<&Update> {
        self.replica.as_ref().map(|replica| &replica.update).filter(|update| update.base.is_some())
    }

    /// What a round carries that builds on `base`, and its length.
    pub(crate) fn payload(&self, base: Option<ModelVersion>) -> (Payload<'_>, usize) {
        match self.update().filter(|_| base.is_some()) {
            Some(update) => (Payload::Bytes(&update.bytes), update.bytes.len()),
            None => (Payload::Numbers(self.agents_model()), self.agents_model().len() * 4),
        }
    }

    /// Momentum that agents give their gradients.
    pub(crate) fn agents_momentum(&self) -> f64 {
        self.momentum
    }

    /// From now on agents give their gradients momentum, if the optimizer has any. What it had gathered is dropped.
    pub(crate) fn hand_momentum_over(&mut self) {
        let (kind, momentum) = corrected(self.optimizer.kind());
        if momentum > 0.0
            && let Ok(optimizer) = Optimizer::resume(kind, self.steps(), Vec::new())
        {
            (self.optimizer, self.momentum) = (optimizer, momentum);
        }
    }

    /// The learning rate of the next step.
    pub(crate) fn rate(&self) -> f64 {
        self.schedule.at(self.optimizer.steps())
    }

    /// Steps along `scale` times the mean. Returns the learning rate.
    ///
    /// On an error nothing has changed: a gradient or a parameter after the step would not be finite.
    pub(crate) fn step(&mut self, mean: &WeightedMean, scale: f64) -> Result<f64, Error> {
        if !(mean.weight() > 0.0 && mean.weight().is_finite()) {
            return Err(Error::OutOfRange("sum of weights"));
        }
        mean.write(scale, &mut self.mean);
        let rate = self.rate();
        self.optimizer.step(&mut self.parameters, &self.mean, rate)?;
        Ok(rate)
    }

    /// Remembers the model if it is the best so far.
    pub(crate) fn note_score(&mut self, scores: &Scores, worth: (f64, f64)) {
        let step = self.optimizer.steps();
        if let Some(best) = self.best.as_mut().filter(|best| worth > best.worth) {
            best.worth = worth;
            best.step = step;
            best.parameters.clear();
            best.parameters
                .extend_from_slice(self.replica.as_ref().map_or(&self.parameters, |replica| &replica.parameters));
            best.scores = Some(scores.clone());
        }
    }

    /// An aggregator before this one had this as its best model, of that worth.
    pub(crate) fn recall_best(&mut self, known: &BestModel, worth: (f64, f64)) {
        let fits = known.parameters.len() == self.parameters.len();
        if let Some(best) = self.best.as_mut().filter(|_| fits) {
            let (parameters, scores) = (known.parameters.clone(), Some(known.scores.clone()));
            *best = Best { worth, step: known.step, parameters, scores };
        }
    }

    /// The best model so far; `None` if none is kept, or nothing has been scored.
    pub(crate) fn best(&self) -> Option<BestModel> {
        let best = self.best.as_ref()?;
        let (step, parameters) = (best.step, best.parameters.clone());
        best.scores.clone().map(|scores| BestModel { step, parameters, scores })
    }

    /// Steps since the best model; 0 if none is kept.
    pub(crate) fn steps_since_best(&self) -> u64 {
        self.best.as_ref().map_or(0, |best| self.steps().saturating_sub(best.step))
    }

    /// Makes the best model the model; returns its scores and its step. `None` if none is kept.
    pub(crate) fn restore_best(&mut self) -> Option<(Scores, u64)> {
        let best = self.best.as_ref()?;
        let scores = best.scores.clone()?;
        self.parameters.clone_from(&best.parameters);
        self.replica = None;
        Some((scores, best.step))
    }
}

/// Those of the model to start from, else new ones.
fn first_parameters(model: &ModelShape, plan: &Plan) -> Result<Vec<f32>, Error> {
    let mut parameters = vec![0.0; model.parameters()];
    match &plan.start {
        Some(start) if start.parameters.len() == parameters.len() => parameters.copy_from_slice(&start.parameters),
        Some(_) => return Err(Error::OutOfRange("number of parameters of the model to start from")),
        None => initialize(model, plan.seed, &mut parameters)?,
    }
    Ok(parameters)
}
