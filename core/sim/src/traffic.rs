//! What the broker does: takes messages, keeps the retained ones, sends copies; and who is connected.

use crate::bus::{Event, Link, Node, Packet, between, happens};
use crate::world::World;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_round::Input as ForAggregator;
use heijunka_wire::Channel;
use heijunka_worker::Input as ForAgent;

/// The payload of a last will in this world.
pub(crate) const OFFLINE: &[u8] = b"offline";
const ONLINE: &[u8] = b"online";

impl World<'_, '_> {
    pub(crate) fn arrives(&mut self, to: Node, session: u32, packet: Packet) {
        let link = self.link(to);
        if link.session != session {
            return;
        }
        if !link.connected {
            return link.inbox.push(packet);
        }
        self.record.messages += 1;
        self.record.trace(self.now.as_nanos());
        self.record.trace_bytes(&packet.bytes);
        match to {
            Node::Agent(index) => {
                self.agent_handles(index, ForAgent::Frame { channel: packet.channel, bytes: &packet.bytes });
            }
            Node::Aggregator(index) => {
                let id = packet.agent.map(|agent| self.agents[agent].id.clone());
                match (packet.channel, id) {
                    (Channel::AgentState, Some(agent)) if *packet.bytes == *OFFLINE => {
                        self.aggregator_handles(index, ForAggregator::Offline { agent: &agent });
                    }
                    (Channel::AgentState, _) => {}
                    (channel, id) => {
                        let input = ForAggregator::Frame { channel, agent: id.as_ref(), bytes: &packet.bytes };
                        self.aggregator_handles(index, input);
                    }
                }
            }
        }
    }

    pub(crate) fn connects(&mut self, node: Node) {
        if self.now < self.broker_back {
            return self.queue.push(self.broker_back + Duration::from_millis(1), Event::Connects(node));
        }
        let alive = match node {
            Node::Agent(index) => self.agents[index].runs(),
            Node::Aggregator(index) => !self.aggregators[index].ended,
        };
        let link = self.link(node);
        if link.connected || !alive {
            return;
        }
        let (session_present, will) = (link.subscribed, core::mem::take(&mut link.will_pending));
        link.connected = true;
        link.subscribed = true;
        link.connection += 1;
        let (inbox, outbox) = (core::mem::take(&mut link.inbox), core::mem::take(&mut link.outbox));
        let session = link.session;
        if let (Node::Agent(index), true) = (node, will) {
            self.route(agent_state(index, OFFLINE));
        }
        match node {
            Node::Agent(index) => {
                self.agent_handles(index, ForAgent::Connected { session_present });
                self.route(agent_state(index, ONLINE));
            }
            Node::Aggregator(index) => self.aggregator_handles(index, ForAggregator::Connected { session_present }),
        }
        for packet in inbox {
            self.queue.push(self.now, Event::Arrives { to: node, session, packet });
        }
        if !session_present {
            let retained: Vec<Packet> = self.retained.values().cloned().collect();
            for packet in retained {
                if self.receivers(&packet).any(|to| to == node) {
                    self.deliver(node, &packet);
                }
            }
        }
        for packet in outbox {
            self.route(packet);
        }
    }

    pub(crate) fn agent_publishes(&mut self, index: usize, packet: Packet) {
        if !self.agents[index].link.connected {
            return self.agents[index].link.outbox.push(packet);
        }
        let lies = self.lies(index, &packet);
        let middle = lies.len() / 2;
        for (place, lie) in lies.into_iter().enumerate() {
            if place == middle {
                self.route(packet.clone());
            }
            self.route(lie);
        }
        if middle == 0 {
            self.route(packet);
        }
    }

    pub(crate) fn aggregator_publishes(&mut self, index: usize, packet: Packet) {
        match self.aggregators[index].link.connected {
            true => self.route(packet),
            false => self.aggregators[index].link.outbox.push(packet),
        }
    }

    /// The broker has a message: keeps it if it is to be retained, and sends it to the subscribers.
    pub(crate) fn route(&mut self, packet: Packet) {
        self.record.trace_bytes(&packet.bytes);
        if packet.channel.contract().retained {
            let topic = (packet.channel, packet.agent);
            match packet.bytes.is_empty() {
                true => self.retained.remove(&topic),
                false => self.retained.insert(topic, packet.clone()),
            };
        }
        let garbage = self.garbage(&packet);
        for packet in [packet].into_iter().chain(garbage) {
            let receivers: Vec<Node> = self.receivers(&packet).collect();
            for to in receivers {
                if self.link(to).subscribed {
                    self.deliver(to, &packet);
                }
            }
        }
    }

    fn deliver(&mut self, to: Node, packet: &Packet) {
        let faults = self.scenario.bus;
        if happens(&mut self.random, faults.drop) {
            return;
        }
        let copies = 1 + usize::from(happens(&mut self.random, faults.duplicate));
        let session = self.link(to).session;
        for _ in 0..copies {
            let at = self.now + between(&mut self.random, faults.delay);
            self.queue.push(at, Event::Arrives { to, session, packet: packet.clone() });
        }
    }

    fn receivers(&self, packet: &Packet) -> impl Iterator<Item = Node> + use<> {
        let (mut agents, mut aggregators) = (0..0, 0..self.aggregators.len());
        match (packet.channel, packet.agent) {
            (Channel::Assign | Channel::Extra | Channel::Snapshot, Some(agent)) => {
                (agents, aggregators) = (agent..agent + 1, 0..0)
            }
            (Channel::Round, _) => (agents, aggregators) = (0..self.agents.len(), 0..0),
            (Channel::Spec, _) => agents = 0..self.agents.len(),
            _ => {}
        }
        aggregators.map(Node::Aggregator).chain(agents.map(Node::Agent))
    }

    pub(crate) fn link(&mut self, node: Node) -> &mut Link {
        match node {
            Node::Agent(index) => &mut self.agents[index].link,
            Node::Aggregator(index) => &mut self.aggregators[index].link,
        }
    }
}

pub(crate) fn agent_state(agent: usize, bytes: &[u8]) -> Packet {
    Packet { channel: Channel::AgentState, agent: Some(agent), bytes: Rc::from(bytes) }
}
