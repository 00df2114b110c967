//! What the aggregator publishes for people's tools: flat JSON with units in the names.

use heijunka_page::{Figures, data_mode, phase};
use heijunka_program::{host, now};
use heijunka_round::{Coordinator, Event};
use heijunka_units::{AgentId, RunId};
use serde::{Deserialize, Serialize};

/// `aggregator/state`
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) state: String,
    pub(crate) since: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) run: u64,
    pub(crate) host: String,
}

impl State {
    pub(crate) fn online(run: RunId) -> Self {
        Self { state: "online".into(), since: Some(now()), reason: None, run: run.0, host: host() }
    }

    pub(crate) fn lost(run: RunId) -> Self {
        let reason = Some("connection lost".into());
        Self { state: "offline".into(), since: None, reason, run: run.0, host: host() }
    }

    pub(crate) fn stopped(run: RunId, reason: String) -> Self {
        Self { state: "offline".into(), since: Some(now()), reason: Some(reason), run: run.0, host: host() }
    }
}

/// `agents/<id>/state`, as far as the aggregator reads it.
#[derive(Deserialize)]
pub(crate) struct AgentState {
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// Why an agent is not connected, in its own words.
#[derive(Debug, PartialEq)]
pub(crate) enum Absence {
    /// Outside its training hours.
    Away(String),
    /// A person or a service manager has stopped it.
    Stopped(String),
    /// It ended, or its connection did.
    Lost(String),
}

impl AgentState {
    /// Why the agent is not connected; `None` if it is.
    pub(crate) fn absence(&self) -> Option<Absence> {
        let reason: String = self.reason.as_deref().unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
        match self.state.as_str() {
            "away" => Some(Absence::Away(reason)),
            "offline" if reason == STOPPED => Some(Absence::Stopped(reason)),
            "offline" => Some(Absence::Lost(reason)),
            _ => None,
        }
    }
}

/// `aggregator/status`
#[derive(Serialize)]
struct StatusLine<'a> {
    phase: &'a str,
    /// Why the job cannot begin with the agents that are online.
    obstacle: Option<&'a str>,
    /// A person has requested a pause.
    pause_requested: bool,
    run: u64,
    round: u64,
    max_rounds: u64,
    /// The round of an unfinished model that this run went on after.
    gone_on_after_round: Option<u64>,
    agents_online: usize,
    policy: String,
    data: &'a str,
    loss: Option<f64>,
    held_out_loss: Option<f64>,
    accuracy: Option<f64>,
    macro_f1: Option<f64>,
    rmse: Option<f64>,
    pr_auc: Option<f64>,
    roc_auc: Option<f64>,
    best_f1: Option<f64>,
    threshold: Option<f64>,
    cost_per_row: Option<f64>,
    /// Why the model cannot be written, and what to do.
    cannot_save: Option<&'a str>,
    round_seconds: Option<f64>,
    saved_seconds: Option<f64>,
    eta_seconds: Option<f64>,
    accepted: u64,
    late: u64,
    duplicate: u64,
    rejected: u64,
    rounds_given_up: u64,
    reissued: u64,
    probes: u64,
    reallocations: u64,
    /// What `[limits] downlink` lets through, and for how long rounds have waited until their models had left.
    downlink_bps: Option<u64>,
    downlink_held_seconds: Option<f64>,
    /// Why the shares moved last.
    decision: Option<&'a str>,
    /// What is expected of each agent, a sentence each.
    shares: Vec<String>,
}

pub(crate) fn status(coordinator: &Coordinator, figures: &Figures) -> Vec<u8> {
    let counters = coordinator.counters();
    let summary = figures.summary.unwrap_or_default();
    let downlink = coordinator.downlink();
    json(&StatusLine {
        phase: phase(coordinator, figures),
        obstacle: coordinator.obstacle().map(|obstacle| obstacle.why.as_str()),
        pause_requested: coordinator.is_held(),
        run: coordinator.run().0,
        round: coordinator.steps(),
        max_rounds: coordinator.plan().until.rounds,
        gone_on_after_round: coordinator.gone_on_after(),
        agents_online: coordinator.members().filter(|member| member.online).count(),
        policy: coordinator.plan().policy.to_string(),
        data: data_mode(coordinator),
        loss: figures.loss.filter(|loss| loss.is_finite()),
        held_out_loss: summary.loss,
        accuracy: summary.accuracy,
        macro_f1: summary.macro_f1,
        rmse: summary.rmse,
        pr_auc: summary.pr_auc,
        roc_auc: summary.roc_auc,
        best_f1: summary.best_f1,
        threshold: summary.threshold,
        cost_per_row: summary.cost_per_row,
        cannot_save: figures.cannot_save.as_deref(),
        round_seconds: figures.round_seconds,
        saved_seconds: figures.round_seconds.map(|_| figures.saved_seconds),
        eta_seconds: figures.eta(coordinator).map(|eta| eta.as_secs_f64()),
        accepted: counters.accepted,
        late: counters.late,
        duplicate: counters.duplicate,
        rejected: counters.rejected.total(),
        rounds_given_up: counters.given_up,
        reissued: counters.reissued,
        probes: counters.probes,
        reallocations: figures.reallocations,
        downlink_bps: downlink.map(|downlink| downlink.bits_per_s),
        downlink_held_seconds: downlink.map(|downlink| downlink.held.as_secs_f64()),
        decision: figures.decision.as_deref(),
        shares: coordinator.outlooks().into_iter().map(|outlook| outlook.text).collect(),
    })
}

/// The reason of an agent that was asked to stop.
const STOPPED: &str = "stopped";
/// Characters of an agent's reason that are reported.
const REASON_CHARS_MAX: usize = 300;
/// Characters of an event's text: a thousand agents' names would not fit a packet.
const EVENT_CHARS_MAX: usize = 1000;

/// `events`
#[derive(Serialize)]
struct EventLine<'a> {
    level: &'a str,
    code: &'a str,
    agent: Option<&'a str>,
    message: String,
    fix: Option<&'a str>,
    time: String,
}

pub(crate) fn event(event: &Event) -> Vec<u8> {
    json(&EventLine {
        level: event.level().as_str(),
        code: event.code().as_str(),
        agent: event.agent().map(AgentId::as_str),
        message: event.to_string().chars().take(EVENT_CHARS_MAX).collect(),
        fix: event.fix(),
        time: now(),
    })
}

pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absent_agent_says_why() {
        let absence = |json: &str| serde_json::from_str::<AgentState>(json).unwrap().absence();
        assert_eq!(absence(r#"{"state":"online","reason":null}"#), None);
        assert_eq!(absence(r#"{"state":"away","reason":"until 22:00"}"#), Some(Absence::Away("until 22:00".into())));
        assert_eq!(absence(r#"{"state":"offline","reason":"stopped"}"#), Some(Absence::Stopped("stopped".into())));
        let long = format!(r#"{{"state":"offline","reason":"{}"}}"#, "x".repeat(REASON_CHARS_MAX + 1));
        assert_eq!(absence(&long), Some(Absence::Lost("x".repeat(REASON_CHARS_MAX))));
        assert_eq!(absence(r#"{"state":"offline"}"#), Some(Absence::Lost(String::new())));
    }
}
