//! `model_card.json`: what the model predicts, from what, how well, and how it came to be.

mod model;

use crate::config::Valid;
use crate::people::{data_mode, now};
use crate::usage::Usage;
use heijunka_data::Timestamps;
use heijunka_learn::metrics::ranking::Costs;
use heijunka_round::{Coordinator, Judge, Judging, Outcome};
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, Encoding, Fitted, HeldOut, Input, Job, Normalize, Target, Task, Window};
use model::CardModel;
pub(crate) use model::{activation, digest};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The card. `predict` reads it back.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Card {
    pub(crate) heijunka_version: String,
    pub(crate) created: String,
    pub(crate) site: String,
    pub(crate) job: String,
    pub(crate) task: String,
    pub(crate) target: String,
    pub(crate) inputs: Vec<CardInput>,
    /// What the target holds in normal rows; null where no anomalies are looked for, or no column tells.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) normal: Option<String>,
    /// Class names in the order of the model's outputs; null for a regression and for anomalies.
    pub(crate) classes: Option<Vec<String>>,
    pub(crate) class_weights: Option<Vec<f32>>,
    /// From when on a row is taken for positive, or for an anomaly; null where there are not two classes.
    #[serde(default)]
    pub(crate) decision: Option<CardDecision>,
    /// target = output / scale + offset; null for a classification.
    pub(crate) target_scaling: Option<Scaling>,
    pub(crate) model: CardModel,
    pub(crate) data: CardData,
    pub(crate) training: CardTraining,
    pub(crate) scores: serde_json::Value,
    pub(crate) usage: serde_json::Value,
}

/// input = (cell - offset) x scale, or one input for each of `values`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardInput {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) scaling: Option<Scaling>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) values: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Scaling {
    pub(crate) offset: f64,
    pub(crate) scale: f64,
}

/// A row is taken for positive from the threshold on, which has been chosen on the held-out rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CardDecision {
    /// The positive class; null for anomalies.
    pub(crate) positive: Option<String>,
    /// Its probability; of an anomaly its score, the mean squared error of the scaled inputs.
    pub(crate) threshold: f64,
    /// The same as a difference of logits, the positive class's minus the other's: what is really compared.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) threshold_logit: Option<f64>,
    /// Anomalies: share of the normal rows below the threshold that was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) quantile: Option<f64>,
    pub(crate) chosen_by: String,
    pub(crate) costs: Option<CardCosts>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CardCosts {
    pub(crate) missed: f64,
    pub(crate) false_alarm: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardData {
    pub(crate) mode: String,
    pub(crate) weighting: String,
    /// How rows were held out: a share of all rows, by a hash of each, or the column that marks them.
    pub(crate) held_out: String,
    /// The column, or `file`, whose value says which rows belong together.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) group_by: Option<String>,
    /// Rows that an example holds: the model's inputs are those of the first row, then those of the second, and so on;
    /// what is predicted belongs to the last one. Null: an example is one row.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) window: Option<CardWindow>,
    /// How agents know when rows were measured, if the settings tell: windows go across no longer pause.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) timestamps: Option<CardTimestamps>,
    pub(crate) agents: Vec<CardAgent>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct CardWindow {
    pub(crate) rows: u16,
    /// Examples to train on ended at every so many-th row.
    pub(crate) every: u16,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CardTimestamps {
    pub(crate) column: String,
    /// As in strftime; null: found out.
    pub(crate) format: Option<String>,
    pub(crate) gap_s: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardAgent {
    pub(crate) agent: String,
    pub(crate) rows: u64,
    pub(crate) held_out_rows: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardTraining {
    pub(crate) policy: String,
    pub(crate) global_batch_samples: u32,
    pub(crate) optimizer: String,
    pub(crate) rounds: u64,
    pub(crate) max_rounds: u64,
    /// The round whose model this is, if it is the best rather than the last.
    #[serde(default)]
    pub(crate) best_round: Option<u64>,
    pub(crate) seed: u64,
    pub(crate) run: u64,
    pub(crate) ended: Option<String>,
    /// Since the first start of the job, without the time in which no aggregator ran.
    pub(crate) seconds: f64,
    /// The part of it that `max_time` limits: from the first round on, without pauses that somebody asked for.
    #[serde(default)]
    pub(crate) training_seconds: Option<f64>,
}

/// How long the job has taken by now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Seconds in all.
    pub(crate) seconds: f64,
    /// Seconds that `max_time` limits.
    pub(crate) training_seconds: f64,
}

impl CardTraining {
    /// Time for which the model has been trained, as far as an earlier version has written it.
    pub(crate) fn trained(&self) -> Duration {
        span(self.training_seconds.unwrap_or(self.seconds))
    }

    /// Time since the first start of the job.
    pub(crate) fn taken(&self) -> Duration {
        span(self.seconds)
    }
}

/// A card is a file, which may hold anything.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

impl Card {
    /// The card of the coordinator's model as it is now; `None` before the job is settled.
    pub(crate) fn new(
        valid: &Valid,
        coordinator: &Coordinator,
        outcome: Option<Outcome>,
        taken: Taken,
    ) -> Option<Self> {
        let described = coordinator.job();
        let fitted = described.fitted.as_ref()?;
        let plan = coordinator.plan();
        let (classes, class_weights, target_scaling) = match &fitted.target {
            Target::Classes { names, weights } => (Some(names.clone()), Some(weights.clone()), None),
            Target::Scaled { offset, scale } => (None, None, Some(Scaling { offset: *offset, scale: *scale })),
            Target::Inputs => (None, None, None),
        };
        let normal = match &described.task {
            Task::Anomaly { normal } if !described.target.is_empty() => Some(normal.clone()),
            _ => None,
        };
        let weighting = match described.data_mode {
            DataMode::Shared => "samples processed",
            DataMode::Private => "rows held by each agent",
        };
        Some(Self {
            heijunka_version: env!("CARGO_PKG_VERSION").into(),
            created: now(),
            site: valid.site.as_str().into(),
            job: valid.job.as_str().into(),
            task: task(&described.task).into(),
            target: described.target.clone(),
            inputs: fitted.inputs.iter().map(input).collect(),
            normal,
            classes,
            class_weights,
            decision: decision(coordinator, fitted),
            target_scaling,
            model: CardModel::new(coordinator)?,
            data: CardData {
                mode: data_mode(coordinator).into(),
                weighting: weighting.into(),
                held_out: held_out(described),
                group_by: described.group.clone(),
                window: described.window.map(|window| CardWindow { rows: window.rows, every: window.every }),
                timestamps: valid.timestamps.as_ref().map(|known| CardTimestamps {
                    column: known.column.clone(),
                    format: known.format.clone(),
                    gap_s: known.gap.map(|gap| gap.as_secs_f64()),
                }),
                agents: agents(coordinator),
            },
            training: CardTraining {
                policy: plan.policy.to_string(),
                global_batch_samples: plan.batch_samples,
                optimizer: format!("{:?}", plan.optimizer),
                rounds: coordinator.steps(),
                max_rounds: plan.until.rounds,
                best_round: coordinator.best_step(),
                seed: plan.seed,
                run: coordinator.run().0,
                ended: outcome.map(|outcome| outcome.to_string()),
                seconds: taken.seconds,
                training_seconds: Some(taken.training_seconds),
            },
            scores: scores(coordinator),
            usage: serde_json::to_value(Usage::of("self")).unwrap_or_default(),
        })
    }

    /// The columns' encodings, as training used them.
    pub(crate) fn fitted(&self) -> Result<Fitted, String> {
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
    pub(crate) fn judge(&self) -> Judge {
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
    pub(crate) fn is_anomaly(&self) -> bool {
        self.task == ANOMALY
    }

    /// Rows of an example.
    pub(crate) fn window_rows(&self) -> usize {
        self.data.window.map_or(1, |window| usize::from(window.rows).max(1))
    }

    /// How it is known when rows were measured. A card is a file, which may hold anything.
    pub(crate) fn timestamps(&self) -> Option<Timestamps> {
        let known = self.data.timestamps.as_ref()?;
        let gap = known.gap_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Some(Timestamps { column: known.column.clone(), format: known.format.clone(), gap })
    }

    /// A job that encodes tables as training did, without holding rows out.
    pub(crate) fn job(&self, fitted: Fitted) -> Job {
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
pub(crate) fn held_out(job: &Job) -> String {
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

fn input(input: &Input) -> CardInput {
    let (scaling, values) = match &input.encoding {
        Encoding::Scaled { offset, scale } => (Some(Scaling { offset: *offset, scale: *scale }), None),
        Encoding::OneHot { values } => (None, Some(values.clone())),
    };
    CardInput { name: input.name.clone(), scaling, values }
}

fn agents(coordinator: &Coordinator) -> Vec<CardAgent> {
    let card = |member: heijunka_round::MemberView| CardAgent {
        agent: member.agent.to_string(),
        rows: member.rows,
        held_out_rows: member.held_out_rows,
    };
    coordinator.members().map(card).collect()
}

/// The threshold of the held-out rows.
fn decision(coordinator: &Coordinator, fitted: &Fitted) -> Option<CardDecision> {
    let judge = coordinator.judge();
    let summary = judge.summary(coordinator.scores()?);
    let names = match &fitted.target {
        Target::Classes { names, .. } => names.as_slice(),
        Target::Inputs => &[],
        Target::Scaled { .. } => return None,
    };
    let costs = judge.costs.map(|costs| CardCosts { missed: costs.missed, false_alarm: costs.false_alarm });
    Some(CardDecision {
        positive: judge.positive.and_then(|positive| names.get(positive)).cloned(),
        threshold: summary.threshold?,
        threshold_logit: summary.threshold_logit,
        quantile: judge.anomaly_quantile,
        chosen_by: match (costs.filter(|_| summary.cost_per_row.is_some()), judge.anomaly_quantile) {
            (Some(_), _) => "least cost".into(),
            (None, Some(quantile)) => format!("{quantile} of the normal rows are below"),
            (None, None) => "best F1".into(),
        },
        costs,
    })
}

fn scores(coordinator: &Coordinator) -> serde_json::Value {
    let Some(scores) = coordinator.scores() else { return serde_json::Value::Null };
    let mut value = serde_json::to_value(coordinator.judge().summary(scores)).unwrap_or_default();
    let classes = scores.confusion.len().isqrt();
    if let (Some(object), true) = (value.as_object_mut(), classes > 0) {
        let rows: Vec<&[u64]> = scores.confusion.chunks(classes).collect();
        object.insert("confusion_true_by_predicted".into(), serde_json::json!(rows));
    }
    value
}

const ANOMALY: &str = "anomaly";

fn task(task: &Task) -> &'static str {
    match task {
        Task::Anomaly { .. } => ANOMALY,
        Task::Regression => "regression",
        Task::Classification => "classification",
    }
}
