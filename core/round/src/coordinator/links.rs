//! Codecs and local steps that are settled by measurement of all links.

use super::Coordinator;
use crate::compact::Compact;
use crate::event::Event;
use crate::link::{LOOK_EVERY, NEWEST};
use crate::plan::{LocalSteps, Plan};
use crate::record::RoundRecord;
use alloc::vec::Vec;
use heijunka_learn::OptimizerKind;
use heijunka_units::{AgentId, Codec};
use heijunka_wire::DataMode;

/// Local steps that are chosen at most: beyond, agents' models drift too far apart.
const AUTO_STEPS_MAX: u16 = 8;

/// What the agents' links mean for all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    /// How the model's updates are written; `Float32`: whole models.
    update_codec: Codec,
    /// Steps of a round that agents take by themselves.
    local_steps: u16,
    /// Mean seconds of the last training rounds.
    round_s: f64,
}

impl Links {
    pub(crate) fn new(plan: &Plan) -> Self {
        let local_steps = match plan.local_steps {
            LocalSteps::Fixed(steps) => steps.max(1),
            LocalSteps::Auto => 1,
        };
        Self { update_codec: plan.compact.update.unwrap_or_default(), local_steps, round_s: 0.0 }
    }

    pub(crate) fn update_codec(&self) -> Codec {
        self.update_codec
    }

    pub(crate) fn local_steps(&self) -> u16 {
        self.local_steps
    }

    pub(crate) fn round_s(&self) -> f64 {
        self.round_s
    }

    fn observe(&mut self, seconds: f64) {
        let newest = if self.round_s == 0.0 { 1.0 } else { NEWEST };
        self.round_s += newest * (seconds - self.round_s);
    }
}

impl Coordinator {
    /// Takes note of a round's network times, and now and then draws the conclusions.
    pub(crate) fn look_at_links(&mut self, record: &RoundRecord) {
        for seen in record.agents.iter().filter(|seen| seen.samples > 0) {
            if let Some(member) = self.roster.members.get_mut(&seen.agent) {
                member.link.observe(seen);
            }
        }
        self.links.observe(record.seconds);
        if record.round.0.is_multiple_of(LOOK_EVERY) {
            let changed = self.plan.compact.gradient.is_none() && self.settle_codecs();
            if !changed && self.plan.local_steps == LocalSteps::Auto {
                self.settle_local_steps();
            }
        }
    }

    /// The shortest codec that links may have. With data of its own an agent that misses rounds would hold back what only
    /// it knows; Adam learns worse from rare large numbers.
    pub(crate) fn last_codec(&self) -> Codec {
        let shared = self.spec.job().data_mode == DataMode::Shared;
        let descends = matches!(self.plan.optimizer, OptimizerKind::Sgd { .. });
        let may = |codec: &Codec| codec.times_shorter().is_some() && (!codec.is_sparse() || shared && descends);
        Codec::ALL.into_iter().rfind(may).unwrap_or_default()
    }

    fn settle_codecs(&mut self) -> bool {
        let last = self.last_codec();
        let round_s = self.links.round_s;
        let wishes: Vec<(AgentId, Codec, f64, Codec)> = self
            .roster
            .members
            .iter_mut()
            .filter_map(|(agent, member)| {
                let (network_s, had) = (member.link.network_s, member.link.codec);
                let codec = member.link.look(round_s, last)?;
                Some((agent.clone(), codec, network_s, had))
            })
            .collect();
        let changed = !wishes.is_empty();
        for (agent, codec, network_s, before) in wishes {
            self.report(Event::CodecChanged { agent, network_s, round_s, codec, before });
        }
        self.follow_links();
        changed
    }

    /// Updates and momentum go with the shortest codec that some agent has.
    pub(crate) fn follow_links(&mut self) {
        let shortest = self.roster.members.values().map(|member| member.link.codec).max().unwrap_or_default();
        if shortest.is_sparse()
            && let Some(trainer) = &mut self.trainer
        {
            trainer.hand_momentum_over();
        }
        if self.plan.compact.update.is_none() {
            self.links.update_codec = match shortest {
                Codec::Float16 => Codec::Int8,
                codec => codec.for_updates(),
            };
        }
    }

    fn settle_local_steps(&mut self) {
        let links = || self.roster.members.values().map(|member| &member.link).filter(|link| link.rounds > 0);
        let network_s = links().map(|link| link.network_s).fold(0.0, f64::max) + self.outbox.sending_s();
        let step_s = links().map(|link| link.compute_s).fold(0.0, f64::max) / f64::from(self.links.local_steps);
        if step_s <= 0.0 {
            return;
        }
        let wanted = ((network_s / step_s) as u16).clamp(1, AUTO_STEPS_MAX);
        let have = self.links.local_steps;
        if wanted >= have * 2 || wanted * 2 <= have {
            self.links.local_steps = wanted;
            self.report(Event::LocalSteps { network_s, step_s, steps: wanted, before: have });
        }
    }

    /// The codec that an agent begins with.
    pub(crate) fn first_codec(compact: &Compact) -> Codec {
        compact.gradient.unwrap_or_default()
    }
}
