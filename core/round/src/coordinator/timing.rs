//! Timings that no answer of the open round shows: of probes, of answers that come too late, of those that never come.

use super::Coordinator;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use heijunka_allocate::Observation;
use heijunka_units::{AgentId, RoundId, Timestamp};
use heijunka_wire::{Durations, Gradient, limits};

/// Rounds whose publication is remembered.
const ROUNDS_MAX: usize = 64;
/// Timings that wait for the next round's.
const OBSERVATIONS_MAX: usize = 4 * limits::AGENTS_MAX;

/// A round that was published.
#[derive(Debug)]
struct Published {
    round: RoundId,
    at: Timestamp,
    /// Who was to compute for its timing alone.
    probing: Vec<AgentId>,
}

/// Publications of the last rounds, and timings that the policy has yet to see.
#[derive(Debug, Default)]
pub(crate) struct Timings {
    published: VecDeque<Published>,
    seen: Vec<Observation>,
}

impl Timings {
    pub(crate) fn published(&mut self, round: RoundId, at: Timestamp, probing: Vec<AgentId>) {
        if self.published.len() == ROUNDS_MAX {
            self.published.pop_front();
        }
        self.published.push_back(Published { round, at, probing });
    }

    fn of(&self, round: RoundId) -> Option<&Published> {
        self.published.iter().find(|published| published.round == round)
    }

    pub(crate) fn is_probe(&self, round: RoundId, agent: &AgentId) -> bool {
        self.of(round).is_some_and(|published| published.probing.contains(agent))
    }

    fn note(&mut self, observation: Observation) {
        if self.seen.len() < OBSERVATIONS_MAX {
            self.seen.push(observation);
        }
    }

    /// What waits to be seen, which is nothing then.
    pub(crate) fn take(&mut self) -> Vec<Observation> {
        core::mem::take(&mut self.seen)
    }
}

/// Seconds of computing, and of having the round in hand.
pub(crate) fn own_seconds(durations: Durations) -> (f64, f64) {
    let seconds = |micros: u32| f64::from(micros) / 1e6;
    let compute = seconds(durations.compute_us);
    (compute, seconds(durations.decode_us) + compute + seconds(durations.encode_us))
}

fn is_last(gradient: &Gradient) -> bool {
    gradient.part.count() == Some(usize::from(gradient.part.index) + 1)
}

impl Coordinator {
    /// Keeps the timing of an answer whose gradient does not count: of a probe, or too late. Each round of an agent counts
    /// once, with its last chunk.
    pub(crate) fn take_timing(&mut self, now: Timestamp, agent: &AgentId, gradient: &Gradient) {
        let probe = self.timings.is_probe(gradient.round, agent);
        self.counters.late += u64::from(!probe);
        let Some(member) = self.roster.members.get_mut(agent) else { return };
        let fresh = gradient.session == member.join.session && gradient.round > member.timed;
        if !fresh || !is_last(gradient) {
            return;
        }
        let Some(published) = self.timings.of(gradient.round) else { return };
        let total_s = now.since(published.at).as_secs_f64();
        self.counters.probes += u64::from(probe);
        self.note_timed(agent, gradient.round);
        let (compute_s, own_s) = own_seconds(gradient.durations);
        let samples = gradient.samples;
        self.timings.note(Observation { agent: agent.clone(), samples, total_s, compute_s, own_s, late: false });
    }

    /// An agent has answered a round. If it has passed over one that was closed early, that one would have taken longer.
    pub(crate) fn note_timed(&mut self, agent: &AgentId, round: RoundId) {
        let Some(member) = self.roster.members.get_mut(agent) else { return };
        member.answers();
        member.timed = member.timed.max(round);
        match member.missed {
            Some((missed, total_s)) if round > missed => {
                member.missed = None;
                let (compute_s, own_s) = (total_s, total_s);
                // How much of its share it has done is not known: one sample at least was tried.
                self.timings.note(Observation {
                    agent: agent.clone(),
                    samples: 1,
                    total_s,
                    compute_s,
                    own_s,
                    late: true,
                });
            }
            Some((missed, _)) if round == missed => member.missed = None,
            _ => {}
        }
    }
}
