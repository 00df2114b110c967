//! `adaptive`: the shares that minimise the expected time of the slowest agent, learned on line.
//!
//! Every round: estimates of each agent's computing and network (`compute`, `network`), the law of its next time as
//! scenarios (`law`), the shares that minimise E[max] over them (`solve`), and whether moving pays.

mod anytime;
mod compute;
mod filter;
mod law;
mod machine;
mod network;
mod persistence;
mod ratios;
mod rivals;
mod slowest;
mod solve;
mod tails;
#[cfg(test)]
mod tests;
mod words;

use crate::whole::{Bounds, available, bounds, fill, largest_remainder};
use crate::{Announced, Candidate, Decision, Observation, Outlook, Policy, RoundEnd, Share, Weighting, shortfall};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use anytime::{Anytime, Runner, anytime};
use heijunka_units::{AgentId, Samples};
use law::{Common, Law};
use machine::{Lessons, Machine, When};
use slowest::Slowest;
use solve::{Problem, solve};
use tails::Tails;

/// Scenarios of each agent: more where there are few agents.
const SCENARIOS: (usize, usize) = (48, 24);
const FEW_AGENTS: usize = 8;
/// Machines that are remembered, also when they are away: some 10 KB each.
const MACHINES_MAX: usize = 2048;
/// A gain below this part of the round is not worth moving for.
const DEAD_BAND: f64 = 0.005;
/// A move must pay for itself within so many rounds.
const HORIZON_ROUNDS: f64 = 12.0;
/// What a decision costs for each agent, in seconds, on a slow machine; it is made before the round begins.
const DECISION_COST_S: f64 = 60e-6;
/// The longest time between two decisions, and the rounds at first in which each is decided again.
const REST_ROUNDS_MAX: u64 = 16;
const WARM_UP_ROUNDS: u64 = 20;
/// What sending one agent its new share costs the round, in seconds.
const MOVE_COST_S: f64 = 50e-6;
/// A guard stops computing at so many times the predicted time.
const GUARD_FACTOR: f64 = 1.2;
/// With the whole batch asked for, at so many times, and at least so many seconds more: the rest is then for others.
const SPARE: (f64, f64) = (2.0, 0.1);
/// This many agents are needed to separate a delay that all have from their own ones.
const COMMON_AGENTS_MIN: usize = 5;
/// Samples of a probe: this part of an equal share.
const PROBE_PART: Samples = 16;

/// What `adaptive` is made of. Everything is on, unless its worth is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingredients {
    /// Jumps re-open the filters.
    pub change_detection: bool,
    /// The law depends on what was last seen.
    pub regimes: bool,
    /// The law is more than its mean.
    pub scatter: bool,
    /// Agents may be left out.
    pub exclusion: bool,
    /// Agents that sit out are probed.
    pub probes: bool,
    /// Rounds between two decisions.
    pub decide_every_rounds: u64,
}

impl Default for Ingredients {
    fn default() -> Self {
        Self {
            change_detection: true,
            regimes: true,
            scatter: true,
            exclusion: true,
            probes: true,
            decide_every_rounds: 1,
        }
    }
}

/// How long the last rounds took.
#[derive(Debug, Default)]
struct Clock {
    seconds: VecDeque<f64>,
}

impl Clock {
    const ROUNDS: usize = 64;

    /// A round took as long as the slowest of those who had a share.
    fn round_ends(&mut self, round: &[Observation], shares: &[Share]) {
        let counted = |seen: &&Observation| {
            shares
                .binary_search_by(|share| share.agent.cmp(&seen.agent))
                .ok()
                .and_then(|at| shares.get(at))
                .is_some_and(|share| share.samples > 0)
        };
        let slowest = round.iter().filter(counted).map(|seen| seen.total_s).fold(0.0, f64::max);
        if self.seconds.len() == Self::ROUNDS {
            self.seconds.pop_back();
        }
        self.seconds.push_front(slowest);
    }

    /// How many rounds before the last one an answer was asked for that took so long.
    fn rounds_within(&self, seconds: f64) -> u64 {
        let mut passed = 0.0;
        let over = |round: &&f64| {
            passed += **round;
            passed < seconds - 1e-9
        };
        self.seconds.iter().take_while(over).count() as u64
    }
}

/// See the module's words.
#[derive(Debug, Default)]
pub struct Adaptive {
    ingredients: Ingredients,
    end: RoundEnd,
    machines: BTreeMap<AgentId, Machine>,
    lessons: Lessons,
    round: u64,
    /// By how much people's count of rounds is ahead: they do not count those that were given up, and continue where a model was left.
    ahead: i64,
    last: Vec<Share>,
    asked: (Vec<Candidate>, Samples),
    outlooks: Vec<Outlook>,
    slowest: Slowest,
    clock: Clock,
    /// Something has happened since the last decision.
    urgent: bool,
    rest_until: u64,
    resting: Option<Decision>,
}

impl Adaptive {
    /// A policy for rounds that end like this, with these ingredients.
    #[must_use]
    pub fn new(ingredients: Ingredients, end: RoundEnd) -> Self {
        Self { ingredients, end, ..Self::default() }
    }

    /// When its rounds end.
    #[must_use]
    pub const fn round_end(&self) -> RoundEnd {
        self.end
    }

    fn common<'a>(&'a self, tails: &'a [Tails; 3]) -> Common<'a> {
        Common {
            persistence: &self.lessons.persistence,
            chain: &self.lessons.chain,
            tails,
            after_burst: &self.lessons.after_burst,
            regimes: self.ingredients.regimes,
            scatter: self.ingredients.scatter,
        }
    }

    /// Makes room for a newcomer: an agent that is away and was not seen for the longest time is a newcomer when it returns.
    fn forget_the_longest_away(&mut self) {
        if self.machines.len() < MACHINES_MAX {
            return;
        }
        let here = |agent: &AgentId| self.asked.0.binary_search_by(|candidate| candidate.agent.cmp(agent)).is_ok();
        let away = self.machines.iter().filter(|(agent, _)| !here(agent));
        if let Some(agent) = away.min_by_key(|(_, machine)| machine.seen()).map(|(agent, _)| agent.clone()) {
            self.machines.remove(&agent);
        }
    }

    /// Median log ratio of the agents' travelling in this round, if there are enough to separate it from their own.
    fn common_delay(&self, round: &[Observation]) -> f64 {
        let log = |seen: &Observation| self.machines.get(&seen.agent)?.travel_log_ratio(seen);
        let mut logs: Vec<f64> = round.iter().filter_map(log).collect();
        logs.sort_unstable_by(f64::total_cmp);
        if logs.len() < COMMON_AGENTS_MIN { 0.0 } else { ratios::quantile(&logs, 0.5) }
    }

    /// The candidates' laws; a newcomer's is that of the middle one of those that are known, with its own limits. `None` if
    /// none is known.
    fn laws(&self, candidates: &[Candidate]) -> Option<Vec<Law>> {
        let known = || candidates.iter().filter_map(|candidate| self.machines.get(&candidate.agent));
        let tails = [
            Tails::learn(known().map(|machine| machine.compute().ratios())),
            Tails::learn(known().map(|machine| machine.network.ratios())),
            Tails::learn(known().map(|machine| machine.network.after_usual())),
        ];
        let common = self.common(&tails);
        let scenarios = if candidates.len() <= FEW_AGENTS { SCENARIOS.0 } else { SCENARIOS.1 };
        let known: Vec<Option<Law>> = candidates
            .iter()
            .enumerate()
            .map(|(turn, candidate)| {
                self.machines.get(&candidate.agent).map(|machine| machine.law(&common, self.round, turn, scenarios))
            })
            .collect();
        let pairs = || candidates.iter().zip(&known);
        let mut typical: Vec<(Announced, &Law)> =
            pairs().filter_map(|(candidate, law)| Some((candidate.announced, law.as_ref()?))).collect();
        let whole = Announced::default();
        let slope = |of: &(Announced, &Law)| of.1.slopes.iter().sum::<f64>() * whole.slower_than(of.0);
        typical.sort_by(|a, b| slope(a).total_cmp(&slope(b)));
        let (its, typical) = *typical.get(typical.len() / 2)?;
        let newcomer = |candidate: &Candidate| typical.announced(its, candidate.announced);
        Some(pairs().map(|(candidate, law)| law.clone().unwrap_or_else(|| newcomer(candidate))).collect())
    }

    /// Shares by what agents say of their limits: equal ones if they say the same.
    fn first(&mut self, candidates: &[Candidate], batch: Samples) -> Decision {
        let all = bounds(candidates);
        let weights: Vec<f64> = candidates.iter().map(|candidate| candidate.announced.weight()).collect();
        let shares = crate::shares(candidates, &largest_remainder(&fill(&weights, &all, batch), &all, batch));
        let same = candidates.windows(2).all(|pair| matches!(pair, [a, b] if a.announced == b.announced));
        let reason = words::no_times_yet(candidates.len(), batch, same) + &shortfall(&all, batch);
        self.outlooks.clear();
        self.decided(shares, reason, None)
    }

    fn decided(&mut self, shares: Vec<Share>, reason: String, predicted_s: Option<f64>) -> Decision {
        let counted = |all: &[Share]| all.iter().map(|s| (s.agent.clone(), s.samples)).collect::<Vec<_>>();
        let moved = counted(&shares) != counted(&self.last);
        self.last.clone_from(&shares);
        let stop_s = predicted_s.map(|seconds| match self.end {
            RoundEnd::Exact => (seconds * SPARE.0).max(seconds + SPARE.1),
            RoundEnd::Guard | RoundEnd::Anytime => seconds * GUARD_FACTOR,
        });
        Decision { shares, reason, moved, predicted_s, stop_s, close_s: None }
    }

    /// The common time and the upper bounds as shares, of everybody or of those alone who have a share of the exact
    /// batch, whichever is sooner; `None` unless rounds end so.
    fn anytime(
        &mut self,
        candidates: &[Candidate],
        laws: &[Law],
        samples: &[Samples],
        total: Samples,
    ) -> Option<Anytime> {
        if self.end != RoundEnd::Anytime {
            return None;
        }
        let everybody = vec![1; candidates.len()];
        let some = self.anytime_of(candidates, laws, samples, total);
        let all = self.anytime_of(candidates, laws, &everybody, total);
        match (all, some) {
            (Some(all), Some(some)) if some.seconds < all.seconds => Some(some),
            (all, some) => all.or(some),
        }
    }

    fn anytime_of(
        &mut self,
        candidates: &[Candidate],
        laws: &[Law],
        samples: &[Samples],
        total: Samples,
    ) -> Option<Anytime> {
        let allowance = |agent| self.machines.get(agent).map_or(0.0, |machine| machine.network.usual_s());
        let taking_part = || samples.iter().enumerate().filter(|(_, samples)| **samples > 0).map(|(index, _)| index);
        let runners: Vec<Runner<'_>> = taking_part()
            .filter_map(|index| {
                let (candidate, law) = (candidates.get(index)?, laws.get(index)?);
                let most = f64::from(candidate.samples_max.min(total));
                Some(Runner { law, allowance_s: allowance(&candidate.agent), most })
            })
            .collect();
        let mut found = anytime(&runners, f64::from(total), &mut self.slowest)?;
        let mut caps = vec![0; candidates.len()];
        for (index, cap) in taking_part().zip(&found.caps) {
            if let Some(place) = caps.get_mut(index) {
                *place = *cap;
            }
        }
        found.caps = caps;
        Some(found)
    }

    /// The last decision once more, while deciding again costs more than it is likely to gain.
    fn rest(&self) -> Option<Decision> {
        let rests = self.round < self.rest_until && !self.urgent && self.end != RoundEnd::Anytime;
        self.resting.clone().filter(|_| rests)
    }

    /// Where rounds are short, a decision takes longer than a dead band of the round: it is then made less often, unless
    /// something happens or an agent sits out.
    fn plan_rest(&mut self, decision: &Decision, seconds: f64) {
        self.urgent = decision.shares.iter().any(|share| share.samples == 0);
        let cost_s = DECISION_COST_S * decision.shares.len() as f64;
        let rounds = (cost_s / (DEAD_BAND * seconds).max(1e-9)) as u64;
        let warm = self.round > WARM_UP_ROUNDS;
        self.rest_until = if warm { self.round + rounds.min(REST_ROUNDS_MAX) } else { 0 };
        let reason = words::stays(seconds);
        self.resting = Some(Decision { reason, moved: false, ..decision.clone() });
    }

    /// The shares that stand, if the question is still the same.
    fn standing(&self, candidates: &[Candidate], batch: Samples) -> Option<Vec<f64>> {
        let same = self.asked.1 == batch && self.asked.0 == candidates && self.last.len() == candidates.len();
        same.then(|| self.last.iter().map(|share| f64::from(share.samples)).collect())
    }

    /// The candidates' bounds. Who has yet to answer a probe gets nothing, if the others can do without it.
    fn bounds(&self, candidates: &[Candidate], batch: Samples) -> Vec<Bounds> {
        let given = bounds(candidates);
        let busy = |candidate: &Candidate, bound: &Bounds| {
            let probing = self.machines.get(&candidate.agent).is_some_and(|machine| machine.is_probing(self.round));
            if probing && bound.least == 0 { Bounds { least: 0, most: 0 } } else { *bound }
        };
        let kept: Vec<Bounds> =
            candidates.iter().zip(&given).map(|(candidate, bound)| busy(candidate, bound)).collect();
        if available(&kept, batch) == available(&given, batch) { kept } else { given }
    }

    fn with_probes(&mut self, candidates: &[Candidate], samples: &[Samples], batch: Samples) -> Vec<Share> {
        let size = (batch / (candidates.len().max(1) as Samples) / PROBE_PART).max(1);
        let (round, probes) = (self.round, self.ingredients.probes);
        let mut shares = crate::shares(candidates, samples);
        for (share, candidate) in shares.iter_mut().zip(candidates) {
            let Some(machine) = self.machines.get_mut(&share.agent).filter(|_| probes) else { continue };
            share.probe = machine.probe(share.samples, round, size.min(candidate.samples_max));
        }
        shares
    }
}

impl Policy for Adaptive {
    fn name(&self) -> &'static str {
        "adaptive"
    }

    fn weighting(&self) -> Weighting {
        Weighting::PerSample
    }

    fn observe(&mut self, round: &[Observation]) {
        self.round += 1;
        self.forget_the_longest_away();
        let full = self.machines.len() >= MACHINES_MAX;
        self.clock.round_ends(round, &self.last);
        let common = self.common_delay(round);
        for seen in round {
            let of = self.round.saturating_sub(self.clock.rounds_within(seen.total_s));
            let share =
                self.last.binary_search_by(|share| share.agent.cmp(&seen.agent)).ok().and_then(|at| self.last.get(at));
            let stopped = share.is_some_and(|share| seen.samples < share.samples);
            let when = When { of, round: self.round, stopped, common };
            match self.machines.get_mut(&seen.agent) {
                Some(machine) => {
                    let detects = self.ingredients.change_detection;
                    self.urgent |= machine.observe(seen, when, detects, &mut self.lessons);
                }
                None if !full => {
                    self.urgent = true;
                    if let Some(machine) = Machine::open(seen, self.round) {
                        self.machines.insert(seen.agent.clone(), machine);
                    }
                }
                None => {}
            }
        }
        for (agent, machine) in &mut self.machines {
            if !round.iter().any(|seen| seen.agent == *agent) {
                machine.unseen();
            }
        }
    }

    fn count(&mut self, rounds: u64) {
        self.ahead = rounds as i64 - self.round as i64;
    }

    fn decide(&mut self, candidates: &[Candidate], batch: Samples, _epoch: u64) -> Decision {
        let standing = self.standing(candidates, batch);
        if standing.is_some()
            && let Some(rest) = self.rest()
        {
            return rest;
        }
        let all = self.bounds(candidates, batch);
        let total = available(&all, batch);
        let Some(laws) = self.laws(candidates).filter(|_| total > 0) else {
            self.asked = (candidates.to_vec(), batch);
            return self.first(candidates, batch);
        };
        self.asked = (candidates.to_vec(), batch);
        let real = solve::real_bounds(&all, total);
        let problem =
            Problem { laws: &laws, bounds: &real, total: f64::from(total), excludes: self.ingredients.exclusion };
        let stands = standing.map(|shares| (self.slowest.expect(&laws, &shares), shares));
        let pause = !self.round.is_multiple_of(self.ingredients.decide_every_rounds.max(1));
        let (mut samples, mut seconds) = match &stands {
            Some((seconds, shares)) if pause => (shares.iter().map(|share| *share as Samples).collect(), *seconds),
            _ => solve(&problem, &mut self.slowest),
        };
        let mut gain_s = None;
        if let Some((now_s, shares)) = stands {
            let moves = shares.iter().zip(&samples).filter(|(from, to)| **from != f64::from(**to)).count();
            let gain = now_s - seconds;
            gain_s = Some(gain);
            if gain < DEAD_BAND * now_s || gain * HORIZON_ROUNDS < MOVE_COST_S * moves as f64 {
                (samples, seconds) = (shares.iter().map(|share| *share as Samples).collect(), now_s);
                gain_s = None;
            }
        }
        let anytime = self.anytime(candidates, &laws, &samples, total);
        if let Some(anytime) = &anytime {
            (samples, seconds) = (anytime.caps.clone(), anytime.seconds);
        }
        let shares = self.with_probes(candidates, &samples, batch);
        self.outlooks = words::outlooks(&shares, &laws, &self.machines, (batch, self.ahead));
        let reason = words::reason(&self.last, &shares, &self.outlooks, seconds, gain_s) + &shortfall(&all, batch);
        let decision = self.decided(shares, reason, Some(seconds));
        self.plan_rest(&decision, seconds);
        match anytime {
            Some(anytime) => Decision { stop_s: Some(anytime.stop_s), close_s: Some(anytime.close_s), ..decision },
            None => decision,
        }
    }

    fn outlooks(&self) -> Vec<Outlook> {
        self.outlooks.clone()
    }
}
