//! What the scenario's steps do.

use crate::bus::{Event, Node};
use crate::scenario::Trouble;
use crate::traffic::{OFFLINE, agent_state};
use crate::world::World;
use core::time::Duration;
use heijunka_round::Input as ForAggregator;
use heijunka_worker::Input as ForAgent;

impl World<'_, '_> {
    pub(crate) fn step(&mut self, index: usize) {
        match self.scenario.steps[index].trouble {
            Trouble::AgentCutOff { agent, lasts, keeps_session } => {
                self.cut(Node::Agent(agent), keeps_session);
                self.queue.push(self.now + lasts, Event::Connects(Node::Agent(agent)));
            }
            Trouble::AgentCrashes { agent, back_after } => {
                self.await_will(agent);
                self.agents[agent].crash();
                if let Some(after) = back_after {
                    self.queue.push(self.now + after, Event::AgentStarts(agent));
                }
            }
            Trouble::AgentFreezes { agent, lasts } => {
                self.agents[agent].frozen_until = self.now + lasts;
                if lasts > self.scenario.keep_alive {
                    self.await_will(agent);
                    self.queue.push(self.now + lasts, Event::Connects(Node::Agent(agent)));
                }
            }
            Trouble::AggregatorCutOff { lasts, keeps_session } => {
                let node = Node::Aggregator(self.aggregators.len() - 1);
                self.cut(node, keeps_session);
                self.queue.push(self.now + lasts, Event::Connects(node));
            }
            Trouble::BrokerRestarts { lasts, keeps_state } => self.restart_broker(lasts, keeps_state),
            Trouble::Pause => self.aggregator_handles(self.aggregators.len() - 1, ForAggregator::Pause),
            Trouble::Resume => self.aggregator_handles(self.aggregators.len() - 1, ForAggregator::Resume),
            Trouble::AggregatorStarts { old_dies } => {
                self.aggregators_to_come -= 1;
                if let Some(old) = self.aggregators.last_mut().filter(|_| old_dies) {
                    old.ended = true;
                    old.link.cut(false);
                }
                self.start_aggregator();
            }
        }
    }

    /// The broker publishes the will unless the agent has a later connection.
    fn await_will(&mut self, agent: usize) {
        let connection = self.agents[agent].link.connection;
        self.queue.push(self.now + self.scenario.keep_alive, Event::GivenUp { agent, connection });
    }

    pub(crate) fn given_up(&mut self, agent: usize, connection: u32) {
        let link = &mut self.agents[agent].link;
        if link.connection != connection || (!link.connected && !link.will_pending) {
            return;
        }
        if link.connected {
            self.cut(Node::Agent(agent), false);
        }
        self.agents[agent].link.will_pending = false;
        self.route(agent_state(agent, OFFLINE));
    }

    fn cut(&mut self, node: Node, keeps_session: bool) {
        if !self.link(node).connected {
            return;
        }
        self.link(node).cut(keeps_session);
        match node {
            Node::Agent(index) => {
                self.await_will(index);
                self.agent_handles(index, ForAgent::Disconnected);
            }
            Node::Aggregator(index) => {
                self.aggregators[index].was_cut_off = true;
                self.aggregator_handles(index, ForAggregator::Disconnected);
            }
        }
    }

    fn restart_broker(&mut self, lasts: Duration, keeps_state: bool) {
        self.broker_back = self.now + lasts;
        if !keeps_state {
            self.retained.clear();
        }
        let aggregators = (0..self.aggregators.len()).map(Node::Aggregator);
        for node in aggregators.chain((0..self.agents.len()).map(Node::Agent)) {
            self.cut(node, keeps_state);
            // A broker that restarts publishes no wills.
            self.link(node).will_pending = false;
            let later = crate::bus::between(&mut self.random, (Duration::from_millis(1), Duration::from_secs(4)));
            self.queue.push(self.broker_back + later, Event::Connects(node));
        }
    }
}
