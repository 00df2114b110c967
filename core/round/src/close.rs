//! Closing rounds: what is made of what has arrived.

use crate::coordinator::{Coordinator, Output};
use crate::event::Event;
use crate::open::{Answer, Mean, OpenRound, equal_seconds};
use crate::record::{AgentRound, Ending, Outcome, RoundRecord};
use crate::roster::SILENT_ROUNDS_MAX;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::Observation;
use heijunka_units::Timestamp;
use heijunka_wire::document::Scores;
use heijunka_wire::{DataMode, Purpose, Share, Untaken};

impl Coordinator {
    fn needed(&self, open: &OpenRound) -> usize {
        (((self.plan.patience.quorum * open.expected.len() as f64) + 0.999_999) as usize).max(1)
    }

    /// Whether a step may be taken on what the open round has.
    pub(crate) fn has_enough(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.completed() >= self.needed(open))
    }

    pub(crate) fn close(&mut self, now: Timestamp) {
        let enough = self.has_enough();
        let Some(open) = self.open.take() else { return };
        let seconds = now.since(open.started).as_secs_f64();
        self.closed_at = now;
        self.mark_silent(now, &open);
        let agents: Vec<AgentRound> = open.expected.iter().map(|(agent, expected)| expected.record(agent)).collect();
        let reissued_samples = agents.iter().map(|agent| agent.reissued).sum();
        let mut record = RoundRecord {
            round: open.head.round,
            purpose: open.head.purpose(),
            ending: if open.is_whole() { Ending::Full } else { Ending::Partial },
            model: open.head.model,
            seconds,
            deadline_s: open.deadline.since(open.started).as_secs_f64(),
            between_s: open.between_s,
            equal_s: equal_seconds(&agents),
            loss: None,
            learning_rate: 0.0,
            samples: agents.iter().map(|agent| agent.samples).sum::<u32>() + reissued_samples,
            reissued_samples,
            bytes_down: open.frame_bytes * open.expected.len() as u64 + open.snapshot_bytes,
            bytes_up: open.expected.values().map(|expected| expected.bytes_up).sum(),
            moved: open.moved.clone(),
            agents,
            scores: None,
            summary: None,
        };
        let purpose = open.head.purpose();
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
                if !enough || !self.step(open, &mut record) {
                    record.ending = Ending::GivenUp;
                    self.counters.given_up += 1;
                }
            }
            Purpose::Score => {
                record.scores = self.take_scores(&open);
                record.summary = record.scores.as_ref().map(|scores| self.judge.summary(scores));
            }
        }
        if purpose == Purpose::Train {
            self.look_at_links(&record);
        }
        self.outputs.push_back(Output::Closed(Box::new(record)));
        self.end_if_due(now, purpose);
    }

    /// What was lost tells nothing of how long answers take; those who are late may be slow rather than gone.
    fn learn_deadline(&mut self, now: Timestamp, open: &OpenRound, record: &RoundRecord) {
        let late = open.expected.values().any(|expected| expected.answer == Answer::Awaited && now >= open.overdue);
        if late {
            return self.deadline_rule.observe_missed(open.span.as_secs_f64(), &self.plan.patience);
        }
        let gone = open.expected.values().any(|expected| expected.answer != Answer::Delivered);
        let slowest = record.agents.iter().map(|agent| agent.total_s).fold(0.0, f64::max);
        self.deadline_rule.observe(if gone && slowest > 0.0 { slowest } else { record.seconds });
    }

    fn report_given_up(&mut self, open: &OpenRound) {
        let (completed, expected, needed) = (open.completed(), open.expected.len(), self.needed(open));
        self.report(Event::GivenUp { round: open.name(), completed, expected, needed });
    }

    fn mark_silent(&mut self, now: Timestamp, open: &OpenRound) {
        let unasked = self.roster.members.iter_mut().filter(|(agent, _)| !open.expected.contains_key(*agent));
        unasked.for_each(|(_, member)| member.owes_nothing());
        for (agent, expected) in &open.expected {
            let Some(member) = self.roster.members.get_mut(agent) else { continue };
            if expected.answer != Answer::Awaited {
                continue;
            }
            let mute = member.leaves_unanswered(now, open);
            if now < open.overdue {
                // The round did not wait for it. It is given up only if nothing at all is heard of it, or nothing but talk.
                if open.closing || expected.lost {
                    member.missed = Some((open.head.round, now.since(open.started).as_secs_f64()));
                }
                if now.since(member.heard) <= open.span && !mute {
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
        self.policy.observe(&observations);
    }

    /// Steps on the sums. `false` if there was nothing sound to step on.
    fn step(&mut self, mut open: OpenRound, record: &mut RoundRecord) -> bool {
        self.add_rest(&mut open);
        self.outlier = open.outlier().or(self.outlier.take());
        let private = self.job.data_mode == DataMode::Private;
        let here = open.expected.keys().filter_map(|agent| self.roster.members.get(agent));
        let expected_rows: f64 = here.map(|member| member.join.rows as f64).sum();
        let Mean { weights, loss, .. } = open.mean;
        // By how much the weighted mean falls short of, or exceeds, the mean over everybody's data.
        let scale = if private { weights / expected_rows } else { 1.0 };
        let Some(trainer) = &mut self.trainer else { return false };
        let stepped = trainer.step(weights, scale);
        let version = trainer.version();
        match stepped {
            Ok(rate) => {
                record.learning_rate = rate;
                record.loss = Some(loss / weights);
                record.model = version;
                if open.exact {
                    self.position = self.position.wrapping_add(self.asked(&open));
                }
                self.note_inclusion(&open);
                self.tell_untaken(&open);
                true
            }
            Err(_) => {
                self.diverge(&open);
                false
            }
        }
    }

    fn note_inclusion(&mut self, open: &OpenRound) {
        for (agent, expected) in &open.expected {
            if let Some(member) = self.roster.members.get_mut(agent) {
                member.inclusion.note(expected.answer == Answer::Delivered);
            }
        }
    }

    /// Tells those whose answer to a range is in no step, nor anybody else's, that it is not: they keep what it carried.
    ///
    /// With data of their own the weights make up for what is missing, and it would count twice.
    fn tell_untaken(&mut self, open: &OpenRound) {
        if self.job.data_mode == DataMode::Private {
            return;
        }
        let momentum = self.trainer.as_ref().is_some_and(|trainer| trainer.agents_momentum() > 0.0);
        for (agent, offset) in open.untaken() {
            let Some(member) = self.roster.members.get(&agent) else { continue };
            let remembers = momentum || member.link.codec.is_sparse();
            if let Some(share) = member.share.filter(|_| remembers && member.online) {
                let untaken = Some(Untaken { round: open.head.round, offset });
                self.publish_share(&agent, Share { untaken, ..share });
            }
        }
    }

    fn diverge(&mut self, open: &OpenRound) {
        self.stop = Some(Outcome::Diverged);
        let outlier = self.outlier.take().filter(|outlier| outlier.is_recent(self.steps()));
        self.report(Event::Diverged { round: open.name(), outlier });
    }

    fn take_scores(&mut self, open: &OpenRound) -> Option<Scores> {
        let mut sum = Scores::default();
        for scores in open.expected.values().filter_map(|expected| expected.scores.as_ref()) {
            sum.merge(scores);
        }
        self.scored_at_step = Some(self.steps());
        let scores = (sum.rows > 0).then_some(sum)?;
        let worth = self.judged_by.worth(&self.judge.summary(&scores));
        if let Some(trainer) = &mut self.trainer {
            trainer.note_score(&scores, worth);
        }
        self.last_scores = Some(scores.clone());
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
            Some(outcome) if purpose == Purpose::Score || self.scored_at_step == Some(steps) => self.finish(outcome),
            _ => {}
        }
    }
}
