//! Plain sentences: where the job is, and what limits an agent.

use crate::figures::CANNOT_SAVE;
use crate::lines::Parts;
use crate::snapshot::{AgentView, Snapshot};
use crate::spans::span;
use heijunka_allocate::agents;
use heijunka_round::{Event, OwnLimits, are_here};
use heijunka_units::{AgentId, readable_seconds};

/// Waiting is shown from this share of the slowest agent's time on.
const WAIT_SHOWN_MIN: f64 = 0.2;

/// The agent that the others wait for.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    agent: AgentId,
    total_s: f64,
    alone: bool,
}

impl Pace {
    /// The slowest of the agents that are online and have a share.
    pub(crate) fn of(agents: &[AgentView]) -> Option<Self> {
        let here = || agents.iter().filter(|view| view.online && view.share_samples > 0);
        let timed = here().filter_map(|view| Some((view, view.recent?.total_s())));
        let (slowest, total_s) = timed.max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some(Self { agent: slowest.agent.clone(), total_s, alone: here().count() < 2 })
    }
}

/// `310 of 420 ms`, `1.20 of 1.50 s`.
fn part_of(part_s: f64, whole_s: f64) -> String {
    let (scale, unit) = if whole_s < 1.0 { (1e3, "ms") } else { (1.0, "s") };
    let (part, whole) = (part_s * scale, whole_s * scale);
    let digits = match whole {
        0.0..10.0 => 2,
        10.0..100.0 => 1,
        _ => 0,
    };
    format!("{part:.digits$} of {whole:.digits$} {unit}")
}

/// What limits the agent.
pub(crate) fn why(view: &AgentView, pace: Option<&Pace>) -> String {
    if view.limits.away {
        return "away: outside its training hours, it returns by itself".to_owned();
    }
    if !view.online {
        return "offline".to_owned();
    }
    let missed = match view.recent_missed {
        0 => String::new(),
        missed => format!("; no answer in {missed} of the last {} rounds", view.history.recent_rounds()),
    };
    let Some(parts) = view.recent else {
        let silent = view.recent_missed > 0;
        return if silent { missed.trim_start_matches("; ").to_owned() } else { "no round measured yet".to_owned() };
    };
    if view.share_samples == 0 {
        return format!("has no share{missed}");
    }
    match pace.filter(|pace| !pace.alone && pace.agent != view.agent && parts.waiting_s > parts.total_s()) {
        Some(pace) => waits(&parts, pace) + &missed,
        None => held_back(&parts, view.limits) + &place(view, &parts, pace) + &missed,
    }
}

/// It does not delay the round.
fn waits(parts: &Parts, pace: &Pace) -> String {
    let waiting = part_of(parts.waiting_s, parts.waiting_s + parts.total_s());
    let (computing, network) = (span(parts.compute_s), span(parts.network_s));
    format!("mostly waits for {}: {waiting}; computing {computing}, network {network}", pace.agent)
}

fn held_back(parts: &Parts, limits: OwnLimits) -> String {
    let whole = parts.total_s();
    if parts.network_s > parts.compute_s {
        let network = part_of(parts.network_s, whole);
        return match limits.uplink_bytes_per_s {
            0 => format!("limited by its network: {network}"),
            cap => format!("limited by its network and its setting uplink = {} kbit/s: {network}", cap / 125),
        };
    }
    let each = if parts.samples > 0.0 { parts.compute_s / parts.samples } else { 0.0 };
    let computing = format!("{}, {} per sample", part_of(parts.compute_s, whole), span(each));
    match limits.cpu_share_percent {
        100 => format!("limited by computing: {computing}"),
        percent => format!("limited by its setting cpu_share_percent = {percent}: computing {computing}"),
    }
}

fn place(view: &AgentView, parts: &Parts, pace: Option<&Pace>) -> String {
    match pace {
        Some(pace) if pace.alone => String::new(),
        Some(pace) if pace.agent == view.agent => "; sets the pace".to_owned(),
        Some(pace) if parts.waiting_s > WAIT_SHOWN_MIN * pace.total_s => {
            format!("; then waits {} for {}", span(parts.waiting_s), pace.agent)
        }
        _ => String::new(),
    }
}

/// Where the job is, and what cannot be saved.
pub(crate) fn line(snapshot: &Snapshot, ended: Option<&str>) -> String {
    match &snapshot.cannot_save {
        Some(why) if ended.is_none() && snapshot.phase == CANNOT_SAVE => {
            format!("The job is over, but the model cannot be saved: {why}. Saving is retried until it succeeds.")
        }
        Some(why) if ended.is_none() => format!("{} It cannot be saved: {why}.", place_of_job(snapshot, ended)),
        _ => place_of_job(snapshot, ended),
    }
}

fn place_of_job(snapshot: &Snapshot, ended: Option<&str>) -> String {
    let facts = &snapshot.facts;
    let (online, needed) = (snapshot.online(), facts.min_agents);
    let held = if snapshot.held { " It pauses before the first round, as requested." } else { "" };
    if let Some(reason) = ended {
        return match snapshot.step {
            0 => format!("Ended before the first round: {reason}."),
            step => format!("Ended after round {step}: {reason}."),
        };
    }
    if !snapshot.connected {
        return format!("No connection to the broker at {}; retrying.", facts.broker);
    }
    match snapshot.phase {
        "surveying" => surveying(snapshot) + held,
        "preparing" => format!("Columns and model are settled; agents prepare their data.{held}"),
        "training" if snapshot.held => {
            format!(
                "Training: it pauses after the open round, {} of {}, as requested.",
                snapshot.step + 1,
                facts.max_rounds
            )
        }
        "training" => training(snapshot),
        "paused" if snapshot.held => {
            format!(
                "Paused after round {}, as requested; {} online. Resume continues training.",
                snapshot.step,
                agents(online)
            )
        }
        "paused" => {
            let here = are_here(online);
            format!(
                "Paused: training needs {}, and {here}; no progress is lost. Start more agents, or lower [allocation] min_agents.",
                agents(needed)
            )
        }
        _ => "The job is over.".to_owned(),
    }
}

/// The last event about an agent that cannot take part, or may not.
fn missing(snapshot: &Snapshot) -> Option<String> {
    let is_here = |agent: &AgentId| snapshot.agents.iter().any(|view| view.online && view.agent == *agent);
    let events = snapshot.events.iter().rev().map(|line| &line.event);
    let mut missing = events.filter(|event| matches!(event, Event::Unable { .. } | Event::Refused { .. }));
    missing.find(|event| event.agent().is_some_and(|agent| !is_here(agent))).map(Event::to_string)
}

fn surveying(snapshot: &Snapshot) -> String {
    let (online, needed) = (snapshot.online(), snapshot.facts.min_agents);
    if online < needed {
        let why = missing(snapshot).map_or(String::new(), |why| format!(" {why}."));
        return format!("Waiting for agents: {online} of {needed} online.{why}");
    }
    match &snapshot.obstacle {
        Some(obstacle) => format!("The job cannot begin: {obstacle}."),
        None => "Agents are describing their data.".to_owned(),
    }
}

fn training(snapshot: &Snapshot) -> String {
    if snapshot.in_vain > 0 {
        let (round, times) = (snapshot.step + 1, snapshot.in_vain);
        let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        return format!(
            "Training makes no progress: round {round} was repeated {times} because too few agents answered."
        );
    }
    let mut line = format!("Training: round {} of {}", snapshot.step, snapshot.facts.max_rounds);
    if let Some(round) = snapshot.gone_on_after {
        line += &format!(" (resumed after round {round} of the unfinished model)");
    }
    if let Some(eta) = snapshot.eta {
        line += &format!(", {} left", readable_seconds(eta.as_secs_f64()));
    }
    line + "."
}
