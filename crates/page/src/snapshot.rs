//! What the server is handed: the job as it is at one moment, unchangeable.

use crate::board::{AgentHistory, Board, Sums};
use crate::figures::{Figures, data_mode, phase};
use crate::ideal::{Machine, ideal_s};
use crate::lines::{Column, EventLine, Parts, RoundLine, ScoreLine, ShareLine};
use crate::what_if::Finding;
use crate::words::{self, Pace};
use heijunka_allocate::Outlook;
use heijunka_round::{Coordinator, Counters, DownlinkView, MemberView, OwnLimits};
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
    /// What holds it back, with numbers.
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
    /// The phase in one word; "connecting" before the broker has been heard.
    pub(crate) phase: &'static str,
    /// Somebody has asked to pause.
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

/// What is seen besides the board.
pub(crate) struct Seen<'a> {
    pub(crate) coordinator: &'a Coordinator,
    pub(crate) figures: &'a Figures,
    pub(crate) connected: bool,
    pub(crate) elapsed: Duration,
    /// Why the job is over.
    pub(crate) ended: Option<&'a str>,
}

impl Snapshot {
    /// Before the broker has been heard.
    pub(crate) fn connecting(facts: Arc<Facts>) -> Self {
        let line = format!("Waiting for the broker at {}.", facts.broker);
        Self { facts, phase: "connecting", line, ..Self::default() }
    }

    pub(crate) fn new(facts: &Arc<Facts>, board: &Board, seen: &Seen<'_>) -> Self {
        let (coordinator, figures) = (seen.coordinator, seen.figures);
        let outlooks = coordinator.outlooks();
        let agents = agents(coordinator.members().collect(), board, &outlooks);
        let mut snapshot = Self {
            facts: Arc::clone(facts),
            phase: phase(coordinator, figures),
            held: coordinator.is_held(),
            obstacle: coordinator.obstacle().map(|found| format!("{}; {}", found.why, found.fix)),
            in_vain: board.in_vain,
            line: String::new(),
            connected: seen.connected,
            run: coordinator.run().0,
            data: data_mode(coordinator),
            step: coordinator.steps(),
            gone_on_after: coordinator.gone_on_after(),
            eta: figures.eta(coordinator),
            elapsed: seen.elapsed,
            loss: figures.loss.filter(|loss| loss.is_finite()),
            score: board.last_score,
            saved_s: figures.saved_seconds,
            reallocations: figures.reallocations,
            decision: figures.decision.clone(),
            cannot_save: figures.cannot_save.clone(),
            recent: recent(board, ideal(&agents, facts.batch_samples)),
            counters: coordinator.counters(),
            downlink: coordinator.downlink(),
            sums: board.sums,
            agents,
            what_if: Arc::default(),
            names: Arc::clone(&board.names),
            rounds: board.rounds.points().clone(),
            scores: board.scores.points().clone(),
            shares: board.shares.points().clone(),
            columns: board.columns.clone(),
            events: board.events.clone(),
        };
        if seen.ended.is_some() {
            (snapshot.phase, snapshot.eta, snapshot.held) = ("finished", None, false);
        }
        snapshot.line = words::line(&snapshot, seen.ended);
        snapshot
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

/// The outlooks come in the order of names, as the members do; a policy may leave some out.
fn outlook_of<'a>(outlooks: &'a [Outlook], agent: &AgentId) -> Option<&'a Outlook> {
    let place = outlooks.binary_search_by(|outlook| outlook.agent.cmp(agent)).ok()?;
    outlooks.get(place)
}

fn agents(members: Vec<MemberView>, board: &Board, outlooks: &[Outlook]) -> Vec<AgentView> {
    let mut views: Vec<AgentView> = members
        .into_iter()
        .map(|member| {
            let history = board.agents.get(&member.agent).cloned().unwrap_or_default();
            let (recent, recent_missed) = history.recent();
            let outlook = outlook_of(outlooks, &member.agent).filter(|_| member.online);
            AgentView {
                outlook: outlook.map(|outlook| outlook.text.clone()),
                machine: outlook.and_then(expected).or_else(|| measured(recent)),
                agent: member.agent,
                online: member.online,
                rows: member.rows,
                share_samples: member.share_samples,
                limits: member.limits,
                recent,
                recent_missed,
                history,
                why: String::new(),
            }
        })
        .collect();
    let pace = Pace::of(&views);
    views.iter_mut().for_each(|view| view.why = words::why(view, pace.as_ref()));
    views
}

/// As the policy sees the machine.
fn expected(outlook: &Outlook) -> Option<Machine> {
    let (fixed_s, per_sample_s) = (outlook.fixed_s + outlook.network_s, outlook.per_sample_s);
    (per_sample_s > 0.0).then_some(Machine { fixed_s, per_sample_s })
}

/// As the recent rounds were.
fn measured(recent: Option<Parts>) -> Option<Machine> {
    let parts = recent.filter(|parts| parts.samples > 0.0)?;
    Some(Machine { fixed_s: parts.network_s, per_sample_s: parts.compute_s / parts.samples })
}

fn ideal(agents: &[AgentView], batch_samples: u32) -> Option<f64> {
    let here = agents.iter().filter(|view| view.online);
    ideal_s(here.filter_map(|view| view.machine), f64::from(batch_samples))
}

fn recent(board: &Board, ideal_s: Option<f64>) -> Recent {
    let count = board.recent.len() as f64;
    let round_s: f64 = board.recent.iter().map(|span| span.round_s).sum();
    let equal_s: f64 = board.recent.iter().map(|span| span.equal_s).sum();
    if count == 0.0 || round_s <= 0.0 {
        return Recent::default();
    }
    Recent {
        round_s: Some(round_s / count),
        ideal_s,
        equal_s: Some(equal_s / count),
        saved_s_per_hour: Some(3600.0 * (equal_s - round_s) / round_s),
    }
}
