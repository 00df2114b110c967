//! Closing rounds: what is made of what has arrived.

use super::Coordinator;
use super::gradient::weight;
use crate::collection::{Collection, Timer};
use crate::contract::Output;
use crate::event::Event;
use crate::record::{Ending, Outcome, RoundRecord};
use crate::roster::SILENT_ROUNDS_MAX;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::Observation;
use heijunka_units::Timestamp;
use heijunka_wire::document::Scores;
use heijunka_wire::{DataMode, Purpose, Share, Untaken};

impl Coordinator {
    pub(crate) fn close(&mut self, now: Timestamp) {
        let Some(mut open) = self.open.take() else { return };
        let enough = open.has_enough(self.plan.patience.quorum);
        self.stopwatch.close(now);
        self.mark_silent(now, &open);
        let mut record = open.record(now);
        let purpose = open.head().purpose();
        match purpose {
            Purpose::Train => {
                self.learn_deadline(now, &open, &record);
                if open.is_beyond_bounds() {
                    self.diverge(&open);
                }
                if !enough {
                    self.report_given_up(&open);
                }
                self.observe(&record);
                if !enough || !self.step(&mut open, &mut record) {
                    record.ending = Ending::GivenUp;
                    self.counters.given_up += 1;
                }
            }
            Purpose::Score => {
                record.scores = self.take_scores(&open);
                record.summary = record.scores.as_ref().map(|scores| self.scoring.summary(scores));
            }
        }
        self.memory = open.into_memory();
        if purpose == Purpose::Train {
            self.look_at_links(&record);
        }
        self.outbox.push(Output::Closed(Box::new(record)));
        self.end_if_due(now, purpose);
    }

    /// Lost answers do not show how long answers take; late agents may be slow rather than gone.
    fn learn_deadline(&mut self, now: Timestamp, open: &Collection, record: &RoundRecord) {
        let overdue = open.clock().is_due(Timer::Overdue, now);
        if overdue && open.ranges().any(|(_, range)| range.lacks_own()) {
            return self.deadline_rule.observe_missed(open.clock().span().as_secs_f64(), &self.plan.patience);
        }
        let gone = open.ranges().any(|(_, range)| !range.has_own());
        let slowest = record.agents.iter().map(|agent| agent.total_s).fold(0.0, f64::max);
        self.deadline_rule.observe(if gone && slowest > 0.0 { slowest } else { record.seconds });
    }

    fn report_given_up(&mut self, open: &Collection) {
        let (completed, expected) = (open.completed(), open.asked());
        let needed = open.needed(self.plan.patience.quorum);
        self.report(Event::GivenUp { round: open.name(), completed, expected, needed });
    }

    fn mark_silent(&mut self, now: Timestamp, open: &Collection) {
        let unasked = self.roster.members.iter_mut().filter(|(agent, _)| !open.asks(agent));
        unasked.for_each(|(_, member)| member.owes_nothing());
        let clock = open.clock();
        let overdue = clock.is_due(Timer::Overdue, now);
        for (agent, range) in open.ranges().filter(|(_, range)| range.lacks_own()) {
            let Some(member) = self.roster.members.get_mut(agent) else { continue };
            let mute = member.leaves_unanswered(now, clock.started(), clock.span(), overdue);
            if !overdue {
                // The round did not wait for it. It is dropped only if it sends nothing at all, or no answers.
                if clock.is_closing() || range.is_lost() {
                    member.missed = Some((open.head().round, now.since(clock.started()).as_secs_f64()));
                }
                if now.since(member.last_seen) <= clock.span() && !mute {
                    continue;
                }
                member.silent_rounds = SILENT_ROUNDS_MAX - 1;
            }
            member.silent_rounds = if mute { SILENT_ROUNDS_MAX } else { member.silent_rounds + 1 };
            let silent = member.silent_rounds;
            if silent >= SILENT_ROUNDS_MAX {
                member.give_up(now);
            }
            let (agent, dropped) = (agent.clone(), silent >= SILENT_ROUNDS_MAX);
            self.report(Event::Unanswered { agent, round: open.name(), dropped });
        }
    }

    /// Shows the policy what the round took, and what is known by now of probes and late answers.
    fn observe(&mut self, record: &RoundRecord) {
        let delivered = record.agents.iter().filter(|agent| agent.samples > 0);
        let seen = delivered.map(|seen| Observation {
            agent: seen.agent.clone(),
            samples: seen.samples,
            total_s: seen.total_s,
            compute_s: seen.compute_s,
            own_s: seen.own_s,
            late: false,
        });
        let observations: Vec<Observation> = seen.chain(self.timings.take()).collect();
        self.allocation.observe(&observations);
    }

    /// Steps on the mean. `false` if there was nothing sound to step on.
    fn step(&mut self, open: &mut Collection, record: &mut RoundRecord) -> bool {
        let (roster, data, weighting) = (&self.roster, self.spec.job().data_mode, self.allocation.weighting());
        let mean = open.finish(&|agent, samples| weight(roster, data, weighting, agent, samples));
        self.outlier = open.outlier().or(self.outlier.take());
        let here = open.ranges().filter_map(|(agent, _)| self.roster.members.get(agent));
        let expected_rows: f64 = here.map(|member| member.join.rows as f64).sum();
        // By how much the weighted mean falls short of, or exceeds, the mean over all agents' data.
        let scale = if data == DataMode::Private { mean.weight() / expected_rows } else { 1.0 };
        let Some(trainer) = &mut self.trainer else { return false };
        let stepped = trainer.step(&mean, scale);
        let (version, loss) = (trainer.version(), mean.loss());
        open.give_back(mean);
        match stepped {
            Ok(rate) => {
                record.learning_rate = rate;
                record.loss = Some(loss);
                record.model = version;
                if open.is_exact() {
                    self.position = self.position.wrapping_add(open.positions());
                }
                self.note_inclusion(open);
                self.report_unapplied(open);
                true
            }
            Err(_) => {
                self.diverge(open);
                false
            }
        }
    }

    fn note_inclusion(&mut self, open: &Collection) {
        for (agent, range) in open.ranges() {
            if let Some(member) = self.roster.members.get_mut(agent) {
                member.inclusion.note(range.has_own());
            }
        }
    }

    /// Says so to agents whose answer to a range is in no step, nor another agent's: they keep what it carried.
    ///
    /// With data of their own the weights make up for what is missing, and it would count twice.
    fn report_unapplied(&mut self, open: &Collection) {
        if self.spec.job().data_mode == DataMode::Private {
            return;
        }
        let momentum = self.trainer.as_ref().is_some_and(|trainer| trainer.agents_momentum() > 0.0);
        for (agent, offset) in open.unapplied() {
            let Some(member) = self.roster.members.get(&agent) else { continue };
            let remembers = momentum || member.link.codec.is_sparse();
            if let Some(share) = member.share.filter(|_| remembers && member.online) {
                let untaken = Some(Untaken { round: open.head().round, offset });
                self.publish_share(&agent, Share { untaken, ..share });
            }
        }
    }

    fn diverge(&mut self, open: &Collection) {
        self.stop = Some(Outcome::Diverged);
        let outlier = self.outlier.take().filter(|outlier| outlier.is_recent(self.steps()));
        self.report(Event::Diverged { round: open.name(), outlier });
    }

    fn take_scores(&mut self, open: &Collection) -> Option<Scores> {
        let sum = open.scores();
        let scores = (sum.rows > 0).then_some(sum);
        self.scoring.note(self.steps(), scores.as_ref());
        let scores = scores?;
        let worth = self.scoring.worth(&scores);
        if let Some(trainer) = &mut self.trainer {
            trainer.note_score(&scores, worth);
        }
        Some(scores)
    }

    fn end_if_due(&mut self, now: Timestamp, purpose: Purpose) {
        let until = &self.plan.until;
        let running = self.trained_for(now);
        let steps = self.steps();
        let no_better = self.trainer.as_ref().zip(until.no_better_for_rounds);
        if self.stop.is_none() {
            if steps >= until.rounds {
                self.stop = Some(Outcome::Rounds);
            } else if until.time.is_some_and(|time: Duration| running >= time) {
                self.stop = Some(Outcome::Time);
            } else if no_better.is_some_and(|(trainer, patience)| trainer.steps_since_best() >= patience) {
                self.stop = Some(Outcome::NoBetter);
            }
        }
        // The last model is scored before the job ends.
        match self.stop {
            Some(Outcome::Diverged) => self.finish(Outcome::Diverged),
            Some(outcome) if purpose == Purpose::Score || self.scoring.is_scored(steps) => self.finish(outcome),
            _ => {}
        }
    }
}
