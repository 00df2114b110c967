//! What the mind and its driver say to each other.

use crate::backoff::BrokerLoad;
use crate::event::Event;
use crate::record::{Outcome, RoundRecord};
use alloc::boxed::Box;
use alloc::vec::Vec;
use heijunka_units::{AgentId, RunId, Samples, Timestamp};
use heijunka_wire::Channel;

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The broker is reached.
    Connected {
        /// Whether the broker still had this client's session.
        session_present: bool,
    },
    /// The broker is lost.
    Disconnected,
    /// A message on an agent's `join`, `gradient`, `survey` or `scores` topic, or on `spec` (another aggregator's).
    Frame {
        /// The topic's channel.
        channel: Channel,
        /// The agent that the topic names.
        agent: Option<&'a AgentId>,
        /// The packet's payload.
        bytes: &'a [u8],
    },
    /// An agent's last will or farewell.
    Offline {
        /// Who.
        agent: &'a AgentId,
    },
    /// What the broker is seen to bear; at least every few seconds.
    BrokerLoad(BrokerLoad),
    /// The driver has sent a packet by itself, for people: what is sent next pays for it.
    Sent {
        /// The packet's size.
        packet_bytes: usize,
    },
    /// A person asks to stop now.
    Stop,
    /// A person asks to pause: the open round is finished, no further one is opened.
    Pause,
    /// A person asks to resume after [`Input::Pause`].
    Resume,
    /// Time passed.
    Tick,
}

/// What to do.
#[must_use]
#[derive(Debug)]
pub enum Output {
    /// Publish with the quality and retention of the channel's contract.
    Publish {
        /// The topic's channel.
        channel: Channel,
        /// The agent whose topic it is, if the channel has one for each.
        agent: Option<AgentId>,
        /// The packet's payload; empty to clear what is retained.
        bytes: Vec<u8>,
    },
    /// A round was closed.
    Closed(Box<RoundRecord>),
    /// Something that people should know.
    Event(Event),
    /// The job is over.
    Finished(Outcome),
    /// A newer aggregator of the same job has sent a message: leave at once.
    Superseded(RunId),
    /// Nothing until then, or until something happens.
    Wait(Timestamp),
}

/// Where the job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Agents are asked what their data look like.
    Surveying,
    /// Columns and model are settled, agents encode their data.
    Preparing,
    /// A round for gradients or scores is open.
    Training,
    /// Too few agents, or a person has asked for it ([`Coordinator::is_held`]).
    Paused,
    /// Over.
    Finished,
}

impl Phase {
    /// One word for people's tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Surveying => "surveying",
            Self::Preparing => "preparing",
            Self::Training => "training",
            Self::Paused => "paused",
            Self::Finished => "finished",
        }
    }
}

/// What an agent says that it keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnLimits {
    /// Whether it takes no share until its hours begin again.
    pub away: bool,
    /// Share of the time in which its threads compute, 1 to 100.
    pub cpu_share_percent: u8,
    /// Bytes a second that it sends at most; 0: as many as its link carries.
    pub uplink_bytes_per_s: u32,
}

impl Default for OwnLimits {
    fn default() -> Self {
        Self { away: false, cpu_share_percent: 100, uplink_bytes_per_s: 0 }
    }
}

/// What the roster knows of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub agent: AgentId,
    /// Whether it is connected.
    pub online: bool,
    /// What it keeps to by itself.
    pub limits: OwnLimits,
    /// Rows to train on.
    pub rows: u64,
    /// Rows held out.
    pub held_out_rows: u64,
    /// Samples a round; 0 while it is not here.
    pub share_samples: Samples,
}
