//! `[training]`: how long, in which steps, and on which rows.

use super::gradient::Steps;
use heijunka_learn::{Decay, OptimizerKind, Schedule};
use heijunka_round::{LocalSteps, ScoreName, Until};
use heijunka_settings::{Problem, Span, between};
use heijunka_wire::document::HeldOut;
use heijunka_wire::limits::BATCH_SAMPLES_MAX;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Optimizer {
    Sgd,
    #[default]
    Adam,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScheduleKind {
    #[default]
    Constant,
    Step,
    Cosine,
}

/// Score that decides which model is better.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Score {
    Loss,
    Accuracy,
    MacroF1,
    PrAuc,
    RocAuc,
    BestF1,
    Rmse,
}

/// How rows are chosen to be held out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Validation {
    Hash,
    Last,
}

/// `[training]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Training {
    /// Rounds after which the job is done, 1 or more. `max_rounds = 1000`
    max_rounds: u64,
    /// Seed of all that is random: the same seed and data give the same model. `seed = 0`
    #[serde(default)]
    seed: u64,
    /// Samples per round, over all agents, 1 to 1048576. `global_batch_samples = 256`
    #[serde(default = "batch")]
    global_batch_samples: u32,
    /// How a step is made of a gradient. `optimizer = "adam"`
    #[serde(default)]
    optimizer: Optimizer,
    /// Length of a step, 1e-9 to 100; if omitted 0.001 for adam and 0.1 for sgd; for example `learning_rate = 0.001`
    learning_rate: Option<f64>,
    /// sgd: what a step keeps of the one before, 0 to 0.9999, often 0.9. `momentum = 0.0`
    #[serde(default)]
    momentum: f64,
    /// Steps of each agent by itself in a round, for fewer rounds and less traffic; or "auto". `local_steps = 1`
    #[serde(default)]
    local_steps: Steps,
    /// sgd: whether the momentum is Nesterov's. `nesterov = false`
    #[serde(default)]
    nesterov: bool,
    /// Pulls weights towards zero, 0 to 10. `weight_decay = 0.0`
    #[serde(default)]
    weight_decay: f64,
    /// The learning rate over the rounds; step needs step_every_rounds. `schedule = "constant"`
    #[serde(default)]
    schedule: ScheduleKind,
    /// Rounds between two steps of the learning rate; for example `step_every_rounds = 500`
    step_every_rounds: Option<u64>,
    /// Factor of the learning rate at each of them, 1e-6 to 1; 0.1 if omitted; for example `step_factor = 0.1`
    step_factor: Option<f64>,
    /// Training time after which the job ends; pauses do not count; for example `max_time = "8h"`
    max_time: Option<Span>,
    /// Whether to resume the unfinished model of this job that an interrupted or stopped aggregator has left in the output
    /// folder, with its rounds and its time; false: a new model, and the existing one is kept
    /// in the folder checkpoints. `resume = true`
    #[serde(default = "yes")]
    resume: bool,
    /// Ends the job when the score has not improved for so long; the best model is kept; for example `stop_when_no_better_for_rounds = 300`
    stop_when_no_better_for_rounds: Option<u64>,
    /// Score that decides which model is better: loss, accuracy, macro_f1, pr_auc, roc_auc, best_f1 or rmse; if omitted pr_auc for two
    /// classes, macro_f1 for more, rmse for a number; for example `score = "pr_auc"`
    score: Option<Score>,
    /// How rows are held out for scores: those that a hash of their content chooses, or whole groups with group_by (hash),
    /// or the last rows of each group or file, for data in order of time (last); hash if neither this nor validation_column
    /// is there; for example `validation = "last"`
    validation: Option<Validation>,
    /// Rows held out for scores, 0 to 0.9. `validation_fraction = 0.2`
    #[serde(default = "fifth")]
    validation_fraction: f64,
    /// Instead: the column that marks held-out rows (test, held_out, validation, true, 1); rows that it marks as context,
    /// ignore or unused neither train nor count, but are part of windows; for example `validation_column = "split"`
    validation_column: Option<String>,
    /// Rounds between two scores; a twentieth of max_rounds if omitted; for example `score_every_rounds = 50`
    score_every_rounds: Option<u64>,
}

fn batch() -> u32 {
    256
}

fn yes() -> bool {
    true
}

fn fifth() -> f64 {
    0.2
}

impl Training {
    /// Samples of a round, over all agents.
    pub(super) fn batch_samples(&self) -> Result<u32, Problem> {
        if !(1..=BATCH_SAMPLES_MAX).contains(&self.global_batch_samples) {
            let fix = format!("write 1 to {BATCH_SAMPLES_MAX}");
            let message = format!("{} is out of range", self.global_batch_samples);
            return Err(Problem::new("training.global_batch_samples", message, fix));
        }
        Ok(self.global_batch_samples)
    }

    /// When the job is done.
    pub(super) fn until(&self) -> Result<Until, Problem> {
        if self.max_rounds == 0 {
            return Err(Problem::new("training.max_rounds", "no round would ever be done", "write 1 or more"));
        }
        Ok(Until {
            rounds: self.max_rounds,
            time: self.max_time.map(|span| span.duration()),
            no_better_for_rounds: self.stop_when_no_better_for_rounds,
        })
    }

    /// Rounds between two scores.
    pub(super) fn score_every_rounds(&self) -> u64 {
        self.score_every_rounds.unwrap_or_else(|| (self.max_rounds / 20).max(1))
    }

    /// The score that decides which model is better, if one is named.
    pub(super) fn score(&self) -> Option<ScoreName> {
        self.score.map(|score| match score {
            Score::Loss => ScoreName::Loss,
            Score::Accuracy => ScoreName::Accuracy,
            Score::MacroF1 => ScoreName::MacroF1,
            Score::PrAuc => ScoreName::PrAuc,
            Score::RocAuc => ScoreName::RocAuc,
            Score::BestF1 => ScoreName::BestF1,
            Score::Rmse => ScoreName::Rmse,
        })
    }

    /// Whether to resume the model in the output folder.
    pub(super) fn resume(&self) -> bool {
        self.resume
    }

    /// Seed of all that is random.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Steps that each agent takes by itself. `exact`: a round ends when all of its batch is computed.
    pub(super) fn local_steps(&self, exact: bool) -> Result<LocalSteps, Problem> {
        self.local_steps.check(exact)
    }

    /// Which rows scores are made of.
    pub(super) fn held_out(&self) -> Result<HeldOut, Problem> {
        let fraction = between("training.validation_fraction", self.validation_fraction, 0.0, 0.9)?;
        let per_10000 = (fraction * 10_000.0).round() as u16;
        match (&self.validation_column, self.validation) {
            (Some(_), Some(_)) => {
                let message = "rows are held out by validation_column already";
                Err(Problem::new("training.validation", message, "remove one of the two"))
            }
            (Some(column), None) => Ok(HeldOut::ByColumn(column.clone())),
            (None, Some(Validation::Last)) => Ok(HeldOut::Last(per_10000)),
            (None, Some(Validation::Hash) | None) => Ok(HeldOut::ByHash(per_10000)),
        }
    }

    /// How a step is made of a gradient.
    pub(super) fn optimizer(&self) -> Result<OptimizerKind, Problem> {
        let momentum = between("training.momentum", self.momentum, 0.0, 0.9999)?;
        let weight_decay = between("training.weight_decay", self.weight_decay, 0.0, 10.0)?;
        match self.optimizer {
            Optimizer::Sgd => Ok(OptimizerKind::Sgd { momentum, nesterov: self.nesterov, weight_decay }),
            Optimizer::Adam if momentum > 0.0 || self.nesterov => {
                let message = "adam has a momentum of its own";
                Err(Problem::new("training.momentum", message, "remove it, or write optimizer = \"sgd\""))
            }
            Optimizer::Adam => Ok(OptimizerKind::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }),
        }
    }

    /// The learning rate over the rounds.
    pub(super) fn schedule(&self) -> Result<Schedule, Problem> {
        let usual = match self.optimizer {
            Optimizer::Adam => 0.001,
            Optimizer::Sgd => 0.1,
        };
        let rate = between("training.learning_rate", self.learning_rate.unwrap_or(usual), 1e-9, 100.0)?;
        let decay = match self.schedule {
            ScheduleKind::Constant => Decay::Constant,
            ScheduleKind::Cosine => Decay::Cosine { total: self.max_rounds, floor: 0.0 },
            ScheduleKind::Step => {
                let every = self.step_every_rounds.filter(|every| *every > 0).ok_or_else(|| {
                    let (key, fix) = ("training.step_every_rounds", "write for example step_every_rounds = 500");
                    Problem::new(key, "a step schedule needs it", fix)
                })?;
                let factor = self.step_factor.unwrap_or(0.1);
                Decay::Step { every, factor: between("training.step_factor", factor, 1e-6, 1.0)? }
            }
        };
        Ok(Schedule { learning_rate: rate, decay })
    }
}
