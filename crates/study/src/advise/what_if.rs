//! The fleet with one machine less or one machine more, simulated on the same recorded rounds.

use crate::simulate::parallel::side_by_side;
use crate::simulate::{Figures, Fleetlike, Setup, Simulated, simulate_one};
use heijunka_allocate::PolicyName;
use heijunka_settings::Failure;
use heijunka_units::{AgentId, readable_seconds};
use heijunka_wire::limits::AGENTS_MAX;
use serde::Serialize;

/// Agents that are tried each way: those with the smallest shares to leave out, those with the largest to have twice.
pub(crate) const TRIED_MAX: usize = 32;
/// Savings below this fraction are not reported.
pub(crate) const SAVING_MIN: f64 = 0.01;
/// A second machine has the costs of the first this many rounds later: delays of its own, but the same drift.
const SHIFT_ROUNDS: u64 = 101;

/// What is tried.
pub(crate) struct WhatIf<'a> {
    pub(crate) fleet: &'a Fleetlike<'a>,
    pub(crate) recorded: u64,
    pub(crate) setup: Setup,
    pub(crate) policy: PolicyName,
}

/// What came of it.
pub(crate) struct Tried {
    pub(crate) base: Simulated,
    pub(crate) equal: Simulated,
    /// Not every agent was tried.
    pub(crate) is_partial: bool,
    changed: Vec<(Change, AgentId, f64)>,
}

/// How the fleet changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// One agent less.
    Without,
    /// The same machine once more.
    Second,
}

/// What a change brings.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    change: Change,
    agent: String,
    /// As it is called in sentences.
    #[serde(skip)]
    name: String,
    /// Seconds for as many samples as a whole batch has.
    seconds_per_batch: f64,
    /// Of the seconds with the fleet as it is; negative if rounds become longer.
    saving_fraction: f64,
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn is_useful(&self) -> bool {
        self.saving_fraction >= SAVING_MIN
    }

    /// Rounds take as long without it.
    pub(crate) fn is_idle(&self) -> bool {
        self.change == Change::Without && self.saving_fraction.abs() < SAVING_MIN
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl WhatIf<'_> {
    /// Simulates the fleet as it is, with equal shares, and changed in every way.
    pub(crate) fn tries(&self) -> Result<Tried, Failure> {
        let same: Vec<usize> = (0..self.fleet.agents.len()).collect();
        let two = [self.policy, PolicyName::Equal];
        let mut two = side_by_side(&two, |policy| simulate_one(&self.changed(&same, None), *policy, &self.setup));
        let (Some(equal), Some(base)) = (two.pop(), two.pop()) else {
            return Err(Failure::new(heijunka_settings::Exit::Unavailable, "nothing was simulated"));
        };
        let (base, equal) = (base?, equal?);
        let changes = self.changes(&base);
        let seconds = side_by_side(&changes, |(change, agent)| {
            let fleet = match change {
                Change::Without => {
                    let others: Vec<usize> = same.iter().copied().filter(|other| other != agent).collect();
                    self.changed(&others, None)
                }
                Change::Second => self.changed(&same, Some(*agent)),
            };
            simulate_one(&fleet, self.policy, &self.setup).map(|done| Figures::new(&done, &self.setup).settled_s())
        });
        let mut changed = Vec::new();
        for ((change, agent), seconds) in changes.into_iter().zip(seconds) {
            if let Some(id) = self.fleet.agents.get(agent) {
                changed.push((change, id.clone(), seconds?));
            }
        }
        Ok(Tried { base, equal, is_partial: same.len() > TRIED_MAX, changed })
    }

    /// Which changes to try, by the shares that agents had.
    fn changes(&self, base: &Simulated) -> Vec<(Change, usize)> {
        let count = self.fleet.agents.len();
        let share = |agent: usize| -> u64 {
            base.shares.iter().filter_map(|shares| shares.get(agent)).map(|share| u64::from(*share)).sum()
        };
        let mut by_share: Vec<usize> = (0..count).collect();
        by_share.sort_by_key(|agent| share(*agent));
        // A fleet of one cannot lose a machine, a full one cannot get one.
        let least = by_share.iter().take(if count > 1 { TRIED_MAX } else { 0 });
        let most = by_share.iter().rev().take(if count < AGENTS_MAX { TRIED_MAX } else { 0 });
        let without = least.map(|agent| (Change::Without, *agent));
        without.chain(most.map(|agent| (Change::Second, *agent))).collect()
    }

    /// The fleet of those agents, and one of them twice, in the last recorded rounds.
    fn changed(&self, kept: &[usize], twice: Option<usize>) -> Fleetlike<'_> {
        let begin = self.recorded.saturating_sub(self.setup.rounds);
        let mut parts: Vec<(usize, u64)> = kept.iter().map(|agent| (*agent, begin)).collect();
        let mut agents: Vec<AgentId> = kept.iter().filter_map(|agent| self.fleet.agents.get(*agent)).cloned().collect();
        if let Some(agent) = twice {
            parts.push((agent, begin + SHIFT_ROUNDS.min(self.recorded / 2)));
            agents.extend(another_name(&agents));
        }
        let of = &self.fleet.costs;
        let costs = move |round, agent: usize| match parts.get(agent) {
            Some((original, later)) => of(round + later, *original),
            None => heijunka_sim::Costs::default(),
        };
        Fleetlike { agents, costs: Box::new(costs) }
    }
}

/// A name that no agent has.
fn another_name(agents: &[AgentId]) -> Option<AgentId> {
    let names = (0..=agents.len()).filter_map(|number| AgentId::new(&format!("second-{number}")).ok());
    names.into_iter().find(|name| !agents.contains(name))
}

impl Tried {
    /// What each change brings beside `base` seconds, the most useful first.
    pub(crate) fn findings(&self, base: f64, per_week_rounds: Option<u64>) -> Vec<Finding> {
        let finding = |(change, agent, seconds): &(Change, AgentId, f64)| Finding {
            change: *change,
            agent: agent.to_string(),
            name: called(agent),
            seconds_per_batch: *seconds,
            saving_fraction: 1.0 - seconds / base,
            text: text(*change, agent, *seconds, base, per_week_rounds),
        };
        let mut findings: Vec<Finding> = self.changed.iter().map(finding).collect();
        findings.sort_by(|a, b| b.saving_fraction.total_cmp(&a.saving_fraction));
        findings
    }
}

fn text(change: Change, agent: &AgentId, seconds: f64, base: f64, per_week_rounds: Option<u64>) -> String {
    let percent = 100.0 * (seconds / base - 1.0).abs();
    let numbers = format!("({seconds:.3} s instead of {base:.3} s)");
    let name = called(agent);
    let mut text = match change {
        Change::Without if percent < 0.5 => format!("without {name} rounds take as long {numbers}"),
        Change::Without if seconds < base => format!("without {name} rounds are {percent:.0} % shorter {numbers}"),
        Change::Without => format!("without {name} rounds are {percent:.0} % longer {numbers}"),
        Change::Second if percent < 0.5 => format!("a second {name} saves nothing {numbers}"),
        Change::Second if seconds < base => format!("a second {name} saves {percent:.0} % {numbers}"),
        Change::Second => format!("a second {name} costs {percent:.0} % {numbers}"),
    };
    if let Some(rounds) = per_week_rounds.filter(|_| seconds < base) {
        text += &format!(": {} a week", readable_seconds((base - seconds) * rounds as f64));
    }
    text
}

/// The agent's name; a bare number needs a word before it.
fn called(agent: &AgentId) -> String {
    let number = agent.as_str().bytes().all(|byte| byte.is_ascii_digit());
    if number { format!("agent {agent}") } else { agent.to_string() }
}
