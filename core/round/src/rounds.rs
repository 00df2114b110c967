//! Opening rounds: who is asked for what.

use crate::coordinator::{Coordinator, Phase};
use crate::open::{Expected, OpenRound};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{Candidate, Decision, Outlook, RoundEnd, Weighting};
use heijunka_units::{AgentId, Samples, Timestamp};
use heijunka_wire::{Ask, DataMode, Part, Purpose, Share, Train, Work};

/// What the policy says of the coming round's time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    predicted_s: Option<f64>,
    stop_s: Option<f64>,
    close_s: Option<f64>,
}

impl Pace {
    fn new(decision: &Decision) -> Self {
        Self { predicted_s: decision.predicted_s, stop_s: decision.stop_s, close_s: decision.close_s }
    }
}

/// Microseconds, at least 1.
fn micros(seconds: f64) -> u32 {
    (seconds * 1e6).clamp(1.0, f64::from(u32::MAX)) as u32
}

/// So many times after which answers should be in at the latest, others begin to compute what is missing.
const SPARE_FACTOR: f64 = 1.25;

impl Coordinator {
    /// Closes the open round when it is time, and opens the next one.
    pub(crate) fn go_on(&mut self, now: Timestamp) {
        self.end_pause(now);
        self.reissue(now);
        let enough = self.has_enough();
        let Some(open) = &mut self.open else { return };
        open.closing |= open.close_at.take_if(|at| self.connected && now >= *at).is_some();
        let due = self.connected && (now >= open.deadline || (open.closing && enough));
        if open.is_settled() || due {
            self.close(now);
            if self.phase == Phase::Training {
                self.open_after_pause(now);
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
        if self.is_held() {
            return self.rest(now);
        }
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
        let train = purpose == Purpose::Train;
        let pace = Some(self.pace).filter(|_| train).unwrap_or_default();
        let span = self.deadline_rule.next(&self.plan.patience, pace.predicted_s);
        // Where all compute until a common time, whoever is done early would have computed more: nothing is made up for.
        let reissues = train
            && pace.close_s.is_none()
            && self.job.data_mode == DataMode::Shared
            && self.policy.weighting() == Weighting::PerSample;
        let exact = self.plan.round_end == RoundEnd::Exact;
        // What a stopped agent leaves can be made up for with shared data alone.
        let stop_s = pace.stop_s.filter(|_| (reissues || !exact) && self.local_steps == 1);
        let Some(head) = self.ask(purpose, span, stop_s) else { return };
        let mut open = OpenRound::new(head, now, span, expected);
        let seconds = |seconds| Duration::try_from_secs_f64(seconds).ok();
        open.close_at = pace.close_s.and_then(seconds).map(|after| now + after);
        open.reissues = reissues;
        open.exact = exact;
        let spare_s = stop_s.filter(|_| exact).map(|stop_s| stop_s * SPARE_FACTOR);
        open.spare_at = spare_s.and_then(seconds).map(|after| now + after);
        open.idle = if open.reissues { self.idle(&open) } else { Vec::new() };
        open.between_s = now.since(self.closed_at).as_secs_f64();
        open.moved = moved;
        self.open = Some(open);
        let probing = if train { self.probing.keys().cloned().collect() } else { Vec::new() };
        if train && let Some(trainer) = &mut self.trainer {
            trainer.begin_mean();
        }
        self.forget_round();
        self.publish_open(now);
        let published = self.open.as_ref().map_or(now, |open| open.started);
        self.timings.published(head.round, published, probing);
    }

    /// Those who could compute and are asked for nothing, or for a probe.
    fn idle(&self, open: &OpenRound) -> Vec<(AgentId, u64)> {
        let agents = self.divided.iter().map(|(agent, _)| agent);
        let idle = agents.filter(|agent| !open.expected.contains_key(*agent));
        idle.filter_map(|agent| Some((agent.clone(), self.roster.members.get(agent)?.join.session))).collect()
    }

    /// The head of the next round.
    fn ask(&mut self, purpose: Purpose, span: Duration, stop_s: Option<f64>) -> Option<Ask> {
        let agents = self.divided.len();
        let trainer = self.trainer.as_mut()?;
        let kept_ppm = self.plan.compact.kept_ppm(trainer.steps());
        let digest = trainer.publishable(self.update_codec, kept_ppm, agents);
        let (rate, momentum) = (trainer.rate() as f32, trainer.agents_momentum() as f32);
        let (model, update) = (trainer.version(), trainer.update());
        let (base, codec) =
            (update.and_then(|update| update.base), update.map(|update| update.codec).unwrap_or_default());
        let local_steps = self.local_steps;
        self.round = self.round.next();
        // A round that was given up asks for the same samples again, unless rounds end before all is computed anyway.
        let first_position = self.position;
        if purpose == Purpose::Train && self.plan.round_end != RoundEnd::Exact {
            let asked: u64 = self.divided.iter().map(|(_, samples)| u64::from(*samples)).sum();
            self.position = self.position.wrapping_add(asked);
        }
        let train = Train {
            first_position,
            batch_samples: self.plan.batch_samples,
            stop_us: stop_s.map_or(0, micros),
            local_steps,
            learning_rate: rate,
            kept_ppm,
            momentum,
        };
        Some(Ask {
            round: self.round,
            work: if purpose == Purpose::Train { Work::Train(train) } else { Work::Score },
            allocation: self.allocation,
            model,
            deadline_ms: u32::try_from(span.as_millis()).unwrap_or(u32::MAX),
            base,
            codec,
            digest,
            part: Part { index: 0, chunk_bytes: 4, total_bytes: 0 },
        })
    }

    fn expected_for(&self, purpose: Purpose) -> BTreeMap<AgentId, Expected> {
        self.divided
            .iter()
            .filter_map(|(agent, _)| {
                let member = self.roster.members.get(agent)?;
                let expected = Expected::of(member.share.as_ref()?, purpose, member.join.session)?;
                Some((agent.clone(), expected))
            })
            .collect()
    }

    /// Asks the policy, and tells the agents what changed for them. Returns why the shares moved.
    fn divide(&mut self) -> Option<String> {
        let private = self.job.data_mode == DataMode::Private;
        let batch = self.plan.batch_samples;
        self.plan_links();
        let ready = || self.roster.ready(self.content);
        let rows = match private {
            true => ready().map(|(_, member)| member.join.rows).sum::<u64>(),
            false => ready().map(|(_, member)| member.join.rows).last().unwrap_or(0),
        };
        let candidates: Vec<Candidate> = ready()
            .map(|(agent, member)| {
                let held =
                    if private { Samples::try_from(member.join.rows).unwrap_or(Samples::MAX) } else { Samples::MAX };
                let most = member.join.samples_max.min(held);
                let pin = self.plan.pins.get(agent).map(|pin| (*pin).min(most));
                let least = if private { least_of_own(batch, member.join.rows, rows).min(most) } else { 0 };
                let (samples_min, samples_max) = pin.map_or((least, most), |pin| (pin.max(least), pin.max(least)));
                let announced = member.announced(self.answer_bytes(member.link.codec));
                Candidate { agent: agent.clone(), samples_min, samples_max, announced }
            })
            .collect();
        let epoch = self.steps().saturating_mul(u64::from(batch)) / rows.max(1);
        let steps = self.steps();
        self.policy.count(steps);
        let decision = self.policy.decide(&candidates, batch, epoch);
        self.pace = Pace::new(&decision);
        let probes = decision.shares.iter().filter(|share| share.samples == 0 && share.probe > 0);
        self.probing = probes.map(|share| (share.agent.clone(), share.probe)).collect();
        let divided: Vec<(AgentId, Samples)> =
            decision.shares.into_iter().map(|share| (share.agent, share.samples)).collect();
        let moved = divided != self.divided;
        if moved {
            self.divided = divided;
            self.allocation = self.allocation.next();
        }
        self.assign_all(private);
        moved.then_some(decision.reason)
    }

    /// Tells each agent its share, if it does not know it.
    fn assign_all(&mut self, private: bool) {
        let total: u64 = self.divided.iter().map(|(_, samples)| u64::from(*samples)).sum();
        let outlooks = if self.pace.stop_s.is_some() { self.policy.outlooks() } else { Vec::new() };
        let mut offset = 0_u64;
        for (agent, samples) in self.divided.clone() {
            let Some(member) = self.roster.members.get(&agent) else { continue };
            let held = member.join.held_out_rows.min(u64::from(u32::MAX));
            // Shared held-out rows are dealt out like the batch, so that scoring is levelled too.
            let cut = |position: u64| if private { held } else { held * position / total.max(1) };
            let (from, to) = if private { (0, held) } else { (cut(offset), cut(offset + u64::from(samples))) };
            let probe = self.probing.get(&agent).copied();
            let share = Share {
                session: member.join.session,
                spec: self.content,
                version: self.allocation,
                samples: probe.unwrap_or(samples),
                offset: if probe.is_some() { 0 } else { offset as u32 },
                probe: probe.is_some(),
                codec: member.link.codec,
                network_us: network_us(&outlooks, &agent, member.share.map_or(0, |known| known.network_us)),
                held_out_offset: from as u32,
                held_out_rows: (to - from) as u32,
                untaken: member.share.and_then(|known| known.untaken),
            };
            if member.share != Some(share) {
                self.publish_share(&agent, share);
            }
            offset += u64::from(samples);
        }
    }
}

/// Least share of an agent with data of its own: half of what its rows would be in proportion, one at least.
///
/// Its gradient weighs by its rows w, whatever its share n: the variance of the step grows with w^2 / n, and an agent that
/// is hardly asked bends the model by chance. With half, it is at most twice that of shares in proportion to the rows.
fn least_of_own(batch: Samples, rows: u64, all_rows: u64) -> Samples {
    let proportional = u64::from(batch).saturating_mul(rows) / all_rows.max(1);
    Samples::try_from(proportional / 2).unwrap_or(batch).max(1)
}

/// What the network is expected to take of a round: as was told before, unless it has changed by a quarter.
fn network_us(outlooks: &[Outlook], agent: &AgentId, known: u32) -> u32 {
    let found = outlooks.binary_search_by(|outlook| outlook.agent.cmp(agent)).ok();
    let Some(outlook) = found.and_then(|place| outlooks.get(place)) else { return known };
    let new = micros(outlook.network_s);
    if new.abs_diff(known) >= known / 4 { new } else { known }
}
