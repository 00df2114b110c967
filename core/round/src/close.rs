//! Closing rounds: what is made of what has arrived.

use crate::coordinator::{Coordinator, Output};
use crate::open::{Answer, OpenRound, equal_seconds};
use crate::record::{AgentRound, Ending, Level, Outcome, RoundRecord};
use crate::roster::SILENT_ROUNDS_MAX;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{Observation, Weighting};
use heijunka_units::{ModelVersion, RoundId, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{DataMode, Gradient, Purpose};

/// A gradient that enters the step.
struct Part<'a> {
    offset: u32,
    weight: f64,
    gradient: Gradient,
    values: &'a [f32],
}

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
            purpose: open.head.purpose,
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
            bytes_down: open.frame_bytes * open.expected.len() as u64,
            bytes_up: open.expected.values().map(|expected| expected.bytes_up).sum(),
            moved: open.moved.clone(),
            agents,
            scores: None,
        };
        match open.head.purpose {
            Purpose::Train => {
                self.learn_deadline(now, &open, &record);
                if open.is_beyond_bounds() {
                    self.diverge(open.head.round);
                }
                if !enough {
                    self.tell_given_up(&open);
                }
                self.observe(&record);
                if !enough || !self.step(&open, &mut record) {
                    record.ending = Ending::GivenUp;
                    self.counters.given_up += 1;
                }
            }
            Purpose::Score | Purpose::Finished => record.scores = self.take_scores(&open),
        }
        self.outputs.push_back(Output::Closed(Box::new(record)));
        self.end_if_due(now, open.head.purpose);
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

    fn tell_given_up(&mut self, open: &OpenRound) {
        let (round, expected, completed) = (open.head.round, open.expected.len(), open.completed());
        let needed = self.needed(open);
        let message = format!(
            "round {round} was given up: {completed} of {expected} agents answered, {needed} are needed; the model stays"
        );
        self.event(Level::Warn, "HJ-141", None, message, "if it goes on: look at the agents that did not answer");
    }

    fn mark_silent(&mut self, now: Timestamp, open: &OpenRound) {
        for (agent, expected) in &open.expected {
            let Some(member) = self.roster.members.get_mut(agent) else { continue };
            if expected.answer != Answer::Awaited {
                continue;
            }
            if now < open.overdue {
                // The round did not wait for it. It is given up only if nothing at all is heard of it.
                if open.closing || expected.lost {
                    member.missed = Some((open.head.round, now.since(open.started).as_secs_f64()));
                }
                if now.since(member.heard) <= open.span {
                    continue;
                }
                member.silent_rounds = SILENT_ROUNDS_MAX - 1;
            }
            member.silent_rounds += 1;
            let silent = member.silent_rounds;
            let message = if silent < SILENT_ROUNDS_MAX {
                format!("{agent} did not answer round {} in time", open.head.round)
            } else {
                format!("{agent} does not answer (last round {}) and is no longer waited for", open.head.round)
            };
            self.event(
                Level::Warn,
                "HJ-140",
                Some(agent),
                message,
                "look at that machine; it is asked again once it is heard",
            );
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

    /// What enters the step, in the order of the ranges; and by how much the weighted mean of them falls short of, or
    /// exceeds, the mean over everybody's data.
    fn parts<'a>(&'a self, open: &'a OpenRound) -> (Vec<Part<'a>>, f64) {
        let private = self.job.data_mode == DataMode::Private;
        let weighting = self.policy.weighting();
        let (mut parts, mut expected_rows) = (Vec::with_capacity(open.expected.len()), 0.0);
        for (agent, expected) in &open.expected {
            let Some(member) = self.roster.members.get(agent) else { continue };
            expected_rows += member.join.rows as f64;
            let (Answer::Delivered, Some(gradient)) = (expected.answer, expected.gradient) else { continue };
            let weight = match (private, weighting) {
                // Each machine's data count by their number of rows, however many it computes in a round and however
                // often it misses one.
                (true, _) => member.join.rows as f64 / member.inclusion.probability(),
                (false, Weighting::PerSample) => f64::from(gradient.samples),
                (false, Weighting::PerAgent) => 1.0,
            };
            parts.push(Part { offset: expected.offset, weight, gradient, values: &member.gradient });
        }
        let replaced = |of| open.expected.get(of).is_some_and(|expected| expected.replaced);
        for piece in open.pieces.iter().filter(|piece| replaced(&piece.of)) {
            let Some(gradient) = piece.gradient else { continue };
            let (offset, weight) = (piece.offset, f64::from(piece.samples));
            parts.push(Part { offset, weight, gradient, values: &piece.values });
        }
        parts.sort_by_key(|part| part.offset);
        let weights: f64 = parts.iter().map(|part| part.weight).sum();
        (parts, if private { weights / expected_rows } else { 1.0 })
    }

    /// Averages and steps. `false` if there was nothing sound to step on.
    fn step(&mut self, open: &OpenRound, record: &mut RoundRecord) -> bool {
        let Some(mut trainer) = self.trainer.take() else { return false };
        let (parts, scale) = self.parts(open);
        let weights: f64 = parts.iter().map(|part| part.weight).sum();
        let mean_loss = |part: &Part<'_>| part.gradient.loss_sum / f64::from(part.gradient.samples);
        let loss: f64 = parts.iter().map(|part| part.weight * mean_loss(part)).sum();
        let gradients: Vec<(f64, &[f32])> = parts.iter().map(|part| (part.weight, part.values)).collect();
        let stepped = trainer.step(&gradients, scale);
        let version = ModelVersion(trainer.steps());
        self.trainer = Some(trainer);
        match stepped {
            Ok(rate) => {
                record.learning_rate = rate;
                record.loss = Some(loss / weights);
                record.model = version;
                self.note_inclusion(open);
                true
            }
            Err(_) => {
                self.diverge(open.head.round);
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

    fn diverge(&mut self, round: RoundId) {
        self.stop = Some(Outcome::Diverged);
        let message = format!("round {round}: loss, gradient or model is no longer finite");
        self.event(Level::Warn, "HJ-150", None, message, "lower learning_rate");
    }

    fn take_scores(&mut self, open: &OpenRound) -> Option<Scores> {
        let mut sum = Scores::default();
        for scores in open.expected.values().filter_map(|expected| expected.scores.as_ref()) {
            sum.merge(scores);
        }
        self.scored_at_step = Some(self.steps());
        let scores = (sum.rows > 0).then_some(sum)?;
        if let Some(trainer) = &mut self.trainer {
            trainer.note_score(&scores);
        }
        self.last_scores = Some(scores.clone());
        Some(scores)
    }

    fn end_if_due(&mut self, now: Timestamp, purpose: Purpose) {
        let until = &self.plan.until;
        let running = now.since(self.training_since.unwrap_or(now));
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
