//! `/state` and `/events`: the snapshot as JSON, whole or what is new of it.

use crate::lines::{Column, EventLine, Parts, RoundLine, ScoreLine};
use crate::snapshot::{AgentView, Snapshot};
use crate::what_if;
use heijunka_round::{Ending, Summary};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};

/// Turns between two that carry agents' figures; agents that come or go are sent at once.
const AGENTS_EVERY: u64 = 4;

type Fields = Map<String, Value>;

/// What a browser has received.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    turns: u64,
    /// The newest round, score, share, column and event.
    sequence: u64,
    names: usize,
    fields: Fields,
    agents: BTreeMap<String, Fields>,
}

/// Six significant digits of a score, three of a time: more are noise, and bytes.
fn brief(value: f64, digits: i32) -> Value {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { json!(0.0) } else { Value::Null };
    }
    let scale = 10_f64.powi(digits - 1 - value.abs().log10().floor() as i32);
    json!((value * scale).round() / scale)
}

fn time(seconds: f64) -> Value {
    brief(seconds, 4)
}

fn some_time(seconds: Option<f64>) -> Value {
    seconds.map_or(Value::Null, time)
}

/// Every number of a summary that is known, under its name.
fn scores(summary: &Summary) -> Fields {
    let Ok(Value::Object(all)) = serde_json::to_value(summary) else { return Fields::new() };
    let known = all.into_iter().filter(|(_, value)| !value.is_null());
    let named =
        known.map(|(name, value)| if name == "loss" { ("held_out_loss".to_owned(), value) } else { (name, value) });
    named
        .map(|(name, value)| (name, value.as_f64().filter(|_| value.is_f64()).map_or(value, |v| brief(v, 6))))
        .collect()
}

fn fields(snapshot: &Snapshot) -> Fields {
    let (facts, recent) = (&snapshot.facts, &snapshot.recent);
    let fields = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "site": facts.site,
        "job": facts.job,
        "host": facts.host,
        "run": snapshot.run,
        "policy": facts.policy,
        "data": snapshot.data,
        "max_rounds": facts.max_rounds,
        "batch_samples": facts.batch_samples,
        "min_agents": facts.min_agents,
        "control": facts.control,
        "phase": snapshot.phase,
        "obstacle": snapshot.obstacle,
        "given_up_in_a_row": snapshot.in_vain,
        "pause_requested": snapshot.held,
        "line": snapshot.line,
        "connected": snapshot.connected,
        "round": snapshot.step,
        "gone_on_after_round": snapshot.gone_on_after,
        "elapsed_seconds": snapshot.elapsed.as_secs(),
        "eta_seconds": some_time(snapshot.eta.map(|eta| eta.as_secs_f64())),
        "loss": snapshot.loss.map(|loss| brief(loss, 6)),
        "score": snapshot.score.as_ref().map(|line| scores(&line.summary)),
        "round_seconds": some_time(recent.round_s),
        "ideal_seconds": some_time(recent.ideal_s),
        "equal_seconds": some_time(recent.equal_s),
        "saved_seconds": time(snapshot.saved_s),
        "saved_seconds_per_hour": some_time(recent.saved_s_per_hour),
        "saved_seconds_per_day": some_time(recent.saved_s_per_hour.map(|saved| 24.0 * saved)),
        "reallocations": snapshot.reallocations,
        "decision": snapshot.decision,
        "cannot_save": snapshot.cannot_save,
        "what_if": what_if::sentences(&snapshot.what_if),
        "agents_online": snapshot.online(),
    });
    if let Value::Object(fields) = fields { fields } else { Fields::new() }
}

/// Times are means over the recent rounds that it answered.
fn agent(view: &AgentView, snapshot: &Snapshot) -> Fields {
    let part = |of: fn(&Parts) -> f64| view.recent.as_ref().map(|parts| brief(of(parts), 3));
    let finding = snapshot.what_if.iter().find(|finding| finding.agent == view.agent);
    let fields = json!({
        "online": view.online,
        "rows": view.rows,
        "share_samples": view.share_samples,
        "compute_seconds": part(|parts| parts.compute_s),
        "network_seconds": part(|parts| parts.network_s),
        "waiting_seconds": part(|parts| parts.waiting_s),
        "recent_missed": view.recent_missed,
        "why": view.why,
        "outlook": view.outlook,
        "without_longer_ratio": finding.and_then(|finding| finding.without).map(|without| brief(without, 2)),
        "second_shorter_ratio": finding.map(|finding| brief(finding.second, 2)),
    });
    if let Value::Object(fields) = fields { fields } else { Fields::new() }
}

fn round(line: &RoundLine) -> Value {
    json!({
        "round": line.step,
        "rounds": line.rounds,
        "ending": match line.ending {
            Ending::Full => "full",
            Ending::Partial => "partial",
            Ending::GivenUp => "given_up",
        },
        "seconds": time(line.seconds),
        "between_seconds": time(line.between_s),
        "equal_seconds": time(line.equal_s),
        "loss": line.loss.map(|loss| brief(loss, 4)),
    })
}

fn score(line: &ScoreLine) -> Value {
    let mut fields = scores(&line.summary);
    fields.insert("round".to_owned(), json!(line.step));
    Value::Object(fields)
}

/// Computing, network, waiting.
fn column(column: &Column) -> Value {
    let parts = |parts: &Parts| [parts.compute_s, parts.network_s, parts.waiting_s].map(|part| brief(part, 3));
    let all: Vec<Option<[Value; 3]>> = column.parts.iter().map(|one| one.as_ref().map(parts)).collect();
    json!({ "round": column.step, "seconds": all })
}

fn happened(line: &EventLine) -> Value {
    json!({
        "time": line.time,
        "level": line.event.level().as_str(),
        "code": line.event.code().as_str(),
        "agent": line.event.agent().map(heijunka_units::AgentId::as_str),
        "message": line.event.to_string(),
        "fix": line.event.fix(),
    })
}

/// The last of a queue, whose sequence numbers grow, that are beyond `sent`, as JSON.
fn beyond<T>(queue: &VecDeque<T>, sent: u64, sequence: impl Fn(&T) -> u64, of: impl Fn(&T) -> Value) -> Vec<Value> {
    queue.range(queue.partition_point(|item| sequence(item) <= sent)..).map(of).collect()
}

fn newest(snapshot: &Snapshot) -> u64 {
    let rounds = snapshot.rounds.back().map_or(0, |line| line.sequence);
    let scores = snapshot.scores.back().map_or(0, |line| line.sequence);
    let shares = snapshot.shares.back().map_or(0, |line| line.sequence);
    let columns = snapshot.columns.back().map_or(0, |line| line.sequence);
    let events = snapshot.events.back().map_or(0, |line| line.sequence);
    rounds.max(scores).max(shares).max(columns).max(events)
}

/// The fields of `now` that differ from `sent`, or that it does not have.
fn changed(now: &Fields, sent: &Fields) -> Fields {
    now.iter().filter(|(name, value)| sent.get(*name) != Some(value)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// The JSON for a browser that has received `sent` so far. The first is whole; later ones omit
/// fields that have not changed, and lists hold new entries only.
pub(crate) fn state(snapshot: &Snapshot, sent: &mut Sent) -> Vec<u8> {
    let now = fields(snapshot);
    let mut all = changed(&now, &sent.fields);
    all.insert("whole".to_owned(), json!(sent.turns == 0));
    agents(snapshot, sent, &mut all);
    let so_far = sent.sequence;
    let lists = [
        ("rounds", beyond(&snapshot.rounds, so_far, |line| line.sequence, round)),
        ("scores", beyond(&snapshot.scores, so_far, |line| line.sequence, score)),
        ("columns", beyond(&snapshot.columns, so_far, |line| line.sequence, column)),
        ("events", beyond(&snapshot.events, so_far, |line| line.sequence, |line| happened(line))),
        (
            "shares",
            beyond(
                &snapshot.shares,
                so_far,
                |line| line.sequence,
                |line| json!({ "round": line.step, "samples": *line.samples }),
            ),
        ),
    ];
    let whole = sent.turns == 0;
    all.extend(
        lists.into_iter().filter(|(_, list)| whole || !list.is_empty()).map(|(name, l)| (name.to_owned(), l.into())),
    );
    if whole || sent.names != snapshot.names.len() {
        let names: Vec<&str> = snapshot.names.iter().map(heijunka_units::AgentId::as_str).collect();
        all.insert("names".to_owned(), json!(names));
    }
    (sent.fields, sent.names) = (now, snapshot.names.len());
    (sent.sequence, sent.turns) = (newest(snapshot), sent.turns + 1);
    serde_json::to_vec(&all).unwrap_or_default()
}

fn agents(snapshot: &Snapshot, sent: &mut Sent, all: &mut Fields) {
    let due = sent.turns.is_multiple_of(AGENTS_EVERY) || snapshot.phase == "finished";
    let known = |view: &AgentView| {
        let known = sent.agents.get(view.agent.as_str());
        known.is_some_and(|known| known.get("online") == Some(&json!(view.online)))
    };
    let same = snapshot.agents.len() == sent.agents.len() && snapshot.agents.iter().all(known);
    if !due && same {
        return;
    }
    let now: BTreeMap<String, Fields> =
        snapshot.agents.iter().map(|view| (view.agent.to_string(), agent(view, snapshot))).collect();
    let none = Fields::new();
    let news = now.iter().filter_map(|(name, fields)| {
        let before = sent.agents.get(name);
        let mut news = changed(fields, before.unwrap_or(&none));
        if news.is_empty() && before.is_some() {
            return None;
        }
        news.insert("agent".to_owned(), json!(name));
        Some(Value::Object(news))
    });
    let news: Vec<Value> = news.collect();
    let gone: Vec<&String> = sent.agents.keys().filter(|name| !now.contains_key(*name)).collect();
    if !gone.is_empty() {
        all.insert("gone".to_owned(), json!(gone));
    }
    if sent.turns == 0 || !news.is_empty() {
        all.insert("agents".to_owned(), news.into());
    }
    sent.agents = now;
}
