//! Opening and closing rounds.

use crate::coordinator::{Coordinator, Output, Phase};
use crate::open::{Answer, Expected, OpenRound, equal_seconds};
use crate::publish::REPEAT_WAIT;
use crate::record::{AgentRound, Ending, Level, Outcome, RoundRecord};
use crate::roster::SILENT_ROUNDS_MAX;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{Candidate, Observation, Weighting};
use heijunka_units::{AgentId, ModelVersion, RoundId, Samples, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{Assign, DataMode, Part, Purpose, Round};

impl Coordinator {
    /// Closes the open round when it is time, and opens the next one.
    pub(crate) fn go_on(&mut self, now: Timestamp) {
        let Some(open) = &self.open else { return };
        if open.is_settled() || (self.connected && now >= open.deadline) {
            self.close(now);
            if self.phase == Phase::Training {
                self.open_next(now);
            }
        }
    }

    fn purpose(&self) -> Purpose {
        let steps = self.steps();
        let every = self.plan.score_every_rounds;
        let due = self.stop.is_some() || (every > 0 && steps > 0 && steps.is_multiple_of(every));
        if due && self.scored_at_step != Some(steps) { Purpose::Score } else { Purpose::Train }
    }

    pub(crate) fn open_next(&mut self, now: Timestamp) {
        if self.ready() < self.min_agents() {
            return self.pause(now);
        }
        let moved = self.divide();
        let purpose = self.purpose();
        let expected = self.expected_for(purpose);
        if expected.is_empty() {
            if purpose == Purpose::Score {
                // Nobody holds rows out: the model goes unscored.
                self.scored_at_step = Some(self.steps());
                return match self.stop {
                    Some(outcome) => self.finish(outcome),
                    None => self.open_next(now),
                };
            }
            return self.pause(now);
        }
        let Some(trainer) = &self.trainer else { return };
        let chunk_bytes = heijunka_wire::limits::chunk_bytes(self.plan.packet_bytes_max);
        let deadline = self.deadline_rule.next(&self.plan.patience);
        self.round = self.round.next();
        let head = Round {
            round: self.round,
            purpose,
            allocation: self.allocation,
            model: ModelVersion(trainer.steps()),
            first_position: trainer.steps().wrapping_mul(u64::from(self.plan.batch_samples)),
            batch_samples: self.plan.batch_samples,
            deadline_ms: u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX),
            digest: trainer.digest(chunk_bytes),
            part: Part { index: 0, chunk_bytes: 4, total_bytes: 0 },
        };
        self.open = Some(OpenRound {
            head,
            started: now,
            deadline: now + deadline,
            between_s: now.since(self.closed_at).as_secs_f64(),
            expected,
            frame_bytes: 0,
            repeat_from: now + REPEAT_WAIT,
            repeat_wait: REPEAT_WAIT,
            moved,
        });
        let bytes = self.publish_round();
        if let Some(open) = &mut self.open {
            open.frame_bytes = bytes;
        }
    }

    fn expected_for(&self, purpose: Purpose) -> BTreeMap<AgentId, Expected> {
        let amount = |assign: &Assign| if purpose == Purpose::Score { assign.held_out_rows } else { assign.samples };
        self.divided
            .iter()
            .filter_map(|(agent, _)| {
                let member = self.roster.members.get(agent)?;
                let assign = member.assign.as_ref()?;
                (amount(assign) > 0).then(|| (agent.clone(), Expected::new(amount(assign), member.join.session)))
            })
            .collect()
    }

    /// Asks the policy, and tells the agents when the division changed. Returns why it did.
    fn divide(&mut self) -> Option<String> {
        let private = self.job.data_mode == DataMode::Private;
        let mut rows = 0;
        let candidates: Vec<Candidate> = self
            .roster
            .ready(self.content)
            .map(|(agent, member)| {
                rows = if private { rows + member.join.rows } else { member.join.rows };
                let held =
                    if private { Samples::try_from(member.join.rows).unwrap_or(Samples::MAX) } else { Samples::MAX };
                let most = member.join.samples_max.min(held);
                let pin = self.plan.pins.get(agent).map(|pin| (*pin).min(most));
                // An agent whose own data are never asked for would bend the model towards the others' data.
                let least = Samples::from(private);
                let (samples_min, samples_max) = pin.map_or((least, most), |pin| (pin.max(least), pin.max(least)));
                Candidate { agent: agent.clone(), samples_min, samples_max }
            })
            .collect();
        let batch = self.plan.batch_samples;
        let epoch = self.steps().saturating_mul(u64::from(batch)) / rows.max(1);
        let decision = self.policy.decide(&candidates, batch, epoch);
        let divided: Vec<(AgentId, Samples)> =
            decision.shares.into_iter().map(|share| (share.agent, share.samples)).collect();
        if divided == self.divided {
            return None;
        }
        self.divided = divided;
        self.allocation = self.allocation.next();
        self.assign_all(private);
        Some(decision.reason)
    }

    fn assign_all(&mut self, private: bool) {
        let total: u64 = self.divided.iter().map(|(_, samples)| u64::from(*samples)).sum();
        let mut offset = 0_u64;
        for (agent, samples) in self.divided.clone() {
            let Some(member) = self.roster.members.get(&agent) else { continue };
            let held = member.join.held_out_rows.min(u64::from(u32::MAX));
            // Shared held-out rows are dealt out like the batch, so that scoring is levelled too.
            let cut = |position: u64| if private { held } else { held * position / total.max(1) };
            let (from, to) = if private { (0, held) } else { (cut(offset), cut(offset + u64::from(samples))) };
            let assign = Assign {
                session: member.join.session,
                spec: self.content,
                version: self.allocation,
                samples,
                offset: offset as u32,
                held_out_offset: from as u32,
                held_out_rows: (to - from) as u32,
                refused: None,
            };
            self.publish_assign(&agent, assign);
            offset += u64::from(samples);
        }
    }

    fn close(&mut self, now: Timestamp) {
        let Some(open) = self.open.take() else { return };
        let seconds = now.since(open.started).as_secs_f64();
        self.closed_at = now;
        self.mark_silent(&open);
        let agents: Vec<AgentRound> = open.expected.iter().map(|(agent, expected)| expected.record(agent)).collect();
        let delivered = open.delivered();
        let needed = ((self.plan.patience.quorum * open.expected.len() as f64) + 0.999_999) as usize;
        let mut record = RoundRecord {
            round: open.head.round,
            purpose: open.head.purpose,
            ending: if delivered == open.expected.len() { Ending::Full } else { Ending::Partial },
            model: open.head.model,
            seconds,
            deadline_s: open.deadline.since(open.started).as_secs_f64(),
            between_s: open.between_s,
            equal_s: equal_seconds(&agents),
            loss: None,
            learning_rate: 0.0,
            samples: agents.iter().map(|agent| agent.samples).sum(),
            bytes_down: open.frame_bytes * open.expected.len() as u64,
            bytes_up: open.expected.values().map(|expected| expected.bytes_up).sum(),
            moved: open.moved.clone(),
            agents,
            scores: None,
        };
        match open.head.purpose {
            Purpose::Train => {
                match open.is_settled() {
                    true => self.deadline_rule.observe(seconds),
                    false => self.deadline_rule.observe_missed(seconds, &self.plan.patience),
                }
                if open.is_beyond_bounds() {
                    self.diverge(open.head.round);
                }
                let enough = delivered >= needed.max(1);
                if !enough {
                    self.tell_given_up(&open, delivered, needed.max(1));
                }
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

    fn tell_given_up(&mut self, open: &OpenRound, delivered: usize, needed: usize) {
        let (round, expected) = (open.head.round, open.expected.len());
        let message = format!(
            "round {round} was given up: {delivered} of {expected} agents answered, {needed} are needed; the model stays"
        );
        self.event(Level::Warn, "HJ-141", None, message, "the same samples are asked for again");
    }

    fn mark_silent(&mut self, open: &OpenRound) {
        for (agent, expected) in &open.expected {
            let Some(member) = self.roster.members.get_mut(agent) else { continue };
            if expected.answer != Answer::Awaited {
                continue;
            }
            member.silent_rounds += 1;
            let silent = member.silent_rounds;
            let message = if silent < SILENT_ROUNDS_MAX {
                format!("{agent} did not answer round {} in time", open.head.round)
            } else {
                format!("{agent} did not answer {silent} rounds in a row and is no longer waited for")
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

    /// Averages and steps. `false` if there was nothing sound to step on.
    fn step(&mut self, open: &OpenRound, record: &mut RoundRecord) -> bool {
        let private = self.job.data_mode == DataMode::Private;
        let weighting = self.policy.weighting();
        let mut parts: Vec<(f64, &[f32])> = Vec::with_capacity(open.expected.len());
        let mut observations = Vec::with_capacity(open.expected.len());
        let (mut loss_sum, mut loss_weight) = (0.0, 0.0);
        for (seen, (agent, expected)) in record.agents.iter().zip(&open.expected) {
            let (Answer::Delivered, Some(gradient), Some(member)) =
                (expected.answer, expected.gradient, self.roster.members.get(agent))
            else {
                continue;
            };
            let weight = match (private, weighting) {
                // Each machine's data count by their number of rows, however many it computes in a round.
                (true, _) => member.join.rows as f64,
                (false, Weighting::PerSample) => f64::from(gradient.samples),
                (false, Weighting::PerAgent) => 1.0,
            };
            parts.push((weight, &member.gradient));
            loss_sum += weight * gradient.loss_sum / f64::from(gradient.samples);
            loss_weight += weight;
            observations.push(Observation {
                agent: agent.clone(),
                samples: seen.samples,
                total_s: seen.total_s,
                compute_s: seen.compute_s,
                own_s: seen.own_s,
                late: false,
            });
        }
        let Some(trainer) = &mut self.trainer else { return false };
        self.policy.observe(&observations);
        match trainer.step(&parts) {
            Ok(rate) => {
                record.learning_rate = rate;
                record.loss = Some(loss_sum / loss_weight);
                record.model = ModelVersion(trainer.steps());
                true
            }
            Err(_) => {
                self.diverge(open.head.round);
                false
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
