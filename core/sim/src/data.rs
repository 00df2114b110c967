//! Synthetic rows with a known truth.

use crate::scenario::{Machine, Scenario};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use heijunka_learn::Running;
use heijunka_units::SplitMix64;
use heijunka_wire::DataMode;
use heijunka_wire::document::{Column, Survey};

/// How targets follow from inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// y = sum of (j + 1) / inputs x_j + 0.5 + noise.
    Linear,
    /// So many classes, each a normal cloud around a centre of its own.
    Clouds(u32),
}

/// The rows of a job.
#[derive(Clone, Copy, Debug)]
pub struct Data {
    /// How targets follow from inputs.
    pub truth: Truth,
    /// Input columns.
    pub inputs: usize,
    /// Rows to train on, of the job (shared data) or of each agent (private data).
    pub rows: usize,
    /// Rows held out, likewise.
    pub held_out_rows: usize,
    /// Seed of the rows.
    pub seed: u64,
}

/// One agent's rows as they stand in its file.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) inputs: usize,
    /// `[rows][inputs]`, the rows to train on first.
    pub(crate) x: Vec<f32>,
    /// A value, or the number of a class.
    pub(crate) y: Vec<f32>,
    pub(crate) rows: usize,
    pub(crate) held_out_rows: usize,
}

impl Table {
    /// The rows on the machine of agent `agent`.
    pub(crate) fn of(scenario: &Scenario, agent: usize) -> Self {
        let data = &scenario.data;
        let machine = scenario.machines.get(agent);
        let own = match scenario.plan.job.data_mode {
            DataMode::Private => agent as u64 + 1,
            DataMode::Shared => u64::from(machine.is_some_and(|machine| machine.other_rows)),
        };
        let (rows, held_out_rows) = machine.and_then(|machine| machine.rows).unwrap_or((data.rows, data.held_out_rows));
        let mut table = Self { inputs: data.inputs, x: Vec::new(), y: Vec::new(), rows, held_out_rows };
        let mut random = SplitMix64::stream(data.seed, own);
        for row in 0..rows + held_out_rows {
            table.push(data, machine, row, &mut random);
        }
        table
    }

    fn push(&mut self, data: &Data, machine: Option<&Machine>, row: usize, random: &mut SplitMix64) {
        let noise: Vec<f64> = (0..data.inputs).map(|_| random.normal()).collect();
        match data.truth {
            Truth::Linear => {
                let weight = |input: usize| (input + 1) as f64 / data.inputs as f64;
                let mean: f64 = noise.iter().enumerate().map(|(input, x)| weight(input) * x).sum();
                self.y.push((mean + 0.5 + 0.1 * random.normal()) as f32);
                self.x.extend(noise.iter().map(|x| *x as f32));
            }
            Truth::Clouds(classes) => {
                let class = machine.and_then(|machine| machine.class).unwrap_or(row as u32 % classes.max(1));
                let centre = |input: usize| f64::from((input as u32 + class) % classes.max(1)) - 0.5;
                self.x.extend(noise.iter().enumerate().map(|(input, x)| (centre(input) + x) as f32));
                self.y.push(class as f32);
            }
        }
    }

    /// Statistics of the rows to train on.
    pub(crate) fn survey(&self, classes: bool) -> Survey {
        let inputs = (0..self.inputs)
            .map(|input| numeric(format!("x{input:02}"), self.train_x().skip(input).step_by(self.inputs)))
            .collect();
        let target = if classes { self.class_column() } else { numeric("y".into(), self.y.iter().take(self.rows)) };
        Survey { rows: self.rows as u64, inputs, target }
    }

    fn train_x(&self) -> impl Iterator<Item = &f32> {
        self.x.iter().take(self.rows * self.inputs)
    }

    fn class_column(&self) -> Column {
        let mut values: Vec<(String, u64)> = Vec::new();
        for class in self.y.iter().take(self.rows).map(ToString::to_string) {
            match values.binary_search_by(|(value, _)| value.cmp(&class)) {
                Ok(place) => values[place].1 += 1,
                Err(place) => values.insert(place, (class, 1)),
            }
        }
        Column { name: "y".into(), values, ..Column::default() }
    }
}

fn numeric<'a>(name: String, values: impl Iterator<Item = &'a f32>) -> Column {
    let mut seen = Running::default();
    values.for_each(|value| seen.push(f64::from(*value)));
    if seen.count == 0 {
        return Column { name, ..Column::default() };
    }
    Column { name, count: seen.count, mean: seen.mean, m2: seen.m2, min: seen.min, max: seen.max, values: Vec::new() }
}
