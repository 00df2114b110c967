//! The model, its optimizer, and the best model so far.

use crate::plan::Plan;
use alloc::vec;
use alloc::vec::Vec;
use heijunka_learn::{Error, ModelShape, Optimizer, Schedule, initialize, weighted_mean};
use heijunka_wire::document::Scores;
use heijunka_wire::{Activation, Loss, Shape, chunk_digest, parts};

/// The best model so far.
#[derive(Debug)]
struct Best {
    loss: f64,
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
    schedule: Schedule,
    /// Kept only where the plan asks to stop when nothing gets better.
    best: Option<Best>,
}

impl Trainer {
    pub(crate) fn new(shape: Shape, plan: &Plan) -> Result<Self, Error> {
        let model = learn_shape(&shape)?;
        let mut parameters = vec![0.0; model.parameters()];
        initialize(&model, plan.seed, &mut parameters)?;
        let state = vec![0.0; plan.optimizer.state_len(parameters.len())];
        let keeps_best = plan.until.no_better_for_rounds.is_some();
        plan.schedule.check()?;
        Ok(Self {
            mean: vec![0.0; parameters.len()],
            optimizer: Optimizer::new(plan.optimizer, state)?,
            schedule: plan.schedule,
            best: keeps_best.then(|| Best { loss: f64::INFINITY, step: 0, parameters: Vec::new(), scores: None }),
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

    /// Classes of a classification; 0 for a regression.
    pub(crate) fn classes(&self) -> usize {
        match self.shape.loss {
            Loss::CrossEntropy => self.shape.widths.last().map_or(0, |outputs| *outputs as usize),
            Loss::MeanSquaredError => 0,
        }
    }

    /// Digest of the model as it is sent in chunks of `chunk_bytes`.
    pub(crate) fn digest(&self, chunk_bytes: usize) -> u64 {
        let bytes: Vec<u8> = self.parameters.iter().flat_map(|p| p.to_le_bytes()).collect();
        let chunks = parts(bytes.len(), chunk_bytes).into_iter().flatten();
        chunks.fold(0, |digest, part| {
            let (begin, length) = part.range().unwrap_or((0, 0));
            digest ^ chunk_digest(part.index, bytes.get(begin..begin + length).unwrap_or(&[]))
        })
    }

    /// Steps along `scale` times the weighted mean of mean gradients, in the order given. Returns the learning rate.
    ///
    /// On an error nothing has changed: a gradient or a parameter after the step would not be finite.
    pub(crate) fn step(&mut self, gradients: &[(f64, &[f32])], scale: f64) -> Result<f64, Error> {
        weighted_mean(gradients, &mut self.mean)?;
        if scale != 1.0 {
            self.mean.iter_mut().for_each(|mean| *mean = (f64::from(*mean) * scale) as f32);
        }
        let rate = self.schedule.at(self.optimizer.steps());
        self.optimizer.step(&mut self.parameters, &self.mean, rate)?;
        Ok(rate)
    }

    /// Remembers the model if its held-out loss is the lowest so far.
    pub(crate) fn note_score(&mut self, scores: &Scores) {
        let step = self.optimizer.steps();
        let loss = scores.loss_sum / scores.rows as f64;
        if let Some(best) = self.best.as_mut().filter(|best| loss < best.loss) {
            best.loss = loss;
            best.step = step;
            best.parameters.clone_from(&self.parameters);
            best.scores = Some(scores.clone());
        }
    }

    /// Steps since the best model; 0 if none is kept.
    pub(crate) fn steps_since_best(&self) -> u64 {
        self.best.as_ref().map_or(0, |best| self.steps().saturating_sub(best.step))
    }

    /// Makes the best model the model, and returns its scores.
    pub(crate) fn restore_best(&mut self) -> Option<Scores> {
        let best = self.best.as_mut()?;
        let scores = best.scores.take()?;
        self.parameters.clone_from(&best.parameters);
        Some(scores)
    }
}

fn learn_shape(shape: &Shape) -> Result<ModelShape, Error> {
    let activation = match shape.activation {
        Activation::Relu => heijunka_learn::Activation::Relu,
        Activation::Tanh => heijunka_learn::Activation::Tanh,
    };
    let loss = match shape.loss {
        Loss::MeanSquaredError => heijunka_learn::Loss::MeanSquaredError,
        Loss::CrossEntropy => heijunka_learn::Loss::CrossEntropy,
    };
    ModelShape::new(&shape.widths, activation, loss).map_err(|_| Error::OutOfRange("model shape"))
}
