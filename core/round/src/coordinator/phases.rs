//! From the survey of the data to the end of the job.

use super::Coordinator;
use crate::collection::Collection;
use crate::contract::{Output, Phase};
use crate::event::{Event, Obstacle};
use crate::fit::{FitError, fit};
use crate::judging::judged;
use crate::record::Outcome;
use crate::shape::shape_for;
use crate::start::Start;
use crate::trainer::Trainer;
use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::Shape;
use heijunka_wire::document::{Fitted, Survey};

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
            Phase::Training if self.outbox.is_connected() => {
                let paused = self.backoff.ends_at();
                self.open.as_ref().map_or(paused, Collection::next_due)
            }
            _ => Timestamp::NEVER,
        }
    }

    pub(crate) fn min_agents(&self) -> usize {
        self.plan.patience.min_agents.max(1)
    }

    pub(crate) fn ready(&self) -> usize {
        self.roster.ready(self.spec.content()).count()
    }

    fn is_surveyed(&self) -> bool {
        self.roster.surveyed().count() >= self.min_agents()
    }

    /// How long after the last newcomer the job begins: longer if one of them has yet to describe its data.
    fn gather(&self) -> Duration {
        let all = self.roster.surveyed().count() == self.roster.here();
        let patience = &self.plan.patience;
        if all { patience.gather } else { patience.gather.max(patience.prepare) }
    }

    fn settle_if_gathered(&mut self, now: Timestamp) {
        let gathered = now >= self.roster.changed + self.gather();
        if !self.is_surveyed() || !gathered || self.roster.changed <= self.settle_tried {
            return;
        }
        (self.settle_tried, self.obstacle) = (self.roster.changed, None);
        let surveys: Vec<Survey> = self.roster.surveyed().map(|(_, survey)| survey.clone()).collect();
        let agents: Vec<AgentId> = self.roster.surveyed().map(|(agent, _)| agent.clone()).collect();
        let described = |error: FitError| match error.agent().and_then(|agent| agents.get(agent)) {
            Some(agent) => format!("{error} (see {agent})"),
            None => error.to_string(),
        };
        let fitted = fit(self.spec.job(), &surveys).map_err(described).and_then(|fitted| match &self.plan.start {
            Some(start) => start.matched(&fitted),
            None => Ok(fitted),
        });
        let settled = fitted.and_then(|fitted| {
            let shape = shape_for(&self.plan, self.spec.job(), &fitted)?;
            let judged = judged(&self.plan.judging, self.spec.job(), &fitted, &surveys)?;
            Ok((fitted, shape, judged))
        });
        match settled {
            Ok((fitted, shape, judged)) => {
                self.scoring.settle(judged);
                self.settle(now, agents, fitted, shape);
            }
            Err(why) => {
                let fix = self.plan.start.as_ref().map_or("correct [task] or the agents' data", Start::fix);
                self.cannot_begin(agents, Obstacle { why, fix });
            }
        }
    }

    fn cannot_begin(&mut self, agents: Vec<AgentId>, obstacle: Obstacle) {
        self.obstacle = Some(obstacle.clone());
        self.report(Event::CannotBegin { agents, obstacle });
    }

    fn settle(&mut self, now: Timestamp, agents: Vec<AgentId>, fitted: Fitted, shape: Shape) {
        let mut trainer = match Trainer::new(shape, &self.plan) {
            Ok(trainer) => trainer,
            Err(error) => {
                let why = format!("the model cannot be built: {error}");
                return self.cannot_begin(agents, Obstacle { why, fix: "correct [model] and [training]" });
            }
        };
        if let Some(best) = self.plan.start.as_ref().and_then(|start| start.best.as_ref()) {
            trainer.recall_best(best, self.scoring.worth(&best.scores));
        }
        let parameters = trainer.parameters().len();
        let (columns, window_rows) = (fitted.inputs.len(), self.spec.job().window_rows());
        let inputs = fitted.input_width() * window_rows;
        let mut job = self.spec.job().clone();
        job.fitted = Some(fitted);
        self.trainer = Some(trainer);
        self.spec.settle(job);
        self.enter(now, Phase::Preparing);
        self.report(Event::Settled { columns, window_rows, inputs, parameters });
        self.report_sending(parameters);
        self.forget_spec();
        self.publish_spec();
    }

    fn begin_if_prepared(&mut self, now: Timestamp) {
        let ready = self.ready();
        let all = ready == self.roster.here();
        let patience_over = now >= self.phase_since + self.plan.patience.prepare;
        if ready >= self.min_agents() && (all || patience_over) {
            self.enter(now, Phase::Training);
            self.stopwatch.begin(now);
            // It may have been cut off after its last step, before that was scored.
            if self.steps() >= self.plan.until.rounds {
                self.stop = Some(Outcome::Rounds);
            }
            self.report(Event::Started { agents: ready });
            self.open_next(now);
        }
    }

    fn resume_if_enough(&mut self, now: Timestamp) {
        let ready = self.ready();
        if ready >= self.min_agents() && !self.is_held() {
            self.enter(now, Phase::Training);
            self.report(Event::Resumed { agents: Some(ready) });
            self.open_next(now);
        }
    }

    pub(crate) fn pause(&mut self, now: Timestamp) {
        self.enter(now, Phase::Paused);
        let (ready, needed, away) = (self.ready(), self.min_agents(), self.roster.away());
        self.report(Event::Paused { ready, needed, away });
    }

    /// Makes the best model the model, if it has been kept.
    fn restore_best(&mut self) {
        let last = self.steps();
        let Some((scores, step)) = self.trainer.as_mut().and_then(Trainer::restore_best) else { return };
        let score = self.scoring.figure(&scores);
        self.scoring.restore(step, scores);
        self.report(Event::BestKept { step, last, score });
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
        self.outbox.push(Output::Finished(outcome));
    }
}
