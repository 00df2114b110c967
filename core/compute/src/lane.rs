//! One lane: adds gradients or scores of rows in order, in memory of its own.

use crate::division::{piece_rows, rows_at_once};
use crate::governor::{Ahead, Governor, Next, Piece};
use crate::rows::{Problem, RowTargets, Rows};
use alloc::vec::Vec;
use heijunka_learn::metrics::ranking::ScoreScale;
use heijunka_learn::{BLOCK, Batch, add_gradient, class_of, loss_sum, mean_squared_error, predict, scratch_len};
use heijunka_wire::document::Scores;

/// Memory of one lane, and what governs it.
#[derive(Debug)]
pub struct Lane<G> {
    governor: G,
    x: Vec<f32>,
    y: RowTargets,
    /// Of rows whose inputs are their targets: which of them are normal.
    labels: RowTargets,
    weights: Vec<f32>,
    scratch: Vec<f32>,
    outputs: Vec<f32>,
    sum: Vec<f32>,
}

/// What a lane has added up of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunSum {
    pub(crate) samples: u32,
    pub(crate) loss: f64,
}

impl<G> Lane<G> {
    pub(crate) fn new(governor: G) -> Self {
        Self {
            governor,
            x: Vec::new(),
            y: RowTargets::default(),
            labels: RowTargets::Classes(Vec::new()),
            weights: Vec::new(),
            scratch: Vec::new(),
            outputs: Vec::new(),
            sum: Vec::new(),
        }
    }

    /// What governs it.
    pub fn governor(&mut self) -> &mut G {
        &mut self.governor
    }

    pub(crate) fn sum(&mut self) -> &mut Vec<f32> {
        &mut self.sum
    }
}

impl<G: Governor> Lane<G> {
    /// Adds the gradients of `rows`, piece by piece, to this lane's sum. `first`: the first piece is computed however late
    /// it is. `None` if cancelled, or rows and model do not fit each other.
    pub(crate) fn add<R: Rows>(&mut self, problem: Problem<'_, R>, rows: &[usize], first: bool) -> Option<RunSum> {
        self.sum.clear();
        self.sum.resize(problem.model.len(), 0.0);
        let (mut rest, mut loss) = (rows, 0.0);
        while !rest.is_empty() {
            let must = first && rest.len() == rows.len();
            let allowed = match self.governor.next(Ahead { parameters: problem.model.len(), must }) {
                Next::Rows(allowed) => allowed,
                Next::Over => break,
                Next::Cancelled => return None,
            };
            let (piece, after) = rest.split_at(piece_rows(problem.shape, allowed, rest.len()));
            self.add_piece(problem, piece, &mut loss)?;
            rest = after;
        }
        Some(RunSum { samples: (rows.len() - rest.len()) as u32, loss })
    }

    fn add_piece<R: Rows>(&mut self, problem: Problem<'_, R>, piece: &[usize], loss: &mut f64) -> Option<()> {
        self.gather(problem, piece);
        self.governor.gathered();
        let weights = (!self.weights.is_empty()).then_some(self.weights.as_slice());
        let batch = Batch { x: &self.x, targets: self.y.as_targets(), weights };
        add_gradient(problem.shape, problem.model, batch, &mut self.scratch, &mut self.sum, loss).ok()?;
        self.governor.done(Piece::Gradient { rows: piece.len(), parameters: problem.model.len() });
        Some(())
    }

    /// Copies rows together; returns how many there are.
    fn gather<R: Rows>(&mut self, problem: Problem<'_, R>, indices: &[usize]) -> usize {
        let reproduces = problem.reproduces_inputs();
        let targets = if reproduces { &mut self.labels } else { &mut self.y };
        let count = problem.rows.gather(indices, &mut self.x, targets);
        if reproduces {
            let mut values = match core::mem::take(&mut self.y) {
                RowTargets::Values(values) => values,
                RowTargets::Classes(_) => Vec::new(),
            };
            values.clone_from(&self.x);
            self.y = RowTargets::Values(values);
        }
        self.scratch.resize(scratch_len(problem.shape, count), 0.0);
        self.weights.clear();
        if let RowTargets::Classes(classes) = &self.y
            && problem.class_weights.iter().any(|weight| *weight != 1.0)
        {
            let weight = |class: &u32| problem.class_weights.get(*class as usize).copied().unwrap_or(1.0);
            self.weights.extend(classes.iter().map(weight));
        }
        count
    }

    /// Adds the scores of `rows`. `None` if cancelled, or rows and model do not fit each other.
    pub(crate) fn score<R: Rows>(
        &mut self,
        problem: Problem<'_, R>,
        rows: &[usize],
        scores: &mut Scores,
    ) -> Option<()> {
        for block in rows.chunks(BLOCK.min(rows_at_once(problem.shape))) {
            match self.governor.next(Ahead { parameters: problem.model.len(), must: true }) {
                Next::Rows(_) | Next::Over => {}
                Next::Cancelled => return None,
            }
            self.score_block(problem, block, scores)?;
            self.governor.done(Piece::Scores);
        }
        Some(())
    }

    fn score_block<R: Rows>(&mut self, problem: Problem<'_, R>, block: &[usize], scores: &mut Scores) -> Option<()> {
        let rows = self.gather(problem, block);
        let width = problem.shape.outputs();
        self.outputs.resize(rows * width, 0.0);
        predict(problem.shape, problem.model, &self.x, &mut self.scratch, &mut self.outputs).ok()?;
        scores.rows += rows as u64;
        if problem.reproduces_inputs() {
            self.score_inputs(width, scores);
            return Some(());
        }
        scores.loss_sum += loss_sum(problem.shape, &self.outputs, self.y.as_targets(), None).ok()?;
        match &self.y {
            RowTargets::Classes(classes) => {
                for (class, logits) in classes.iter().zip(self.outputs.chunks_exact(width)) {
                    let cell = *class as usize * width + class_of(logits);
                    *scores.confusion.get_mut(cell)? += 1;
                    if let [first, second] = logits {
                        scores.count((ScoreScale::Margin.bucket(second - first), one_of_two(*class)));
                    }
                }
            }
            RowTargets::Values(values) => {
                for (value, output) in values.iter().zip(&self.outputs) {
                    let error = f64::from(output - value) / problem.target_scale;
                    scores.squared_error_sum += error * error;
                    scores.absolute_error_sum += error.abs();
                }
            }
        }
        Some(())
    }

    /// How well the rows' inputs are reproduced.
    fn score_inputs(&self, width: usize, scores: &mut Scores) {
        let RowTargets::Classes(labels) = &self.labels else { return };
        let rows = self.outputs.chunks_exact(width).zip(self.x.chunks_exact(width));
        for (label, (outputs, inputs)) in labels.iter().zip(rows) {
            let error = mean_squared_error(outputs, inputs);
            scores.count((ScoreScale::Error.bucket(error), one_of_two(*label)));
            if *label == 0 {
                scores.loss_sum += 0.5 * f64::from(error);
            }
        }
    }
}

/// Rows of the first class and of the second.
fn one_of_two(class: u32) -> [u64; 2] {
    if class == 0 { [1, 0] } else { [0, 1] }
}
