//! What an agent's compute thread does: encodes rows, computes gradients and scores.

use crate::data::{Table, Truth};
use crate::scenario::Scenario;
use alloc::vec;
use alloc::vec::Vec;
use heijunka_learn::metrics::ranking::ScoreScale;
use heijunka_learn::{BLOCK, ModelShape, StreamOrder, Targets, class_of, gradient_sum, loss_sum, predict, scratch_len};
use heijunka_units::{AgentId, Samples};
use heijunka_wire::document::{Document, Encoding, Fitted, Job, Scores, Target};
use heijunka_wire::{DataMode, Spec, digest};
use heijunka_worker::Prepared;

/// The data of one agent, and the arithmetic on them.
#[derive(Clone, Debug)]
pub struct Engine {
    agent: AgentId,
    table: Table,
    classes: bool,
    ready: Option<Ready>,
}

/// Steps that an agent takes by itself in a round.
#[derive(Clone, Copy, Debug)]
pub struct LocalSteps {
    /// So many.
    pub steps: u16,
    /// Where the next step's samples begin, beyond the last one's.
    pub stride: u64,
    /// Learning rate between them.
    pub rate: f32,
}

impl LocalSteps {
    /// The gradient at the model.
    pub const ONE: Self = Self { steps: 1, stride: 0, rate: 0.0 };
}

/// Rows encoded for a fitted job.
#[derive(Clone, Debug)]
struct Ready {
    shape: ModelShape,
    order: StreamOrder,
    x: Vec<f32>,
    values: Vec<f32>,
    classes: Vec<u32>,
}

impl Engine {
    /// The engine of agent number `index`.
    pub fn new(scenario: &Scenario, agent: &AgentId, index: usize) -> Self {
        let classes = matches!(scenario.data.truth, Truth::Clouds(_));
        Self { agent: agent.clone(), table: Table::of(scenario, index), classes, ready: None }
    }

    /// Rows to train on.
    pub fn rows(&self) -> usize {
        self.table.rows
    }

    /// Encodes the rows for a spec; returns the survey's document too, which is empty for a fitted spec. Nothing if the
    /// document is none.
    pub fn prepare(&mut self, spec: &Spec, document: &[u8]) -> Option<(Prepared, Vec<u8>)> {
        let job = Job::from_bytes(document).ok()?;
        let rows = self.table.rows as u64;
        let Some(fitted) = &job.fitted else {
            let prepared = Prepared { spec: spec.content, rows, held_out_rows: 0, data_digest: 0 };
            return Some((prepared, self.table.survey(self.classes).to_bytes()));
        };
        let seed = match spec.data_mode {
            DataMode::Shared => spec.seed,
            DataMode::Private => spec.seed ^ digest(self.agent.as_str().as_bytes()),
        };
        let (x, values, classes) = self.encode(fitted);
        let bytes: Vec<u8> = x.iter().chain(&values).flat_map(|number| number.to_le_bytes()).collect();
        let order = StreamOrder::new(rows.max(1), seed);
        self.ready = Some(Ready { shape: ModelShape::new(spec.shape.clone()).ok()?, order, x, values, classes });
        let held_out_rows = self.table.held_out_rows as u64;
        Some((Prepared { spec: spec.content, rows, held_out_rows, data_digest: digest(&bytes) }, Vec::new()))
    }

    fn encode(&self, fitted: &Fitted) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
        let scaled = |value: f32, offset: f64, scale: f64| ((f64::from(value) - offset) * scale) as f32;
        let columns = fitted.inputs.iter().map(|input| match &input.encoding {
            Encoding::Scaled { offset, scale } => (*offset, *scale),
            Encoding::OneHot { .. } => (0.0, 0.0),
        });
        let columns: Vec<(f64, f64)> = columns.collect();
        let cells = self.table.x.iter().zip(columns.iter().cycle());
        let x = cells.map(|(value, (offset, scale))| scaled(*value, *offset, *scale)).collect();
        let (offset, scale) = match fitted.target {
            Target::Scaled { offset, scale } => (offset, scale),
            Target::Classes { .. } | Target::Inputs => (0.0, 1.0),
        };
        let values = self.table.y.iter().map(|value| scaled(*value, offset, scale)).collect();
        (x, values, self.table.y.iter().map(|class| *class as u32).collect())
    }

    /// Sum of the steps' mean gradients, and mean of their summed losses: each of `samples` samples, from `position` of the
    /// stream on for the first.
    pub fn compute(&self, position: u64, samples: Samples, model: &[f32], local: LocalSteps) -> (Vec<f32>, f64) {
        let Some(ready) = &self.ready else { return (Vec::new(), 0.0) };
        let (mut moved, mut sum, mut loss_sum) = (model.to_vec(), vec![0.0; model.len()], 0.0);
        for step in 0..u64::from(local.steps) {
            let begin = position.wrapping_add(step.wrapping_mul(local.stride));
            let row = |i| ready.order.row(begin.wrapping_add(i)) as usize;
            let (gradient, loss) = self.gradient(&(0..u64::from(samples)).map(row).collect::<Vec<_>>(), &moved);
            if local.steps == 1 || gradient.is_empty() {
                return (gradient, loss);
            }
            loss_sum += loss;
            sum.iter_mut().zip(&gradient).for_each(|(sum, g)| *sum += g);
            moved.iter_mut().zip(&gradient).for_each(|(parameter, g)| *parameter -= local.rate * g);
        }
        (sum, loss_sum / f64::from(local.steps))
    }

    /// Mean gradient and mean loss of all rows to train on.
    pub fn full_gradient(&self, model: &[f32]) -> (Vec<f32>, f64) {
        let (gradient, loss) = self.gradient(&(0..self.table.rows).collect::<Vec<_>>(), model);
        (gradient, loss / self.table.rows.max(1) as f64)
    }

    fn gradient(&self, rows: &[usize], model: &[f32]) -> (Vec<f32>, f64) {
        let Some(ready) = self.ready.as_ref().filter(|ready| ready.shape.parameters() == model.len()) else {
            return (Vec::new(), 0.0);
        };
        let mut gradient = vec![0.0; model.len()];
        let mut scratch = vec![0.0; scratch_len(&ready.shape, BLOCK)];
        let mut loss = 0.0;
        for rows in rows.chunks(BLOCK) {
            let (x, values, classes) = ready.block(rows);
            let targets = ready.targets(&values, &classes);
            let summed = gradient_sum(&ready.shape, model, &x, targets, None, &mut scratch, &mut gradient);
            loss += summed.unwrap_or(f64::NAN);
        }
        let count = rows.len().max(1) as f32;
        gradient.iter_mut().for_each(|sum| *sum /= count);
        (gradient, loss)
    }

    /// Scores of `rows` held-out rows from `first` on.
    pub fn score(&self, first: u32, rows: u32, model: &[f32]) -> Scores {
        let Some(ready) = &self.ready else { return Scores::default() };
        let first = self.table.rows + first as usize;
        let last = (first + rows as usize).min(self.table.y.len());
        let (x, values, classes) = ready.block(&(first..last).collect::<Vec<_>>());
        let width = ready.shape.outputs();
        let mut scratch = vec![0.0; scratch_len(&ready.shape, classes.len())];
        let mut outputs = vec![0.0; classes.len() * width];
        let mut scores = Scores { rows: classes.len() as u64, ..Scores::default() };
        if predict(&ready.shape, model, &x, &mut scratch, &mut outputs).is_err() {
            return Scores::default();
        }
        let targets = ready.targets(&values, &classes);
        scores.loss_sum = loss_sum(&ready.shape, &outputs, targets, None).unwrap_or(f64::MAX);
        if self.classes {
            scores.confusion = vec![0; width * width];
            for (logits, class) in outputs.chunks_exact(width).zip(&classes) {
                scores.confusion[*class as usize * width + class_of(logits)] += 1;
                if let [first, second] = logits {
                    let rows = if *class == 0 { [1, 0] } else { [0, 1] };
                    scores.count((ScoreScale::Margin.bucket(second - first), rows));
                }
            }
        }
        scores
    }
}

impl Ready {
    fn block(&self, rows: &[usize]) -> (Vec<f32>, Vec<f32>, Vec<u32>) {
        let inputs = self.shape.inputs();
        let x = rows.iter().flat_map(|row| &self.x[row * inputs..(row + 1) * inputs]).copied().collect();
        (x, rows.iter().map(|row| self.values[*row]).collect(), rows.iter().map(|row| self.classes[*row]).collect())
    }

    fn targets<'a>(&self, values: &'a [f32], classes: &'a [u32]) -> Targets<'a> {
        match self.shape.loss() {
            heijunka_units::Loss::CrossEntropy => Targets::Classes(classes),
            heijunka_units::Loss::MeanSquaredError => Targets::Values(values),
        }
    }
}
