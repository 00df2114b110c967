//! `/state` and `/events`: the snapshot as JSON, whole or what is new of it.

use super::board::{EventLine, RoundLine, ScoreLine};
use super::snapshot::{AgentView, Snapshot};
use crate::people::json;
use heijunka_round::{Ending, Level};
use serde::Serialize;
use std::collections::VecDeque;

/// How far a browser has been told of rounds, scores and events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told(u64);

/// The answer of `/state`, and the data of each of `/events`.
#[derive(Serialize)]
struct State<'a> {
    /// Rounds, scores and events are all that there are, not only new ones.
    whole: bool,
    version: &'static str,
    site: &'a str,
    job: &'a str,
    host: &'a str,
    run: u64,
    policy: &'a str,
    data: &'a str,
    max_rounds: u64,
    batch_samples: u32,
    phase: &'a str,
    line: &'a str,
    connected: bool,
    round: u64,
    elapsed_seconds: f64,
    eta_seconds: Option<f64>,
    loss: Option<f64>,
    held_out_loss: Option<f64>,
    accuracy: Option<f64>,
    macro_f1: Option<f64>,
    rmse: Option<f64>,
    pr_auc: Option<f64>,
    best_f1: Option<f64>,
    cost_per_row: Option<f64>,
    roc_auc: Option<f64>,
    threshold: Option<f64>,
    round_seconds: Option<f64>,
    ideal_seconds: Option<f64>,
    equal_seconds: Option<f64>,
    saved_seconds: f64,
    saved_seconds_per_hour: Option<f64>,
    reallocations: u64,
    decision: Option<&'a str>,
    agents_online: usize,
    agents: Vec<Agent<'a>>,
    rounds: Vec<Round>,
    scores: Vec<Score>,
    events: Vec<Happened<'a>>,
}

/// Times are means over the recent rounds that it answered.
#[derive(Serialize)]
struct Agent<'a> {
    agent: &'a str,
    online: bool,
    rows: u64,
    share_samples: u32,
    compute_seconds: Option<f64>,
    network_seconds: Option<f64>,
    waiting_seconds: Option<f64>,
    recent_missed: usize,
    why: &'a str,
    outlook: Option<&'a str>,
}

#[derive(Serialize)]
struct Round {
    round: u64,
    ending: &'static str,
    seconds: f64,
    between_seconds: f64,
    equal_seconds: f64,
    loss: Option<f64>,
}

#[derive(Serialize)]
struct Score {
    round: u64,
    held_out_loss: Option<f64>,
    accuracy: Option<f64>,
    macro_f1: Option<f64>,
    rmse: Option<f64>,
    pr_auc: Option<f64>,
    best_f1: Option<f64>,
    cost_per_row: Option<f64>,
}

#[derive(Serialize)]
struct Happened<'a> {
    time: &'a str,
    level: &'static str,
    code: &'static str,
    agent: Option<&'a str>,
    message: &'a str,
    fix: &'a str,
}

/// Whole micro-units: more digits are noise, and bytes.
fn brief(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn agent(view: &AgentView) -> Agent<'_> {
    let part = |of: fn(&super::board::Parts) -> f64| view.recent.as_ref().map(|parts| brief(of(parts)));
    Agent {
        agent: view.agent.as_str(),
        online: view.online,
        rows: view.rows,
        share_samples: view.share_samples,
        compute_seconds: part(|parts| parts.compute_s),
        network_seconds: part(|parts| parts.network_s),
        waiting_seconds: part(|parts| parts.waiting_s),
        recent_missed: view.recent_missed,
        why: &view.why,
        outlook: view.outlook.as_deref(),
    }
}

fn round(line: &RoundLine) -> Round {
    Round {
        round: line.step,
        ending: match line.ending {
            Ending::Full => "full",
            Ending::Partial => "partial",
            Ending::GivenUp => "given_up",
        },
        seconds: brief(line.seconds),
        between_seconds: brief(line.between_s),
        equal_seconds: brief(line.equal_s),
        loss: line.loss.map(brief),
    }
}

fn score(line: &ScoreLine) -> Score {
    let summary = &line.summary;
    Score {
        round: line.step,
        held_out_loss: summary.loss.map(brief),
        accuracy: summary.accuracy.map(brief),
        macro_f1: summary.macro_f1.map(brief),
        rmse: summary.rmse.map(brief),
        pr_auc: summary.pr_auc.map(brief),
        best_f1: summary.best_f1.map(brief),
        cost_per_row: summary.cost_per_row.map(brief),
    }
}

fn happened(line: &EventLine) -> Happened<'_> {
    Happened {
        time: &line.time,
        level: if line.event.level == Level::Warn { "warn" } else { "info" },
        code: line.event.code,
        agent: line.event.agent.as_ref().map(heijunka_units::AgentId::as_str),
        message: &line.event.message,
        fix: line.event.fix,
    }
}

/// The last of a queue, whose sequence numbers grow, that are beyond `told`.
fn beyond<T>(queue: &VecDeque<T>, told: Told, sequence: impl Fn(&T) -> u64) -> impl Iterator<Item = &T> {
    queue.range(queue.partition_point(|item| sequence(item) <= told.0)..)
}

fn newest(snapshot: &Snapshot) -> u64 {
    let rounds = snapshot.rounds.back().map_or(0, |line| line.sequence);
    let scores = snapshot.scores.back().map_or(0, |line| line.sequence);
    let events = snapshot.events.back().map_or(0, |line| line.sequence);
    rounds.max(scores).max(events)
}

/// The JSON for somebody who has been told so far, and how far it is then.
pub(crate) fn state(snapshot: &Snapshot, told: Told) -> (Vec<u8>, Told) {
    let (facts, recent) = (&snapshot.facts, &snapshot.recent);
    let summary = snapshot.score.map(|score| score.summary).unwrap_or_default();
    let bytes = json(&State {
        whole: told == Told::default(),
        version: env!("CARGO_PKG_VERSION"),
        site: &facts.site,
        job: &facts.job,
        host: &facts.host,
        run: snapshot.run,
        policy: &facts.policy,
        data: snapshot.data,
        max_rounds: facts.max_rounds,
        batch_samples: facts.batch_samples,
        phase: snapshot.phase,
        line: &snapshot.line,
        connected: snapshot.connected,
        round: snapshot.step,
        elapsed_seconds: brief(snapshot.elapsed.as_secs_f64()),
        eta_seconds: snapshot.eta.map(|eta| brief(eta.as_secs_f64())),
        loss: snapshot.loss.map(brief),
        held_out_loss: summary.loss.map(brief),
        accuracy: summary.accuracy.map(brief),
        macro_f1: summary.macro_f1.map(brief),
        rmse: summary.rmse.map(brief),
        pr_auc: summary.pr_auc.map(brief),
        best_f1: summary.best_f1.map(brief),
        cost_per_row: summary.cost_per_row.map(brief),
        roc_auc: summary.roc_auc.map(brief),
        threshold: summary.threshold.map(brief),
        round_seconds: recent.round_s.map(brief),
        ideal_seconds: recent.ideal_s.map(brief),
        equal_seconds: recent.equal_s.map(brief),
        saved_seconds: brief(snapshot.saved_s),
        saved_seconds_per_hour: recent.saved_s_per_hour.map(brief),
        reallocations: snapshot.reallocations,
        decision: snapshot.decision.as_deref(),
        agents_online: snapshot.online(),
        agents: snapshot.agents.iter().map(agent).collect(),
        rounds: beyond(&snapshot.rounds, told, |line| line.sequence).map(round).collect(),
        scores: beyond(&snapshot.scores, told, |line| line.sequence).map(score).collect(),
        events: beyond(&snapshot.events, told, |line| line.sequence).map(|line| happened(line)).collect(),
    });
    (bytes, Told(newest(snapshot)))
}
