//! The paper's rule for the shares, which `dynamic` and `enhanced` have in common.
//!
//! Vineeth S, "Distributed Optimization using Heterogeneous Compute Systems", arXiv 2110.08941: worker m holds the
//! fraction p_m of the batch, 1/M at first. After each epoch, with t_m the mean time that the worker took for a batch:
//!
//! p_m <- (p_m / t_m) / sum over j of (p_j / t_j),  n_m = floor(p_m B)
//!
//! Where the paper is silent: a share is kept within 1 sample and the agent's bound, and what that cuts off goes to
//! the others in proportion; an agent that was not measured counts as one of mean time; a newcomer starts with the
//! mean share; times measured before the agents, their bounds or the batch changed do not count.

use crate::whole::{Bounds, bounds, fill};
use crate::{Candidate, Decision, Observation, Share, agents, shares, shortfall};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use heijunka_units::{AgentId, Samples};

/// Times are taken to be in this range, so that their quotients stay finite.
const TIME_RANGE_S: (f64, f64) = (1e-9, 1e9);
/// No fraction is smaller, also where the batch is too small for everybody.
const FRACTION_MIN: f64 = 1e-9;

/// How real shares become whole: of the shares, their bounds and the batch.
type Whole = fn(&[f64], &[Bounds], Samples) -> Vec<Samples>;

#[derive(Debug)]
struct Member {
    candidate: Candidate,
    /// p_m
    fraction: f64,
    time_sum_s: f64,
    times: u32,
}

impl Member {
    /// t_m
    fn mean_s(&self) -> Option<f64> {
        (self.times > 0).then(|| self.time_sum_s / f64::from(self.times))
    }
}

/// The state of the paper's rule.
#[derive(Debug, Default)]
pub(crate) struct Rule {
    members: Vec<Member>,
    batch: Samples,
    epoch: u64,
    last: Vec<Share>,
}

impl Rule {
    /// Adds up the times of the epoch.
    pub(crate) fn observe(&mut self, round: &[Observation]) {
        for seen in round.iter().filter(|seen| seen.total_s.is_finite() && seen.total_s > 0.0 && !seen.late) {
            if let Some(member) = self.member_mut(&seen.agent) {
                member.time_sum_s += seen.total_s.clamp(TIME_RANGE_S.0, TIME_RANGE_S.1);
                member.times = member.times.saturating_add(1);
            }
        }
    }

    fn member_mut(&mut self, agent: &AgentId) -> Option<&mut Member> {
        let place = self.members.binary_search_by(|member| member.candidate.agent.cmp(agent)).ok()?;
        self.members.get_mut(place)
    }

    /// Divides the batch, and moves the shares if an epoch has passed or the question has changed.
    pub(crate) fn decide(&mut self, candidates: &[Candidate], batch: Samples, epoch: u64, whole: Whole) -> Decision {
        let same = batch == self.batch && self.members.iter().map(|member| &member.candidate).eq(candidates);
        let grown = epoch > self.epoch;
        self.epoch = epoch;
        if !same {
            let reason = self.admit(candidates, batch);
            let (shares, caps) = self.divide(whole);
            return self.moved(shares, reason + &shortfall(&caps, batch));
        }
        let Some(mean_s) = self.mean_s().filter(|_| grown) else {
            return self.decision(self.last.clone(), "the shares stay".into(), false);
        };
        let times: Vec<f64> = self.members.iter().map(|member| member.mean_s().unwrap_or(mean_s)).collect();
        for (member, time_s) in self.members.iter_mut().zip(&times) {
            member.fraction /= time_s;
            (member.time_sum_s, member.times) = (0.0, 0);
        }
        self.normalise();
        let (shares, _) = self.divide(whole);
        let reason = self.moves(&shares, &times, mean_s);
        self.moved(shares, reason)
    }

    /// Mean over the measured agents of their mean times.
    fn mean_s(&self) -> Option<f64> {
        let (sum, count) = self.members.iter().filter_map(Member::mean_s).fold((0.0, 0), |(s, n), t| (s + t, n + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Takes over who there is. Returns what changed, in words.
    fn admit(&mut self, candidates: &[Candidate], batch: Samples) -> String {
        let old = core::mem::take(&mut self.members);
        let find = |agent: &AgentId| old.binary_search_by(|member| member.candidate.agent.cmp(agent)).ok();
        let known = |agent: &AgentId| find(agent).and_then(|place| old.get(place)).map(|member| member.fraction);
        let kept: Vec<f64> = candidates.iter().filter_map(|candidate| known(&candidate.agent)).collect();
        let mean = if kept.is_empty() { 1.0 } else { kept.iter().sum::<f64>() / kept.len() as f64 };
        self.members = candidates
            .iter()
            .map(|candidate| Member {
                candidate: candidate.clone(),
                fraction: known(&candidate.agent).unwrap_or(mean),
                time_sum_s: 0.0,
                times: 0,
            })
            .collect();
        self.batch = batch;
        self.normalise();
        let all = agents(candidates.len());
        if kept.is_empty() {
            return format!("equal shares until times are known: {batch} samples over {all}");
        }
        let (joined, left) = (candidates.len() - kept.len(), old.len() - kept.len());
        if (joined, left) == (0, 0) {
            return format!("other bounds or another batch: {batch} samples over {all}");
        }
        format!("{joined} joined with the mean share, {left} left: {batch} samples over {all}")
    }

    fn normalise(&mut self) {
        let sum: f64 = self.members.iter().map(|member| member.fraction).sum();
        for member in &mut self.members {
            member.fraction = (member.fraction / sum).max(FRACTION_MIN);
        }
    }

    /// Whole shares, and the bounds. A fraction that a bound cuts off is lost, so that it cannot run away unseen.
    fn divide(&mut self, whole: Whole) -> (Vec<Share>, Vec<Bounds>) {
        let candidates: Vec<Candidate> = self.members.iter().map(|member| member.candidate.clone()).collect();
        let caps = bounds(&candidates);
        let fractions: Vec<f64> = self.members.iter().map(|member| member.fraction).collect();
        let real = fill(&fractions, &caps, self.batch);
        for (member, share) in self.members.iter_mut().zip(&real).filter(|(_, share)| **share > 0.0) {
            member.fraction = (share / f64::from(self.batch)).max(FRACTION_MIN);
        }
        (shares(&candidates, &whole(&real, &caps, self.batch)), caps)
    }

    /// The largest move in words.
    fn moves(&self, shares: &[Share], times: &[f64], mean_s: f64) -> String {
        let moves = self.last.iter().zip(shares).zip(times);
        let mut largest: Option<(u32, String)> = None;
        for ((from, to), time_s) in moves {
            let by = from.samples.abs_diff(to.samples);
            if by > largest.as_ref().map_or(0, |(most, _)| *most) {
                let (from, samples, agent) = (from.samples, to.samples, &to.agent);
                let times = format!("{agent} took {time_s:.3} s against a mean of {mean_s:.3} s");
                largest = Some((by, format!("epoch {}: {times}: {from} -> {samples} samples", self.epoch)));
            }
        }
        largest.map_or_else(|| format!("epoch {}: the times call for the same shares", self.epoch), |(_, text)| text)
    }

    fn moved(&mut self, shares: Vec<Share>, reason: String) -> Decision {
        let moved = shares != self.last;
        self.last.clone_from(&shares);
        self.decision(shares, reason, moved)
    }

    fn decision(&self, shares: Vec<Share>, reason: String, moved: bool) -> Decision {
        Decision { shares, reason, moved, predicted_s: None, stop_s: None, close_s: None }
    }
}
