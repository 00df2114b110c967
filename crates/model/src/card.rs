//! `model_card.json`: what the model predicts, from what, how well, and how it came to be.

mod shape;

use heijunka_data::Timestamps;
use heijunka_judge::{Judge, Judging};
use heijunka_learn::metrics::ranking::Costs;
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, Encoding, Fitted, HeldOut, Input, Job, Normalize, Target, Task, Window};
use serde::{Deserialize, Serialize};
pub use shape::{CardConvolution, CardConvolutions, CardModel, activation, digest};
use std::time::Duration;

/// The card. `predict` reads it back.
#[derive(Debug, Serialize, Deserialize)]
pub struct Card {
    /// Version of the program that wrote it.
    pub heijunka_version: String,
    /// When it was written, RFC 3339.
    pub created: String,
    /// The plant.
    pub site: String,
    /// The training job.
    pub job: String,
    /// `classification`, `regression` or `anomaly`.
    pub task: String,
    /// Column that is predicted; empty where no column says what is an anomaly.
    pub target: String,
    /// Columns that the model reads, in the order of its inputs.
    pub inputs: Vec<CardInput>,
    /// What the target holds in normal rows; null if the task is not anomaly detection, or if no column marks normal rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub normal: Option<String>,
    /// Class names in the order of the model's outputs; null for a regression and for anomalies.
    pub classes: Option<Vec<String>>,
    /// Weight of each class in the loss.
    pub class_weights: Option<Vec<f32>>,
    /// Threshold from which a row is predicted positive, or an anomaly; null without two classes.
    #[serde(default)]
    pub decision: Option<CardDecision>,
    /// target = output / scale + offset; null for a classification.
    pub target_scaling: Option<Scaling>,
    /// Layers of the model.
    pub model: CardModel,
    /// Rows that it was trained on.
    pub data: CardData,
    /// How it was trained.
    pub training: CardTraining,
    /// Figures of the held-out rows.
    pub scores: serde_json::Value,
    /// The aggregator's memory and processor time.
    pub usage: serde_json::Value,
}

/// input = (cell - offset) x scale, or one input for each of `values`.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardInput {
    /// Column.
    pub name: String,
    /// Of a column of numbers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scaling: Option<Scaling>,
    /// Of a column of text: one input for each value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub values: Option<Vec<String>>,
}

/// scaled = (value - offset) x scale.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Scaling {
    /// Subtracted first.
    pub offset: f64,
    /// Multiplied with afterwards.
    pub scale: f64,
}

/// Threshold from which a row is predicted positive, chosen on the held-out rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CardDecision {
    /// The positive class; null for anomalies.
    pub positive: Option<String>,
    /// Its probability; of an anomaly its score, the mean squared error of the scaled inputs.
    pub threshold: f64,
    /// The same as a difference of logits, the positive class's minus the other's: what is really compared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub threshold_logit: Option<f64>,
    /// Anomalies: share of the normal rows below the threshold that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub quantile: Option<f64>,
    /// How the threshold was chosen, in words.
    pub chosen_by: String,
    /// What mistakes cost, where the settings name it.
    pub costs: Option<CardCosts>,
}

/// What mistakes cost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CardCosts {
    /// Of a positive row that is taken for negative.
    pub missed: f64,
    /// Of a negative row that is taken for positive.
    pub false_alarm: f64,
}

/// Rows that the model was trained on.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardData {
    /// `shared` or `private`.
    pub mode: String,
    /// How gradients are weighted, in words.
    pub weighting: String,
    /// How rows were held out: a share of all rows, by a hash of each, or the column that marks them.
    pub held_out: String,
    /// The column, or `file`, whose value says which rows belong together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub group_by: Option<String>,
    /// Rows that an example holds: the model's inputs are those of the first row, then those of the second, and so on;
    /// what is predicted belongs to the last one. Null: an example is one row.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub window: Option<CardWindow>,
    /// How agents know when rows were measured, if the settings say: windows do not span longer pauses.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timestamps: Option<CardTimestamps>,
    /// Agents that took part, with their rows.
    pub agents: Vec<CardAgent>,
}

/// Rows that make an example.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CardWindow {
    /// Rows to train on.
    pub rows: u16,
    /// Distance in rows between the ends of two training examples.
    pub every: u16,
}

/// How agents know when rows were measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CardTimestamps {
    /// Column of the times.
    pub column: String,
    /// As in strftime; null: detected.
    pub format: Option<String>,
    /// Longest pause within a window, in seconds.
    pub gap_s: Option<f64>,
}

/// An agent that took part.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardAgent {
    /// Name of the agent.
    pub agent: String,
    /// Rows to train on.
    pub rows: u64,
    /// Rows to score on.
    pub held_out_rows: u64,
}

/// How the model was trained.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardTraining {
    /// Who levels.
    pub policy: String,
    /// Samples of a round.
    pub global_batch_samples: u32,
    /// How gradients move the model.
    pub optimizer: String,
    /// Steps of the model.
    pub rounds: u64,
    /// Steps after which the job ends.
    pub max_rounds: u64,
    /// The round whose model this is, if it is the best rather than the last.
    #[serde(default)]
    pub best_round: Option<u64>,
    /// Seed of the first parameters and of the order of rows.
    pub seed: u64,
    /// Run of the aggregator that wrote it.
    pub run: u64,
    /// Why the job ended; null while it trains.
    pub ended: Option<String>,
    /// Since the first start of the job, without the time in which no aggregator ran.
    pub seconds: f64,
    /// The part of it that `max_time` limits: from the first round on, without requested pauses.
    #[serde(default)]
    pub training_seconds: Option<f64>,
}

impl CardTraining {
    /// Time for which the model has been trained, as far as an earlier version has written it.
    pub fn trained(&self) -> Duration {
        span(self.training_seconds.unwrap_or(self.seconds))
    }

    /// Time since the first start of the job.
    pub fn taken(&self) -> Duration {
        span(self.seconds)
    }
}

/// A card is a file, which may hold anything.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl Card {
    /// The columns' encodings, as training used them.
    pub fn fitted(&self) -> Result<Fitted, String> {
        let inputs: Result<Vec<Input>, String> = self.inputs.iter().map(CardInput::read).collect();
        let target = match (&self.classes, self.target_scaling) {
            (Some(names), _) => Target::Classes {
                names: names.clone(),
                weights: self.class_weights.clone().unwrap_or_else(|| vec![1.0; names.len()]),
            },
            (None, Some(scaling)) => Target::Scaled { offset: scaling.offset, scale: scaling.scale },
            (None, None) if self.is_anomaly() => Target::Inputs,
            (None, None) => return Err("the card has neither classes nor target_scaling".into()),
        };
        Ok(Fitted { inputs: inputs?, target })
    }
}

impl Card {
    /// How rows with a known target are judged.
    pub fn judge(&self) -> Judge {
        let names = self.classes.as_deref().unwrap_or_default();
        let known = self.decision.as_ref();
        let positive = known.and_then(|known| known.positive.as_ref()).filter(|_| names.len() == 2);
        let quantile = known.and_then(|known| known.quantile).unwrap_or(Judging::default().threshold_quantile);
        Judge {
            positive: positive.and_then(|positive| names.iter().position(|name| name == positive)),
            costs: known
                .and_then(|known| known.costs)
                .map(|costs| Costs { missed: costs.missed, false_alarm: costs.false_alarm }),
            anomaly_quantile: self.is_anomaly().then_some(quantile),
        }
    }

    /// Whether the model knows what normal rows are like, and nothing else.
    pub fn is_anomaly(&self) -> bool {
        self.task == ANOMALY
    }

    /// Rows of an example.
    pub fn window_rows(&self) -> usize {
        self.data.window.map_or(1, |window| usize::from(window.rows).max(1))
    }

    /// How it is known when rows were measured. A card is a file, which may hold anything.
    pub fn timestamps(&self) -> Option<Timestamps> {
        let known = self.data.timestamps.as_ref()?;
        let gap = known.gap_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Some(Timestamps { column: known.column.clone(), format: known.format.clone(), gap })
    }

    /// A job that encodes tables as training did, without holding rows out.
    pub fn job(&self, fitted: Fitted) -> Job {
        let task = match &fitted.target {
            Target::Classes { .. } => Task::Classification,
            Target::Scaled { .. } => Task::Regression,
            Target::Inputs => Task::Anomaly { normal: self.normal.clone().unwrap_or_default() },
        };
        Job {
            task,
            target: self.target.clone(),
            inputs: self.inputs.iter().map(|input| input.name.clone()).collect(),
            ignore: Vec::new(),
            normalize: Normalize::None,
            class_weights: ClassWeights::None,
            data_mode: DataMode::Private,
            held_out: HeldOut::ByHash(0),
            group: self.data.group_by.clone(),
            window: self.data.window.map(|window| Window { rows: window.rows, every: window.every }),
            fitted: Some(fitted),
        }
    }
}

impl CardInput {
    fn read(&self) -> Result<Input, String> {
        let encoding = match (&self.values, self.scaling) {
            (Some(values), _) => Encoding::OneHot { values: values.clone() },
            (None, Some(scaling)) => Encoding::Scaled { offset: scaling.offset, scale: scaling.scale },
            (None, None) => return Err(format!("input '{}' has neither scaling nor values", self.name)),
        };
        Ok(Input { name: self.name.clone(), encoding })
    }
}

/// Which rows a job holds out, in words.
pub fn held_out(job: &Job) -> String {
    let (of, each) = match job.group.as_deref() {
        None | Some("file") => (if job.group.is_none() { "rows" } else { "files" }, "file".into()),
        Some(group) => ("groups", format!("'{group}'")),
    };
    match &job.held_out {
        HeldOut::ByHash(per_10000) => format!("{} of all {of}", f64::from(*per_10000) / 1e4),
        HeldOut::ByColumn(name) => format!("rows marked by column '{name}'"),
        HeldOut::Last(per_10000) => format!("the last {} of each {each}", f64::from(*per_10000) / 1e4),
    }
}

/// The word of a card for each task.
pub fn task(task: &Task) -> &'static str {
    match task {
        Task::Anomaly { .. } => ANOMALY,
        Task::Regression => "regression",
        Task::Classification => "classification",
    }
}

impl From<&Input> for CardInput {
    fn from(input: &Input) -> Self {
        let (scaling, values) = match &input.encoding {
            Encoding::Scaled { offset, scale } => (Some(Scaling { offset: *offset, scale: *scale }), None),
            Encoding::OneHot { values } => (None, Some(values.clone())),
        };
        Self { name: input.name.clone(), scaling, values }
    }
}

const ANOMALY: &str = "anomaly";
