//! From the survey of the data to the end of the job.

use crate::coordinator::{Coordinator, Output, Phase};
use crate::fit::{FitError, fit};
use crate::judging::judged;
use crate::open::OpenRound;
use crate::record::{Level, Outcome};
use crate::shape::shape_for;
use crate::start::Start;
use crate::trainer::Trainer;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::agents;
use heijunka_units::{Timestamp, counted};
use heijunka_wire::Shape;
use heijunka_wire::document::{Fitted, Survey};

/// Why the job cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// In plain words.
    pub why: String,
    /// What to do.
    pub fix: &'static str,
}

/// `none is here`, `1 is here`, `2 are here`.
pub fn are_here(count: usize) -> String {
    match count {
        0 => "none is here".to_string(),
        1 => "1 is here".to_string(),
        _ => format!("{count} are here"),
    }
}

impl Coordinator {
    /// Does whatever has become due.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        match self.phase {
            Phase::Surveying => self.settle_if_gathered(now),
            Phase::Preparing => self.begin_if_prepared(now),
            Phase::Training => self.go_on(now),
            Phase::Paused => self.resume_if_enough(now),
            Phase::Finished => {}
        }
    }

    /// When something becomes due by itself.
    pub(crate) fn next_deadline(&self) -> Timestamp {
        match self.phase {
            Phase::Surveying if self.is_surveyed() && self.roster.changed > self.settle_tried => {
                self.roster.changed + self.gather()
            }
            Phase::Preparing if self.ready() >= self.min_agents() => self.phase_since + self.plan.patience.prepare,
            Phase::Training if self.connected => {
                let paused = self.resume_at.unwrap_or(Timestamp::NEVER);
                self.open.as_ref().map_or(paused, OpenRound::next_due)
            }
            _ => Timestamp::NEVER,
        }
    }

    pub(crate) fn min_agents(&self) -> usize {
        self.plan.patience.min_agents.max(1)
    }

    pub(crate) fn ready(&self) -> usize {
        self.roster.ready(self.content).count()
    }

    fn is_surveyed(&self) -> bool {
        self.roster.surveyed().count() >= self.min_agents()
    }

    /// How long after the last newcomer the job begins: longer if one of them has yet to describe its data.
    fn gather(&self) -> Duration {
        let everybody = self.roster.surveyed().count() == self.roster.here();
        let patience = &self.plan.patience;
        if everybody { patience.gather } else { patience.gather.max(patience.prepare) }
    }

    fn settle_if_gathered(&mut self, now: Timestamp) {
        let gathered = now >= self.roster.changed + self.gather();
        if !self.is_surveyed() || !gathered || self.roster.changed <= self.settle_tried {
            return;
        }
        (self.settle_tried, self.obstacle) = (self.roster.changed, None);
        let surveys: Vec<Survey> = self.roster.surveyed().map(|(_, survey)| survey.clone()).collect();
        let names: Vec<&str> = self.roster.surveyed().map(|(agent, _)| agent.as_str()).collect();
        let from = names.join(", ");
        let told = |error: FitError| match error.agent().and_then(|agent| names.get(agent)) {
            Some(agent) => format!("{error} (see {agent})"),
            None => error.to_string(),
        };
        let fitted = fit(&self.job, &surveys).map_err(told).and_then(|fitted| match &self.plan.start {
            Some(start) => start.matched(&fitted),
            None => Ok(fitted),
        });
        let settled = fitted.and_then(|fitted| {
            let shape = shape_for(&self.plan, &self.job, &fitted)?;
            let judged = judged(&self.plan.judging, &self.job, &fitted, &surveys)?;
            Ok((fitted, shape, judged))
        });
        match settled {
            Ok((fitted, shape, judged)) => {
                (self.judge, self.judged_by) = judged;
                self.settle(now, fitted, shape);
            }
            Err(why) => {
                let message = format!("the job cannot begin with the data of {from}: {why}");
                let fix = self.plan.start.as_ref().map_or("correct [task] or the agents' data", Start::fix);
                self.cannot_begin(message, why, fix);
            }
        }
    }

    fn cannot_begin(&mut self, message: String, why: String, fix: &'static str) {
        self.obstacle = Some(Obstacle { why, fix });
        self.event(Level::Warn, "HJ-120", None, message, fix);
    }

    fn settle(&mut self, now: Timestamp, fitted: Fitted, shape: Shape) {
        let mut trainer = match Trainer::new(shape, &self.plan) {
            Ok(trainer) => trainer,
            Err(error) => {
                let message = format!("the model cannot be built: {error}");
                return self.cannot_begin(message.clone(), message, "correct [model] and [training]");
            }
        };
        if let Some(best) = self.plan.start.as_ref().and_then(|start| start.best.as_ref()) {
            trainer.recall_best(best, self.judged_by.worth(&self.judge.summary(&best.scores)));
        }
        let parameters = trainer.parameters().len();
        let (columns, rows) = (fitted.inputs.len(), self.job.window_rows());
        let inputs = fitted.input_width() * rows;
        let of_rows = if rows > 1 { format!(" in windows of {rows} rows") } else { String::new() };
        let mut job = self.job.clone();
        job.fitted = Some(fitted);
        self.trainer = Some(trainer);
        self.settle_document(job);
        self.enter(now, Phase::Preparing);
        let message = format!(
            "the job is settled: {}{of_rows} make {}, the model has {}",
            counted(columns, "column"),
            counted(inputs, "input"),
            counted(parameters, "parameter")
        );
        self.event(Level::Info, "HJ-121", None, message, "");
        self.tell_sending(parameters);
        self.forget_spec();
        self.publish_spec();
    }

    fn begin_if_prepared(&mut self, now: Timestamp) {
        let ready = self.ready();
        let everybody = ready == self.roster.here();
        let patience_over = now >= self.phase_since + self.plan.patience.prepare;
        if ready >= self.min_agents() && (everybody || patience_over) {
            self.enter(now, Phase::Training);
            self.closed_at = now;
            self.training_since = Some(now);
            // It may have been cut off after its last step, before that was scored.
            if self.steps() >= self.plan.until.rounds {
                self.stop = Some(Outcome::Rounds);
            }
            self.event(Level::Info, "HJ-122", None, format!("training begins with {}", agents(ready)), "");
            self.open_next(now);
        }
    }

    fn resume_if_enough(&mut self, now: Timestamp) {
        let ready = self.ready();
        if ready >= self.min_agents() && !self.is_held() {
            self.enter(now, Phase::Training);
            self.event(Level::Info, "HJ-131", None, format!("training goes on with {}", agents(ready)), "");
            self.open_next(now);
        }
    }

    pub(crate) fn pause(&mut self, now: Timestamp) {
        self.enter(now, Phase::Paused);
        let (ready, needed, away) = (self.ready(), self.min_agents(), self.roster.away());
        let message = format!("training pauses: it needs {}, and {}; nothing is lost", agents(needed), are_here(ready));
        if ready + away >= needed {
            let message =
                format!("{message}. It goes on by itself when some of the {away} are back whose hours are over");
            return self.event(Level::Info, "HJ-130", None, message, "");
        }
        self.event(Level::Warn, "HJ-130", None, message, "start more agents, or lower min_agents");
    }

    /// Makes the best model the model, if it has been kept.
    fn restore_best(&mut self) {
        let last = self.steps();
        let Some((scores, step)) = self.trainer.as_mut().and_then(Trainer::restore_best) else { return };
        let score = self.judged_by;
        let figure = score.of(&self.judge.summary(&scores)).map(|figure| format!(" ({} {figure:.4})", score.as_str()));
        let message =
            format!("the model of round {step} of {last} is kept: it scored best{}", figure.unwrap_or_default());
        (self.last_scores, self.best_step) = (Some(scores), Some(step));
        self.event(Level::Info, "HJ-123", None, message, "");
    }

    /// Ends the job.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if self.phase == Phase::Finished {
            return;
        }
        self.phase = Phase::Finished;
        self.open = None;
        if outcome != Outcome::Diverged {
            self.restore_best();
        }
        self.forget_all();
        self.publish_finished();
        self.release();
        self.outputs.push_back(Output::Finished(outcome));
    }
}
