//! Plain sentences: where the job is, and what holds an agent back.

use crate::figures::CANNOT_SAVE;
use crate::lines::Parts;
use crate::snapshot::{AgentView, Snapshot};
use heijunka_allocate::agents;
use heijunka_round::{Event, OwnLimits, are_here};
use heijunka_units::{AgentId, readable_seconds};

/// Waiting is told from this share of the slowest agent's time on.
const WAIT_WORTH_TELLING: f64 = 0.2;

/// The agent that the others wait for.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    agent: AgentId,
    total_s: f64,
    alone: bool,
}

impl Pace {
    /// The slowest of those that are here and have a share.
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

/// `12.3 ms`, `1.20 s`.
pub(crate) fn span(seconds: f64) -> String {
    match seconds {
        ..1e-3 => format!("{:.0} µs", seconds * 1e6),
        1e-3..0.1 => format!("{:.1} ms", seconds * 1e3),
        0.1..1.0 => format!("{:.0} ms", seconds * 1e3),
        1.0..60.0 => format!("{seconds:.2} s"),
        _ => readable_seconds(seconds).to_string(),
    }
}

/// What holds the agent back.
pub(crate) fn why(view: &AgentView, pace: Option<&Pace>) -> String {
    if view.limits.away {
        return "away: its hours are over, it comes back by itself".to_owned();
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
        return if silent { missed.trim_start_matches("; ").to_owned() } else { "no round yet".to_owned() };
    };
    if view.share_samples == 0 {
        return format!("sits out{missed}");
    }
    match pace.filter(|pace| !pace.alone && pace.agent != view.agent && parts.waiting_s > parts.total_s()) {
        Some(pace) => waits(&parts, pace) + &missed,
        None => held_back(&parts, view.limits) + &place(view, &parts, pace) + &missed,
    }
}

/// It is not what holds anything up.
fn waits(parts: &Parts, pace: &Pace) -> String {
    let waiting = part_of(parts.waiting_s, parts.waiting_s + parts.total_s());
    let (computing, network) = (span(parts.compute_s), span(parts.network_s));
    format!("mostly waits for {}: {waiting}; computing takes {computing}, its network {network}", pace.agent)
}

fn held_back(parts: &Parts, limits: OwnLimits) -> String {
    let whole = parts.total_s();
    if parts.network_s > parts.compute_s {
        let network = part_of(parts.network_s, whole);
        return match limits.uplink_bytes_per_s {
            0 => format!("held back by its network: {network}"),
            cap => format!("held back by its network and its own limit, uplink {} kbit/s: {network}", cap / 125),
        };
    }
    let each = if parts.samples > 0.0 { parts.compute_s / parts.samples } else { 0.0 };
    let computing = format!("{}, {} a sample", part_of(parts.compute_s, whole), span(each));
    match limits.cpu_share_percent {
        100 => format!("held back by computing: {computing}"),
        percent => format!("held back by its own limit, cpu_share_percent {percent}: computing {computing}"),
    }
}

fn place(view: &AgentView, parts: &Parts, pace: Option<&Pace>) -> String {
    match pace {
        Some(pace) if pace.alone => String::new(),
        Some(pace) if pace.agent == view.agent => "; sets the pace".to_owned(),
        Some(pace) if parts.waiting_s > WAIT_WORTH_TELLING * pace.total_s => {
            format!("; then waits {} for {}", span(parts.waiting_s), pace.agent)
        }
        _ => String::new(),
    }
}

/// Where the job is, and what cannot be written.
pub(crate) fn line(snapshot: &Snapshot, ended: Option<&str>) -> String {
    match &snapshot.cannot_save {
        Some(why) if ended.is_none() && snapshot.phase == CANNOT_SAVE => {
            format!("The job is over, and its model cannot be saved: {why}. It is tried again until it is written.")
        }
        Some(why) if ended.is_none() => format!("{} It cannot be saved: {why}.", place_of_job(snapshot, ended)),
        _ => place_of_job(snapshot, ended),
    }
}

fn place_of_job(snapshot: &Snapshot, ended: Option<&str>) -> String {
    let facts = &snapshot.facts;
    let (online, needed) = (snapshot.online(), facts.min_agents);
    let held = if snapshot.held { " It pauses before the first round, as asked." } else { "" };
    if let Some(reason) = ended {
        return match snapshot.step {
            0 => format!("Over before the first round: {reason}."),
            step => format!("Over after round {step}: {reason}."),
        };
    }
    if !snapshot.connected {
        return format!("No connection to the broker at {}; it is tried again and again.", facts.broker);
    }
    match snapshot.phase {
        "surveying" => surveying(snapshot) + held,
        "preparing" => format!("Columns and model are settled; agents get their data ready.{held}"),
        "training" if snapshot.held => {
            format!(
                "Training: it pauses after the open round, {} of {}, as asked.",
                snapshot.step + 1,
                facts.max_rounds
            )
        }
        "training" => training(snapshot),
        "paused" if snapshot.held => {
            format!("Paused after round {}, as asked; {} here. Resume goes on.", snapshot.step, agents(online))
        }
        "paused" => {
            let here = are_here(online);
            format!(
                "Paused: training needs {}, and {here}; nothing is lost. Start more agents, or lower min_agents.",
                agents(needed)
            )
        }
        _ => "Over.".to_owned(),
    }
}

/// What was told last of an agent that cannot take part, or may not.
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
        return format!("Waiting for agents: {online} of {needed} here.{why}");
    }
    match &snapshot.obstacle {
        Some(obstacle) => format!("The job cannot begin: {obstacle}."),
        None => "Agents are asked what their data look like.".to_owned(),
    }
}

fn training(snapshot: &Snapshot) -> String {
    if snapshot.in_vain > 0 {
        let (round, times) = (snapshot.step + 1, snapshot.in_vain);
        let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        return format!(
            "Training stands still: round {round} was given up {times}, too few agents answered. It is repeated."
        );
    }
    let mut line = format!("Training: round {} of {}", snapshot.step, snapshot.facts.max_rounds);
    if let Some(round) = snapshot.gone_on_after {
        line += &format!(" (it went on after round {round} of the unfinished model)");
    }
    if let Some(eta) = snapshot.eta {
        line += &format!(", {} left", readable_seconds(eta.as_secs_f64()));
    }
    line + "."
}
