//! Opening rounds: who is asked for what.

use super::Coordinator;
use crate::collection::{Clock, Collection, Opening, Range, Rules, Timer};
use crate::contract::Phase;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{Candidate, Outlook, RoundEnd, Weighting};
use heijunka_units::{AgentId, Samples, Timestamp};
use heijunka_wire::{Ask, DataMode, Part, Purpose, Share, Train, Work};

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
        let (connected, quorum) = (self.outbox.is_connected(), self.plan.patience.quorum);
        let Some(open) = &mut self.open else { return };
        let closing = open.clock_mut().close_if_due(now, connected);
        let due = connected && (open.clock().is_due(Timer::Deadline, now) || (closing && open.has_enough(quorum)));
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
        if due && !self.scoring.is_scored(steps) { Purpose::Score } else { Purpose::Train }
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
        let ranges = self.ranges_for(purpose);
        if ranges.is_empty() {
            if purpose == Purpose::Score {
                // No agent holds rows out: the model is not scored.
                self.scoring.note(self.steps(), None);
                return match self.stop {
                    Some(outcome) => self.finish(outcome),
                    None => self.open_next(now),
                };
            }
            return self.pause(now);
        }
        let train = purpose == Purpose::Train;
        let pace = Some(self.allocation.pace()).filter(|_| train).unwrap_or_default();
        let span = self.deadline_rule.next(&self.plan.patience, pace.predicted_s);
        // Where all compute until a common time, an agent that is done early would have computed more: nothing is made up for.
        let reissues = train
            && pace.close_s.is_none()
            && self.spec.job().data_mode == DataMode::Shared
            && self.allocation.weighting() == Weighting::PerSample;
        let exact = self.plan.round_end == RoundEnd::Exact;
        // What a stopped agent leaves can be made up for with shared data alone.
        let stop_s = pace.stop_s.filter(|_| (reissues || !exact) && self.links.local_steps() == 1);
        let Some(head) = self.ask(purpose, span, stop_s) else { return };
        let mut clock = Clock::new(now, span);
        let spare_s = stop_s.filter(|_| exact).map(|stop_s| stop_s * SPARE_FACTOR);
        for (timer, after) in [(Timer::Close, pace.close_s), (Timer::Spare, spare_s)] {
            if let Some(after) = after.and_then(|after| Duration::try_from_secs_f64(after).ok()) {
                clock.set_after(timer, after);
            }
        }
        let parameters = self.trainer.as_ref().map_or(0, |trainer| trainer.parameters().len());
        let opening = Opening { between_s: self.stopwatch.between_s(now), moved };
        let rules = Rules { parameters, exact, reissues };
        let mut open = Collection::new((head, rules), clock, opening, ranges, core::mem::take(&mut self.memory));
        if reissues {
            open.set_idle(self.idle(&open));
        }
        self.open = Some(open);
        let probing = if train { self.allocation.probed() } else { Vec::new() };
        self.forget_round();
        self.publish_open(now);
        let published = self.open.as_ref().map_or(now, |open| open.clock().started());
        self.timings.published(head.round, published, probing);
    }

    /// Those who could compute and are asked for nothing, or for a probe.
    fn idle(&self, open: &Collection) -> Vec<(AgentId, u64)> {
        let agents = self.allocation.shares().iter().map(|(agent, _)| agent);
        let idle = agents.filter(|agent| !open.asks(agent));
        idle.filter_map(|agent| Some((agent.clone(), self.roster.members.get(agent)?.join.session))).collect()
    }

    /// The head of the next round.
    fn ask(&mut self, purpose: Purpose, span: Duration, stop_s: Option<f64>) -> Option<Ask> {
        let agents = self.allocation.shares().len();
        let trainer = self.trainer.as_mut()?;
        let kept_ppm = self.plan.compact.kept_ppm(trainer.steps());
        let digest = trainer.publishable(self.links.update_codec(), kept_ppm, agents);
        let (rate, momentum) = (trainer.rate() as f32, trainer.agents_momentum() as f32);
        let (model, update) = (trainer.version(), trainer.update());
        let (base, codec) =
            (update.and_then(|update| update.base), update.map(|update| update.codec).unwrap_or_default());
        let local_steps = self.links.local_steps();
        self.round = self.round.next();
        // A round that was given up asks for the same samples again, unless rounds end before all is computed anyway.
        let first_position = self.position;
        if purpose == Purpose::Train && self.plan.round_end != RoundEnd::Exact {
            let asked: u64 = self.allocation.total();
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
            allocation: self.allocation.version(),
            model,
            deadline_ms: u32::try_from(span.as_millis()).unwrap_or(u32::MAX),
            base,
            codec,
            digest,
            part: Part { index: 0, chunk_bytes: 4, total_bytes: 0 },
        })
    }

    fn ranges_for(&self, purpose: Purpose) -> BTreeMap<AgentId, Range> {
        self.allocation
            .shares()
            .iter()
            .filter_map(|(agent, _)| {
                let member = self.roster.members.get(agent)?;
                let range = Range::of(member.share.as_ref()?, purpose, member.join.session)?;
                Some((agent.clone(), range))
            })
            .collect()
    }

    /// Asks the policy, and sends the agents what changed for them. Returns why the shares moved.
    fn divide(&mut self) -> Option<String> {
        let private = self.spec.job().data_mode == DataMode::Private;
        let batch = self.plan.batch_samples;
        self.plan_links();
        let ready = || self.roster.ready(self.spec.content());
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
        let moved = self.allocation.decide(&candidates, batch, self.steps(), epoch);
        self.assign_all(private);
        moved
    }

    /// Sends each agent its share, if it does not know it.
    fn assign_all(&mut self, private: bool) {
        let total: u64 = self.allocation.total();
        let outlooks = if self.allocation.pace().stop_s.is_some() { self.allocation.outlooks() } else { Vec::new() };
        let mut offset = 0_u64;
        for (agent, samples) in self.allocation.shares().to_vec() {
            let Some(member) = self.roster.members.get(&agent) else { continue };
            let held = member.join.held_out_rows.min(u64::from(u32::MAX));
            // Shared held-out rows are dealt out like the batch, so that scoring is levelled too.
            let cut = |position: u64| if private { held } else { held * position / total.max(1) };
            let (from, to) = if private { (0, held) } else { (cut(offset), cut(offset + u64::from(samples))) };
            let probe = self.allocation.probe(&agent);
            let share = Share {
                session: member.join.session,
                spec: self.spec.content(),
                version: self.allocation.version(),
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

/// What the network is expected to take of a round: as was sent before, unless it has changed by a quarter.
fn network_us(outlooks: &[Outlook], agent: &AgentId, known: u32) -> u32 {
    let found = outlooks.binary_search_by(|outlook| outlook.agent.cmp(agent)).ok();
    let Some(outlook) = found.and_then(|place| outlooks.get(place)) else { return known };
    let new = micros(outlook.network_s);
    if new.abs_diff(known) >= known / 4 { new } else { known }
}
