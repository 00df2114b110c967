//! What the aggregator reports to people's tools and the service manager.

use super::{Driver, report};
use crate::people::status;
use crate::progress::doing;
use heijunka_bus::Message;
use heijunka_round::{BrokerLoad, Input};
use heijunka_wire::Channel;
use std::time::{Duration, Instant};

/// `aggregator/status` is published at most so often.
const STATUS_EVERY: Duration = Duration::from_secs(1);
/// Under a cap on what is sent it takes one part of the line in so many at most.
const STATUS_PART: u32 = 10;

impl Driver<'_> {
    pub(super) fn publish_people(&mut self, channel: Channel, bytes: Vec<u8>) {
        let contract = channel.contract();
        let topic = self.topics.common(channel);
        let mut message = Message::new(topic.as_str(), bytes);
        message.retain = contract.retained;
        let message = if contract.at_least_once { message } else { message.at_most_once() };
        let (now, packet_bytes) = (self.now(), message.packet_bytes());
        report(self.bus.publish(message));
        self.coordinator.handle(now, Input::Sent { packet_bytes });
    }

    pub(super) fn publish_status(&mut self) {
        if Instant::now() < self.status_due {
            return;
        }
        self.status_due = Instant::now() + STATUS_EVERY;
        if self.bus.is_connected() {
            let load = BrokerLoad { dropped: self.dropped, unacknowledged_for: self.bus.unacknowledged_for() };
            let now = self.now();
            self.coordinator.handle(now, Input::BrokerLoad(load));
            self.tell_status();
        }
    }

    fn tell_status(&mut self) {
        let now = Instant::now();
        if now >= self.told_due {
            let status = status(&self.coordinator, &self.figures);
            let sending = self.valid.plan.downlink.map_or(Duration::ZERO, |cap| cap.time(status.len()));
            self.told_due = now + sending.saturating_mul(STATUS_PART);
            self.publish_people(Channel::AggregatorStatus, status);
        }
    }

    pub(super) fn tell_service(&mut self) {
        let (coordinator, figures, connected) = (&self.coordinator, &self.figures, self.bus.is_connected());
        self.service.turn(Instant::now(), true, || doing(coordinator, figures, connected));
    }
}
