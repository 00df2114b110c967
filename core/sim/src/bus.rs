//! The bus: what is on its way, who is connected, what is retained.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::SplitMix64;
use heijunka_units::Timestamp;
use heijunka_wire::Channel;

/// A message on a topic.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) channel: Channel,
    /// The agent that the topic names.
    pub(crate) agent: Option<usize>,
    pub(crate) bytes: Rc<[u8]>,
}

/// Who is on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Node {
    Aggregator(usize),
    Agent(usize),
}

/// What comes next.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Arrives {
        to: Node,
        session: u32,
        packet: Packet,
    },
    Wakes(Node),
    Connects(Node),
    AgentStarts(usize),
    /// No message of an agent has reached the broker for too long; holds the connection that is meant.
    GivenUp {
        agent: usize,
        connection: u32,
    },
    Done {
        agent: usize,
        incarnation: u32,
        work: u64,
    },
    Step(usize),
}

/// Events by time, and in the order of their making where the times agree.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    events: BTreeMap<(Timestamp, u64), Event>,
    made: u64,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Timestamp, event: Event) {
        self.made += 1;
        self.events.insert((at, self.made), event);
    }

    pub(crate) fn pop(&mut self) -> Option<(Timestamp, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }
}

/// One client's connection to the broker.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) connected: bool,
    /// Counts connections.
    pub(crate) connection: u32,
    /// Counts sessions at the broker; what was sent within another one is lost.
    pub(crate) session: u32,
    /// Whether the broker knows the session's subscriptions.
    pub(crate) subscribed: bool,
    /// The broker has yet to publish the will of the last connection.
    pub(crate) will_pending: bool,
    /// What the broker keeps for the session.
    pub(crate) inbox: Vec<Packet>,
    /// What the client keeps until it is connected.
    pub(crate) outbox: Vec<Packet>,
}

impl Link {
    pub(crate) fn cut(&mut self, keeps_session: bool) {
        self.connected = false;
        self.will_pending = true;
        if !keeps_session {
            self.session += 1;
            self.subscribed = false;
            self.inbox.clear();
        }
    }
}

/// Topics with a retained message.
pub(crate) type Retained = BTreeMap<(Channel, Option<usize>), Packet>;

/// Uniform between the bounds.
pub(crate) fn between(random: &mut SplitMix64, bounds: (Duration, Duration)) -> Duration {
    bounds.0 + bounds.1.saturating_sub(bounds.0).mul_f64(random.uniform())
}

/// Whether something of that probability happens. Draws nothing for what never happens.
pub(crate) fn happens(random: &mut SplitMix64, probability: f64) -> bool {
    probability > 0.0 && random.uniform() < probability
}
