//! `[allocation]`: who computes how much, and when a round ends.

use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_round::Patience;
use heijunka_settings::{Problem, Span, between};
use heijunka_units::{AgentId, Samples};
use heijunka_wire::limits::AGENTS_MAX;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// When a round ends.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Exact,
    Guard,
    Anytime,
}

/// `[allocation]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Allocation {
    /// Policy that divides the work: adaptive, equal, or the base paper's dynamic and enhanced. `policy = "adaptive"`
    policy: String,
    /// exact: a round ends with its whole batch; guard, anytime: see docs/allocation.md. `round_end = "exact"`
    round_end: End,
    /// Fixed shares, in samples per round; for example `pins = { press-07 = 16 }`
    pins: BTreeMap<String, Samples>,
    /// Training waits while there are fewer agents, 1 to 1024. `min_agents = 1`
    min_agents: usize,
    /// How long to wait for further agents before the first round. `gather = "2s"`
    gather: Span,
    /// Least time that a round waits for late agents. `deadline_floor = "5s"`
    deadline_floor: Span,
    /// Time that a round waits, as a multiple of the slowest recent round, 1 to 1000. `deadline_factor = 3.0`
    deadline_factor: f64,
    /// Longest time that a round waits, 100ms or more; for example `deadline = "30s"`
    deadline: Option<Span>,
    /// Share of the agents below which a round is repeated, 0.01 to 1. `quorum = 0.5`
    quorum: f64,
}

impl Default for Allocation {
    fn default() -> Self {
        let patience = Patience::default();
        Self {
            policy: PolicyName::default().to_string(),
            round_end: End::Exact,
            pins: BTreeMap::new(),
            min_agents: 1,
            gather: Span::from_secs(2),
            deadline_floor: Span::from_secs(5),
            deadline_factor: patience.deadline_factor,
            deadline: None,
            quorum: patience.quorum,
        }
    }
}

impl Allocation {
    /// Who levels.
    pub(super) fn policy(&self) -> Result<PolicyName, Problem> {
        self.policy.parse().map_err(|error: heijunka_allocate::UnknownPolicy| {
            Problem::new(
                "allocation.policy",
                error.to_string(),
                format!("write policy = \"{}\"", PolicyName::default()),
            )
        })
    }

    /// When a round ends.
    pub(super) fn round_end(&self) -> RoundEnd {
        match self.round_end {
            End::Exact => RoundEnd::Exact,
            End::Guard => RoundEnd::Guard,
            End::Anytime => RoundEnd::Anytime,
        }
    }

    /// Shares that stay as they are, of a batch of `batch` samples.
    pub(super) fn pins(&self, batch: u32) -> Result<BTreeMap<AgentId, Samples>, Problem> {
        let pins = &self.pins;
        let sum: u64 = pins.values().map(|pin| u64::from(*pin)).sum();
        if sum > u64::from(batch) {
            let message = format!("the pins hold {sum} samples, the global batch {batch}");
            return Err(Problem::new("allocation.pins", message, "lower the pins, or raise global_batch_samples"));
        }
        let named = |(name, pin): (&String, &Samples)| {
            let agent = AgentId::new(name).map_err(|error| {
                Problem::new(
                    "allocation.pins",
                    format!("\"{name}\" is not a valid agent name: {error}"),
                    "write the agent's name as in its settings file",
                )
            })?;
            Ok((agent, *pin))
        };
        pins.iter().map(named).collect()
    }

    /// How long rounds wait, and for whom.
    pub(super) fn patience(&self) -> Result<Patience, Problem> {
        if !(1..=AGENTS_MAX).contains(&self.min_agents) {
            let message = format!("{} is out of range", self.min_agents);
            return Err(Problem::new("allocation.min_agents", message, format!("write 1 to {AGENTS_MAX}")));
        }
        Ok(Patience {
            min_agents: self.min_agents,
            gather: self.gather.duration(),
            deadline_floor: self.deadline_floor.duration(),
            deadline_max: self.deadline_max()?,
            deadline_factor: between("allocation.deadline_factor", self.deadline_factor, 1.0, 1000.0)?,
            quorum: between("allocation.quorum", self.quorum, 0.01, 1.0)?,
            ..Patience::default()
        })
    }

    fn deadline_max(&self) -> Result<Duration, Problem> {
        match self.deadline.map(Span::duration) {
            Some(deadline) if deadline < Duration::from_millis(100) => {
                Err(Problem::new("allocation.deadline", "less than 100 ms", "write for example deadline = \"30s\""))
            }
            deadline => Ok(deadline.unwrap_or(Duration::MAX)),
        }
    }
}
