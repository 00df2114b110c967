//! One simulation: a fleet, a policy, and what its rounds were like.

use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_round::{Ending, RoundRecord};
use heijunka_settings::{Exit, Failure};
use heijunka_sim::{Costs, Replay};
use heijunka_units::AgentId;
use serde::Serialize;

/// Most points over time that shares are kept for.
pub(crate) const POINTS_MAX: u64 = 600;

/// Costs by round and agent.
pub(crate) type CostsOf<'a> = Box<dyn Fn(u64, usize) -> Costs + Sync + 'a>;

/// Agents and what they cost in every round.
pub(crate) struct Fleetlike<'a> {
    pub(crate) agents: Vec<AgentId>,
    pub(crate) costs: CostsOf<'a>,
}

/// What all simulations of a comparison have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) round_end: RoundEnd,
    pub(crate) batch_samples: u32,
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
}

impl Setup {
    pub(crate) fn round_end_name(&self) -> &'static str {
        match self.round_end {
            RoundEnd::Exact => "exact",
            RoundEnd::Guard => "guard",
            RoundEnd::Anytime => "anytime",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Simulated {
    pub(crate) policy: PolicyName,
    /// Seconds of each round, from its publication to its closing.
    pub(crate) seconds: Vec<f64>,
    /// Samples of each round that entered a step.
    pub(crate) samples: Vec<u32>,
    /// Rounds, after the first division, before which shares were moved.
    pub(crate) reallocations: u64,
    /// Rounds that ran into their deadline.
    pub(crate) overdue: u64,
    /// Samples that each agent was asked for, at every `share_every`-th round.
    pub(crate) shares: Vec<Vec<u32>>,
    pub(crate) share_every: u64,
    /// Why shares were moved, the last times that they were.
    pub(crate) decisions: Vec<Decided>,
    /// What the policy expects of each agent in the end, a sentence each; none if it does not predict.
    pub(crate) outlooks: Vec<String>,
}

/// A move of shares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Decided {
    pub(crate) round: u64,
    pub(crate) reason: String,
}

/// Most moves that are kept.
const DECISIONS_MAX: usize = 1000;

/// Runs it.
pub(crate) fn simulate(fleet: &Fleetlike<'_>, policy: PolicyName, setup: &Setup) -> Result<Simulated, Failure> {
    let share_every = setup.rounds.div_ceil(POINTS_MAX).max(1);
    let mut done = Simulated {
        policy,
        seconds: Vec::new(),
        samples: Vec::new(),
        reallocations: 0,
        overdue: 0,
        shares: Vec::new(),
        share_every,
        decisions: Vec::new(),
        outlooks: Vec::new(),
    };
    let replay = Replay {
        agents: &fleet.agents,
        policy,
        round_end: setup.round_end,
        batch_samples: setup.batch_samples,
        rounds: setup.rounds,
        seed: setup.seed,
    };
    let closed = |record: &RoundRecord, mind: &heijunka_round::Coordinator| {
        let number = done.seconds.len() as u64;
        if number.is_multiple_of(share_every) {
            done.shares.push(shares(&fleet.agents, record));
        }
        if let Some(reason) = &record.moved {
            if done.decisions.len() == DECISIONS_MAX {
                done.decisions.remove(0);
            }
            done.decisions.push(Decided { round: record.round.0, reason: reason.clone() });
        }
        if number + 1 == setup.rounds {
            done.outlooks = mind.outlooks().into_iter().map(|outlook| outlook.text).collect();
        }
        done.seconds.push(record.seconds);
        done.samples.push(if record.ending == Ending::GivenUp { 0 } else { record.samples });
        done.reallocations += u64::from(number > 0 && record.moved.is_some());
        done.overdue += u64::from(record.seconds >= record.deadline_s);
    };
    replay.run(&fleet.costs, closed).map_err(|error| {
        Failure::new(Exit::Config, format!("the simulation of {policy} does not end"))
            .why(error.to_string())
            .fix("look for agents whose costs are far longer than the others'")
    })?;
    Ok(done)
}

fn shares(agents: &[AgentId], record: &RoundRecord) -> Vec<u32> {
    let assigned = |agent: &AgentId| {
        let place = record.agents.binary_search_by(|one| one.agent.cmp(agent)).ok()?;
        record.agents.get(place).map(|one| one.assigned)
    };
    agents.iter().map(|agent| assigned(agent).unwrap_or(0)).collect()
}
