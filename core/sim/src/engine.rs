//! What an agent's compute thread does: encodes rows, computes gradients and scores.

use crate::data::{Table, Truth};
use crate::scenario::Scenario;
use alloc::vec::Vec;
use heijunka_compute as compute;
use heijunka_compute::{Gradient, InOrder, LocalSteps, RowTargets, Rows, Settled, Unhurried};
use heijunka_units::{AgentId, Samples};
use heijunka_wire::document::{Document, Encoding, Fitted, Job, Scores, Target};
use heijunka_wire::{Spec, digest};
use heijunka_worker::Prepared;

/// The data of one agent, and the arithmetic on them.
#[derive(Clone, Debug)]
pub struct Engine {
    agent: AgentId,
    table: Table,
    classes: bool,
    ready: Option<Ready>,
}

/// Rows encoded for a fitted job, with what it says about computing.
#[derive(Clone, Debug)]
struct Ready {
    settled: Settled,
    rows: Encoded,
}

/// Encoded rows, those to train on first.
#[derive(Clone, Debug)]
struct Encoded {
    inputs: usize,
    x: Vec<f32>,
    targets: RowTargets,
}

impl Rows for Encoded {
    fn have_classes(&self) -> bool {
        matches!(self.targets, RowTargets::Classes(_))
    }

    fn gather(&self, indices: &[usize], x: &mut Vec<f32>, targets: &mut RowTargets) -> usize {
        x.clear();
        x.extend(indices.iter().flat_map(|row| &self.x[row * self.inputs..(row + 1) * self.inputs]));
        *targets = match &self.targets {
            RowTargets::Classes(classes) => RowTargets::Classes(indices.iter().map(|row| classes[*row]).collect()),
            RowTargets::Values(values) => RowTargets::Values(indices.iter().map(|row| values[*row]).collect()),
        };
        indices.len()
    }
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
        let rows_encoded = self.encode(fitted);
        let digest = rows_encoded.digest();
        let settled = Settled::new(spec, &job, &self.agent, rows).ok()?;
        self.ready = Some(Ready { settled, rows: rows_encoded });
        let held_out_rows = self.table.held_out_rows as u64;
        Some((Prepared { spec: spec.content, rows, held_out_rows, data_digest: digest }, Vec::new()))
    }

    fn encode(&self, fitted: &Fitted) -> Encoded {
        let scaled = |value: f32, offset: f64, scale: f64| ((f64::from(value) - offset) * scale) as f32;
        let columns = fitted.inputs.iter().map(|input| match &input.encoding {
            Encoding::Scaled { offset, scale } => (*offset, *scale),
            Encoding::OneHot { .. } => (0.0, 0.0),
        });
        let columns: Vec<(f64, f64)> = columns.collect();
        let cells = self.table.x.iter().zip(columns.iter().cycle());
        let x = cells.map(|(value, (offset, scale))| scaled(*value, *offset, *scale)).collect();
        let y = self.table.y.iter();
        let targets = match fitted.target {
            Target::Scaled { offset, scale } => {
                RowTargets::Values(y.map(|value| scaled(*value, offset, scale)).collect())
            }
            Target::Classes { .. } | Target::Inputs => RowTargets::Classes(y.map(|class| *class as u32).collect()),
        };
        Encoded { inputs: self.table.inputs, x, targets }
    }

    /// Sum of the steps' mean gradients, and mean of their summed losses: each of `samples` samples, from `position` of the
    /// stream on for the first.
    pub fn compute(&self, position: u64, samples: Samples, model: &[f32], local: LocalSteps) -> (Vec<f32>, f64) {
        let Some(ready) = &self.ready else { return (Vec::new(), 0.0) };
        let (mut moved, mut sum, mut rows) = (model.to_vec(), Vec::new(), Vec::new());
        let (mut gradient, mut engine) = (Gradient::default(), compute::Engine::new([Unhurried]));
        local.take(position, &mut moved, &mut sum, &mut gradient, |begin, model, gradient| {
            ready.settled.choose(begin, samples, &mut rows);
            engine.gradient(ready.settled.problem(&ready.rows, model), &rows, &mut InOrder, gradient);
        });
        (gradient.mean, gradient.loss_sum)
    }

    /// Mean gradient and mean loss of all rows to train on.
    pub fn full_gradient(&self, model: &[f32]) -> (Vec<f32>, f64) {
        let Some(ready) = &self.ready else { return (Vec::new(), 0.0) };
        let (rows, mut gradient) = ((0..self.table.rows).collect::<Vec<_>>(), Gradient::default());
        let problem = ready.settled.problem(&ready.rows, model);
        compute::Engine::new([Unhurried]).gradient(problem, &rows, &mut InOrder, &mut gradient);
        (gradient.mean, gradient.loss_sum / rows.len().max(1) as f64)
    }

    /// Scores of `rows` held-out rows from `first` on.
    pub fn score(&self, first: u32, rows: u32, model: &[f32]) -> Scores {
        let Some(ready) = &self.ready else { return Scores::default() };
        let first = self.table.rows + first as usize;
        let last = (first + rows as usize).min(self.table.y.len());
        let problem = ready.settled.problem(&ready.rows, model);
        compute::Engine::new([Unhurried]).score(problem, first.min(last)..last, &mut InOrder)
    }
}

impl Encoded {
    /// Equal digests mean equal rows.
    fn digest(&self) -> u64 {
        let inputs = self.x.iter().flat_map(|number| number.to_le_bytes());
        let bytes: Vec<u8> = match &self.targets {
            RowTargets::Classes(classes) => {
                inputs.chain(classes.iter().flat_map(|class| class.to_le_bytes())).collect()
            }
            RowTargets::Values(values) => inputs.chain(values.iter().flat_map(|value| value.to_le_bytes())).collect(),
        };
        digest(&bytes)
    }
}
