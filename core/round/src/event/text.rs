//! Events in words.

use super::{Cause, Event, RoundName, Strain};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use heijunka_units::{AgentId, counted};
use heijunka_wire::{PROTOCOL_VERSION, Refusal, limits};

/// Agents that an event names.
const NAMES_MAX: usize = 4;

/// What to do about a model that takes long to send.
pub(super) const SHORTER: &str =
    "raise it, or send only the model's changes: [gradient] update = \"int8\", or codec = \"sparse\" with shared data";

impl fmt::Display for RoundName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Training(step) => write!(f, "round {step}"),
            Self::Scoring(step) => write!(f, "the scoring after round {step}"),
        }
    }
}

impl fmt::Display for Strain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped(messages) => write!(f, "the broker has dropped {}", counted(*messages, "message")),
            Self::Slow(time) => write!(f, "the broker takes {:.1} s to acknowledge a message", time.as_secs_f64()),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left in",
            Self::Restarted => "started again in",
            Self::Slow => "is slower than expected in",
            Self::Late => "is late in",
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined { agent, rows } => write!(f, "{agent} joined with {}", counted(*rows, "training row")),
            Self::Left { agent } => write!(f, "{agent} left"),
            Self::Away { agent, for_s } => {
                write!(f, "{agent} is away for {}, as scheduled by its [limits] train_only", long(*for_s))
            }
            Self::Unable { agent, reason } => write!(f, "{agent} does not take part: {reason}"),
            Self::Refused { agent, refusal } => write!(f, "{agent} was refused: {}", refusal_reason(*refusal)),
            Self::OtherVersion { agent, version } => write!(
                f,
                "{agent} was refused: it sent a message of protocol version {version}, this aggregator speaks {PROTOCOL_VERSION}"
            ),
            Self::CannotBegin { agents, obstacle } => {
                let names: Vec<&str> = agents.iter().map(AgentId::as_str).collect();
                write!(f, "the job cannot begin with the data of {}: {}", names.join(", "), obstacle.why)
            }
            Self::Started { agents } => write!(f, "training begins with {}", people(*agents)),
            Self::Continued { folder, step } => {
                write!(f, "training continues after round {step} of the unfinished model in {folder}")
            }
            Self::StartedOver { folder, kept } => {
                write!(f, "training starts with a new model; the model that was in {folder} is kept as {kept}")
            }
            Self::Repaired { what } => f.write_str(what),
            Self::Resumed { agents: Some(agents) } => write!(f, "training resumes with {}", people(*agents)),
            Self::Resumed { agents: None } => f.write_str("training continues: the pause was cancelled"),
            Self::PauseRequested { round: Some(round) } => {
                write!(f, "a pause was requested: {round} is finished first")
            }
            Self::PauseRequested { round: None } => {
                f.write_str("a pause was requested: no round is opened until it ends")
            }
            Self::Unanswered { agent, round, dropped: false } => write!(f, "{agent} did not answer {round} in time"),
            Self::Unanswered { agent, round, dropped: true } => {
                write!(f, "{agent} does not answer (last {round}): the next rounds do not wait for it")
            }
            Self::GivenUp { round, completed, expected, needed } => write!(
                f,
                "{round} was given up: {completed} of {} answered, at least {needed} must; the model stays as it was",
                people(*expected)
            ),
            Self::NotFinite { agent, round } => {
                write!(f, "{agent} found a loss or gradient that is not finite in {round}")
            }
            Self::Reissued { agent, cause, round, samples, helpers } => {
                write!(f, "{agent} {cause} {round}: its {samples} samples go to {}", names(helpers))
            }
            Self::BrokerOverloaded { strain, pause } => {
                write!(f, "{strain}: rounds now pause for {} ms", pause.as_millis())
            }
            Self::BrokerRecovered { pause } if pause.as_millis() == 0 => {
                f.write_str("the broker keeps up: rounds no longer pause")
            }
            Self::BrokerRecovered { pause } => {
                write!(f, "the broker keeps up: rounds now pause for {} ms", pause.as_millis())
            }
            Self::CannotSave { what, folder, error, over, .. } => {
                let then = if *over { "" } else { "; the previous one is kept, training continues" };
                write!(f, "{what} cannot be written to {folder}: {error}{then}")
            }
            Self::SavedAgain { what, folder } => write!(f, "{what} is in {folder}: writing works again"),
            Self::Settled { .. } | Self::BestKept { .. } | Self::Paused { .. } | Self::Diverged { .. } => {
                self.write_job(f)
            }
            Self::CodecChanged { .. }
            | Self::LocalSteps { .. }
            | Self::CodecPlanned { .. }
            | Self::SlowModel { .. } => self.write_links(f),
        }
    }
}

impl Event {
    fn write_job(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled { columns, window_rows, inputs, parameters } => {
                let windows =
                    if *window_rows > 1 { format!(" in windows of {window_rows} rows") } else { String::new() };
                let (columns, inputs) = (many(*columns, "column"), many(*inputs, "input"));
                let parameters = many(*parameters, "parameter");
                write!(f, "the job is settled: {columns}{windows} make {inputs}, the model has {parameters}")
            }
            Self::BestKept { step, last, score } => {
                write!(f, "the model of round {step} of {last} is kept: it scored best")?;
                score.map_or(Ok(()), |(name, figure)| write!(f, " ({} {figure:.4})", name.as_str()))
            }
            Self::Paused { ready, needed, away } => {
                let (needed_agents, here) = (people(*needed), are_here(*ready));
                write!(f, "training pauses: it needs {needed_agents}, and {here}; nothing is lost")?;
                match ready + away >= *needed {
                    true => write!(f, ". Away as scheduled: {}. Training resumes when enough are back", people(*away)),
                    false => Ok(()),
                }
            }
            Self::Diverged { round, outlier } => {
                write!(f, "{round}: loss, gradient or model is no longer finite")?;
                outlier.as_ref().map_or(Ok(()), |outlier| write!(f, "; {outlier}"))
            }
            _ => Ok(()),
        }
    }

    fn write_links(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CodecChanged { agent, network_s, round_s, codec, before } => write!(
                f,
                "{agent}: the network takes {:.0} of {:.0} ms of a round; its gradients are now written as {}, no longer as {}",
                network_s * 1e3,
                round_s * 1e3,
                codec.as_str(),
                before.as_str()
            ),
            Self::LocalSteps { network_s, step_s, steps, before } => write!(
                f,
                "the network takes {:.0} ms of a round, a step {:.0} ms: agents now take {steps} steps in a round, no longer {before}",
                network_s * 1e3,
                step_s * 1e3
            ),
            Self::CodecPlanned { agent, uplink_bits_per_s, dense_s, codec } => write!(
                f,
                "{agent} sends at most {}, which would take {:.0} ms for a gradient in full: its gradients are written as {}",
                rate(*uplink_bits_per_s),
                dense_s * 1e3,
                codec.as_str()
            ),
            Self::SlowModel { bits_per_s, parameters, time, .. } => write!(
                f,
                "[limits] downlink = {}: a whole model of {parameters} parameters takes {:.1} s to send",
                rate(*bits_per_s),
                time.as_secs_f64()
            ),
            _ => Ok(()),
        }
    }
}

fn refusal_reason(refusal: Refusal) -> String {
    match refusal {
        Refusal::Protocol => "it speaks another protocol version".to_string(),
        Refusal::DifferentData => {
            "its rows differ from those of the agents before it, but the job's data are shared".to_string()
        }
        Refusal::NoRows => "it has no rows to train on".to_string(),
        Refusal::Full => format!("the job is full (max {} agents)", limits::AGENTS_MAX),
    }
}

pub(super) fn refusal_fix(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Protocol => "install the same version everywhere",
        Refusal::DifferentData => "give all agents the same file, or set data = \"private\"",
        Refusal::NoRows => "check [data] path on that machine",
        Refusal::Full => "stop an agent, or run a second job",
    }
}

/// `none is here`, `1 is here`, `2 are here`.
pub fn are_here(count: usize) -> String {
    match count {
        0 => "none is here".to_string(),
        1 => "1 is here".to_string(),
        _ => format!("{count} are here"),
    }
}

fn many(count: usize, noun: &str) -> String {
    counted(count, noun).to_string()
}

fn people(count: usize) -> String {
    many(count, "agent")
}

/// `a, b and c`, or the first four and how many more.
fn names(agents: &[AgentId]) -> String {
    let named = agents.iter().take(NAMES_MAX).map(AgentId::as_str);
    let mut all: Vec<String> = named.map(String::from).collect();
    if agents.len() > NAMES_MAX {
        all.push(format!("{} more", agents.len() - NAMES_MAX));
    }
    match all.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => all.concat(),
    }
}

/// `45 s`, `30 min`, `8 h`, `2 d 8 h`.
fn long(seconds: u32) -> String {
    let minutes = seconds.div_ceil(60);
    let hours = minutes.div_ceil(60);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{minutes} min"),
        _ if hours < 48 => format!("{hours} h"),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// Bits per second as people write them.
fn rate(bits_per_s: u64) -> String {
    let bits = bits_per_s as f64;
    match bits {
        ..1e3 => format!("{bits:.0} bit/s"),
        ..1e6 => format!("{:.0} kbit/s", bits / 1e3),
        _ => format!("{:.1} Mbit/s", bits / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use core::time::Duration;

    fn id(name: &str) -> AgentId {
        AgentId::new(name).unwrap()
    }

    #[test]
    fn at_most_four_helpers_are_named() {
        let all: Vec<AgentId> = ["a", "b", "c", "d", "e", "f"].map(id).to_vec();
        assert_eq!(names(&all[..1]), "a");
        assert_eq!(names(&all[..2]), "a and b");
        assert_eq!(names(&all), "a, b, c, d and 2 more");
    }

    #[test]
    fn a_pause_that_ends_by_itself_asks_for_nothing() {
        let (short, waits) =
            (Event::Paused { ready: 1, needed: 3, away: 1 }, Event::Paused { ready: 1, needed: 3, away: 2 });
        assert_eq!(
            (short.level(), short.fix()),
            (super::super::Level::Warn, Some("start more agents, or lower min_agents"))
        );
        assert_eq!((waits.level(), waits.fix()), (super::super::Level::Info, None));
        assert_eq!(short.to_string(), "training pauses: it needs 3 agents, and 1 is here; nothing is lost");
        assert!(waits.to_string().ends_with("Away as scheduled: 2 agents. Training resumes when enough are back"));
    }

    #[test]
    fn times_and_rates_are_in_the_units_of_people() {
        assert_eq!([45, 1800, 28_800, 200_000].map(long), ["45 s", "30 min", "8 h", "2 d 8 h"]);
        assert_eq!([64, 8000, 1_600_000].map(rate), ["64 bit/s", "8 kbit/s", "1.6 Mbit/s"]);
    }

    #[test]
    fn every_part_of_an_event_is_in_its_text() {
        let (round, helpers) = (RoundName::Training(7), vec![id("b")]);
        let said = Event::Reissued { agent: id("a"), cause: Cause::Slow, round, samples: 16, helpers };
        assert_eq!(said.to_string(), "a is slower than expected in round 7: its 16 samples go to b");
        let overloaded = Event::BrokerOverloaded { strain: Strain::Dropped(1), pause: Duration::from_millis(20) };
        assert_eq!(overloaded.to_string(), "the broker has dropped 1 message: rounds now pause for 20 ms");
    }
}
