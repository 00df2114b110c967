//! What the server gets: the job at one moment, immutable.

use crate::board::{AgentHistory, Sums};
use crate::ideal::Machine;
use crate::lines::{Column, EventLine, Parts, RoundLine, ScoreLine, ShareLine};
use crate::what_if::Finding;
use heijunka_round::{Counters, DownlinkView, OwnLimits};
use heijunka_units::AgentId;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// What stays the same while a job lasts.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The plant.
    pub site: String,
    /// The training job.
    pub job: String,
    /// This machine's name.
    pub host: String,
    /// Who levels.
    pub policy: String,
    /// Host and port of the broker.
    pub broker: String,
    /// Steps after which the job ends.
    pub max_rounds: u64,
    /// Samples of a round.
    pub batch_samples: u32,
    /// Training waits while there are fewer agents.
    pub min_agents: usize,
    /// Whether the page takes orders.
    pub control: bool,
}

/// An agent, ready to be shown.
#[derive(Clone, Debug)]
pub(crate) struct AgentView {
    pub(crate) agent: AgentId,
    pub(crate) online: bool,
    pub(crate) rows: u64,
    pub(crate) share_samples: u32,
    /// What it says that it keeps to.
    pub(crate) limits: OwnLimits,
    /// Mean of the recent rounds that it answered.
    pub(crate) recent: Option<Parts>,
    pub(crate) recent_missed: usize,
    pub(crate) history: AgentHistory,
    /// What limits it, with numbers.
    pub(crate) why: String,
    /// What the policy expects of it.
    pub(crate) outlook: Option<String>,
    /// What it takes, as far as it is known.
    pub(crate) machine: Option<Machine>,
}

/// The last rounds, as means and sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Recent {
    /// Seconds from one round to the next.
    pub(crate) round_s: Option<f64>,
    pub(crate) ideal_s: Option<f64>,
    /// Estimated seconds with equal shares, from one round to the next.
    pub(crate) equal_s: Option<f64>,
    /// Seconds that an hour's work would take longer with equal shares; negative if less.
    pub(crate) saved_s_per_hour: Option<f64>,
}

/// The job at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) facts: Arc<Facts>,
    /// The phase in one word; "connecting" before the first connection to the broker.
    pub(crate) phase: &'static str,
    /// A person has requested a pause.
    pub(crate) held: bool,
    /// Why the job cannot begin with the agents that are here, and what to do.
    pub(crate) obstacle: Option<String>,
    /// Rounds that were given up one after the other, up to now.
    pub(crate) in_vain: u64,
    /// The phase in plain words.
    pub(crate) line: String,
    pub(crate) connected: bool,
    pub(crate) run: u64,
    pub(crate) data: &'static str,
    pub(crate) step: u64,
    /// The round of an unfinished model that this run went on after.
    pub(crate) gone_on_after: Option<u64>,
    pub(crate) eta: Option<Duration>,
    pub(crate) elapsed: Duration,
    pub(crate) loss: Option<f64>,
    pub(crate) score: Option<ScoreLine>,
    pub(crate) saved_s: f64,
    pub(crate) reallocations: u64,
    pub(crate) decision: Option<String>,
    /// Why the model cannot be written, and what to do.
    pub(crate) cannot_save: Option<String>,
    pub(crate) recent: Recent,
    pub(crate) counters: Counters,
    /// How the cap on what is sent is kept to, if there is one.
    pub(crate) downlink: Option<DownlinkView>,
    pub(crate) sums: Sums,
    pub(crate) agents: Vec<AgentView>,
    pub(crate) what_if: Arc<[Finding]>,
    /// Agents in the order in which shares and columns name them.
    pub(crate) names: Arc<Vec<AgentId>>,
    pub(crate) rounds: VecDeque<RoundLine>,
    pub(crate) scores: VecDeque<ScoreLine>,
    pub(crate) shares: VecDeque<ShareLine>,
    pub(crate) columns: VecDeque<Column>,
    pub(crate) events: VecDeque<Arc<EventLine>>,
}

impl Snapshot {
    /// Before the first connection to the broker.
    pub(crate) fn connecting(facts: Arc<Facts>) -> Self {
        let line = format!("Waiting for the broker at {}.", facts.broker);
        Self { facts, phase: "connecting", line, ..Self::default() }
    }

    /// The machines that are here, as far as they are known.
    pub(crate) fn machines(&self) -> Vec<(AgentId, Machine)> {
        let here = self.agents.iter().filter(|view| view.online);
        here.filter_map(|view| Some((view.agent.clone(), view.machine?))).collect()
    }

    pub(crate) fn online(&self) -> usize {
        self.agents.iter().filter(|agent| agent.online).count()
    }
}
