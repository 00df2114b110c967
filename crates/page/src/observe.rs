//! Makes a snapshot from the coordinator, the figures and what the page remembers.

use crate::board::Board;
use crate::figures::{Figures, data_mode, phase};
use crate::ideal::{Machine, ideal_s};
use crate::lines::Parts;
use crate::snapshot::{AgentView, Facts, Recent, Snapshot};
use crate::words::{self, Pace};
use heijunka_allocate::Outlook;
use heijunka_round::{Coordinator, MemberView};
use heijunka_units::AgentId;
use std::sync::Arc;
use std::time::Duration;

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
    /// The job as it is now.
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
