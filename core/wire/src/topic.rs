//! Topics, and the one table that is the wire contract.

use crate::body::Kind;
use core::fmt::Write;
use heapless::String;
use heijunka_units::{AgentId, JobName, SiteName};

/// Room for the longest topic: two roots' worth of levels and three names.
pub type TopicText = String<256>;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From an agent to the aggregator.
    Up,
    /// From the aggregator to one or all agents.
    Down,
    /// For people and their tools.
    People,
}

/// One kind of topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `join/<agent>`
    Join,
    /// `spec`
    Spec,
    /// `assign/<agent>`
    Assign,
    /// `round`
    Round,
    /// `gradient/<agent>`
    Gradient,
    /// `survey/<agent>`
    Survey,
    /// `scores/<agent>`
    Scores,
    /// `extra/<agent>`
    Extra,
    /// `snapshot/<agent>`
    Snapshot,
    /// `agents/<agent>/state`, also the last will
    AgentState,
    /// `agents/<agent>/info`
    AgentInfo,
    /// `agents/<agent>/status`
    AgentStatus,
    /// `aggregator/state`, also the last will
    AggregatorState,
    /// `aggregator/status`
    AggregatorStatus,
    /// `events`
    Events,
}

/// One row of the contract.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// Which topic.
    pub channel: Channel,
    /// Levels below `heijunka-wire/v2/<site>/<job>/` (binary) or `heijunka/<site>/<job>/` (JSON); `<agent>` is a name.
    pub pattern: &'static str,
    /// Which way.
    pub direction: Direction,
    /// The frame's kind; `None` for JSON.
    pub kind: Option<Kind>,
    /// Quality of service 1 (else 0).
    pub at_least_once: bool,
    /// Kept by the broker for those who come later.
    pub retained: bool,
}

const fn row(
    channel: Channel,
    pattern: &'static str,
    direction: Direction,
    kind: Option<Kind>,
    at_least_once: bool,
    retained: bool,
) -> Contract {
    Contract { channel, pattern, direction, kind, at_least_once, retained }
}

/// Everything that crosses the bus. No packet is larger than the configured packet size.
pub const CONTRACT: [Contract; 15] = [
    row(Channel::Join, "join/<agent>", Direction::Up, Some(Kind::Join), true, false),
    row(Channel::Spec, "spec", Direction::Down, Some(Kind::Spec), true, true),
    row(Channel::Assign, "assign/<agent>", Direction::Down, Some(Kind::Assign), true, true),
    row(Channel::Round, "round", Direction::Down, Some(Kind::Round), true, false),
    row(Channel::Gradient, "gradient/<agent>", Direction::Up, Some(Kind::Gradient), true, false),
    row(Channel::Survey, "survey/<agent>", Direction::Up, Some(Kind::Survey), true, false),
    row(Channel::Scores, "scores/<agent>", Direction::Up, Some(Kind::Scores), true, false),
    row(Channel::Extra, "extra/<agent>", Direction::Down, Some(Kind::Extra), true, false),
    row(Channel::Snapshot, "snapshot/<agent>", Direction::Down, Some(Kind::Round), true, false),
    row(Channel::AgentState, "agents/<agent>/state", Direction::People, None, true, true),
    row(Channel::AgentInfo, "agents/<agent>/info", Direction::People, None, true, true),
    row(Channel::AgentStatus, "agents/<agent>/status", Direction::People, None, false, true),
    row(Channel::AggregatorState, "aggregator/state", Direction::People, None, true, true),
    row(Channel::AggregatorStatus, "aggregator/status", Direction::People, None, false, true),
    row(Channel::Events, "events", Direction::People, None, false, false),
];

impl Channel {
    /// Its row of the contract.
    pub fn contract(self) -> &'static Contract {
        CONTRACT.iter().find(|row| row.channel == self).unwrap_or(&CONTRACT[0])
    }
}

/// A topic taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Which topic.
    pub channel: Channel,
    /// The agent that the topic names.
    pub agent: Option<AgentId>,
}

/// The topics of one job.
#[derive(Clone, Debug)]
pub struct Topics {
    site: SiteName,
    job: JobName,
}

const BINARY_ROOT: &str = "heijunka-wire/v2";
const PEOPLE_ROOT: &str = "heijunka";

impl Topics {
    /// The topics of `job` at `site`.
    pub fn new(site: SiteName, job: JobName) -> Self {
        Self { site, job }
    }

    fn write(&self, channel: Channel, agent: &str) -> TopicText {
        let contract = channel.contract();
        let root = if contract.kind.is_some() { BINARY_ROOT } else { PEOPLE_ROOT };
        let mut text = TopicText::new();
        // Names are at most 64 bytes, so the longest topic has 16 + 3 x 65 + 14 bytes and always fits.
        let _ = write!(text, "{root}/{}/{}/", self.site, self.job);
        match contract.pattern.split_once("<agent>") {
            None => {
                let _ = text.push_str(contract.pattern);
            }
            Some((before, after)) => {
                let _ = write!(text, "{before}{agent}{after}");
            }
        }
        text
    }

    /// The topic of a channel that names no agent.
    pub fn common(&self, channel: Channel) -> TopicText {
        self.write(channel, "")
    }

    /// An agent's topic.
    pub fn of(&self, channel: Channel, agent: &AgentId) -> TopicText {
        self.write(channel, agent.as_str())
    }

    /// The filter for the channel's topics of all agents.
    pub fn all(&self, channel: Channel) -> TopicText {
        self.write(channel, "+")
    }

    /// Takes a topic of this job apart; `None` for anything else.
    pub fn parse(&self, topic: &str) -> Option<Topic> {
        let (root, rest) = match topic.strip_prefix(BINARY_ROOT) {
            Some(rest) => (BINARY_ROOT, rest),
            None => (PEOPLE_ROOT, topic.strip_prefix(PEOPLE_ROOT)?),
        };
        let rest = rest.strip_prefix('/')?.strip_prefix(self.site.as_str())?;
        let rest = rest.strip_prefix('/')?.strip_prefix(self.job.as_str())?.strip_prefix('/')?;
        parse(root == BINARY_ROOT, rest)
    }
}

/// Takes apart the levels below the job.
pub fn parse(binary: bool, rest: &str) -> Option<Topic> {
    for contract in CONTRACT.iter().filter(|row| row.kind.is_some() == binary) {
        let channel = contract.channel;
        match contract.pattern.split_once("<agent>") {
            None if rest == contract.pattern => return Some(Topic { channel, agent: None }),
            None => {}
            Some((before, after)) => {
                let name = rest.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
                if let Some(agent) = name.and_then(|name| AgentId::new(name).ok()) {
                    return Some(Topic { channel, agent: Some(agent) });
                }
            }
        }
    }
    None
}
