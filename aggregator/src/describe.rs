//! The card of a running job: from its plan and its coordinator.

use heijunka_data::Timestamps;
use heijunka_metrics::Usage;
use heijunka_model::{
    Card, CardAgent, CardCosts, CardData, CardDecision, CardInput, CardModel, CardTimestamps, CardTraining, CardWindow,
    Scaling, checkpoint, held_out, task,
};
use heijunka_page::data_mode;
use heijunka_program::now;
use heijunka_round::{Coordinator, Outcome};
use heijunka_units::{JobName, SiteName};
use heijunka_wire::DataMode;
use heijunka_wire::document::{Fitted, Target, Task};

/// What the coordinator does not know of its job.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) site: &'a SiteName,
    pub(crate) job: &'a JobName,
    /// How agents know when rows were measured.
    pub(crate) timestamps: Option<&'a Timestamps>,
}

/// How long the job has taken by now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Seconds in all.
    pub(crate) seconds: f64,
    /// Seconds that `max_time` limits.
    pub(crate) training_seconds: f64,
}

/// The card of the coordinator's model as it is now; `None` before the job is settled.
pub(crate) fn describe(
    subject: &Subject<'_>,
    coordinator: &Coordinator,
    outcome: Option<Outcome>,
    taken: Taken,
) -> Option<Card> {
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
    Some(Card {
        heijunka_version: env!("CARGO_PKG_VERSION").into(),
        created: now(),
        site: subject.site.as_str().into(),
        job: subject.job.as_str().into(),
        task: task(&described.task).into(),
        target: described.target.clone(),
        inputs: fitted.inputs.iter().map(CardInput::from).collect(),
        normal,
        classes,
        class_weights,
        decision: decision(coordinator, fitted),
        target_scaling,
        model: CardModel::new(coordinator.shape()?, coordinator.model().unwrap_or_default()),
        data: CardData {
            mode: data_mode(coordinator).into(),
            weighting: weighting.into(),
            held_out: held_out(described),
            group_by: described.group.clone(),
            window: described.window.map(|window| CardWindow { rows: window.rows, every: window.every }),
            timestamps: subject.timestamps.as_ref().map(|known| CardTimestamps {
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
            ended: outcome.map(ended),
            seconds: taken.seconds,
            training_seconds: Some(taken.training_seconds),
        },
        scores: scores(coordinator),
        usage: serde_json::to_value(Usage::of("self")).unwrap_or_default(),
    })
}

/// Why a job has ended, as the next aggregator reads it.
fn ended(outcome: Outcome) -> String {
    match outcome {
        Outcome::Stopped => checkpoint::STOPPED.into(),
        outcome => outcome.to_string(),
    }
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
