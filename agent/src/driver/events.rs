//! What comes from the bus and from the compute thread.

use super::{Driver, MESSAGES_AT_ONCE};
use crate::people::State;
use crate::work::Done;
use heijunka_bus::{BusEvent, Events, ProbeError};
use heijunka_settings::{Exit, Failure};
use heijunka_wire::Channel;
use heijunka_worker::Input;
use std::time::Instant;
use tracing::{debug, info, warn};

impl Driver<'_> {
    /// More messages that have come already.
    pub(super) fn on_waiting(&mut self, events: &mut Events) -> Result<(), Failure> {
        for _ in 0..MESSAGES_AT_ONCE {
            match events.try_next() {
                Some(event) => self.on_bus(event)?,
                None => break,
            }
        }
        Ok(())
    }

    pub(super) fn on_bus(&mut self, event: BusEvent) -> Result<(), Failure> {
        let now = self.clock.now();
        match event {
            BusEvent::Connected { session_present } => {
                info!("{}", self.outage.over(Instant::now()));
                self.tally.connected();
                self.check_packet_limit()?;
                self.publish_people(Channel::AgentState, State::online());
                self.publish_info();
                self.worker.handle(now, Input::Connected { session_present });
            }
            BusEvent::Disconnected { reason, retry_in } => {
                let lines = self.outage.lost(Instant::now(), &reason, retry_in);
                lines.into_iter().for_each(|line| warn!("{line}"));
                self.worker.handle(now, Input::Disconnected);
            }
            BusEvent::Message(message) => {
                self.tally.received(message.payload.len());
                if let Some(topic) = self.outlet.topics().parse(&message.topic) {
                    let input = Input::Frame { channel: topic.channel, bytes: &message.payload };
                    self.worker.handle(now, input);
                    self.finish_round();
                }
            }
            BusEvent::PublishRefused { topic, reason } => warn!("the broker refused a message to {topic}: {reason}"),
            BusEvent::SubscribeRefused { filter, reason } => {
                warn!("the broker refused the subscription to {filter}: {reason}");
            }
            _ => {}
        }
        Ok(())
    }

    /// F10: a broker that takes smaller packets would drop every gradient without a word.
    fn check_packet_limit(&self) -> Result<(), Failure> {
        let (bytes_max, broker_bytes_max) = (self.valid.packet_bytes_max, self.outlet.broker_packet_bytes_max());
        if broker_bytes_max >= bytes_max {
            return Ok(());
        }
        let limits = ProbeError::PacketLimit { broker_bytes_max, bytes_max };
        Err(Failure::new(Exit::Config, format!("{}: {limits}", self.valid.places.of("broker.max_packet"))))
    }

    fn finish_round(&mut self) {
        if let Some((round, diagnosis)) = self.shares.enter(self.worker.status().round) {
            debug!("round {}: {}, {}", round.0, diagnosis.dominant().name(), diagnosis.why());
            self.tally.finished(&diagnosis);
        }
    }

    pub(super) fn on_done(&mut self, done: Done) -> Result<(), Failure> {
        let now = self.clock.now();
        match done {
            Done::Prepared { prepared, survey, usage } => {
                if self.data.usage.as_ref() != Some(&usage) {
                    info!("{}: {usage}", self.data_name());
                }
                self.data.usage = Some(usage);
                self.publish_info();
                self.worker.handle(now, Input::Prepared { prepared, survey: &survey });
            }
            Done::Replaced(Ok((prepared, usage))) => {
                self.data.watch.has_read();
                info!("{} has changed: {usage}", self.data_name());
                self.data.usage = Some(usage);
                self.publish_info();
                self.worker.handle(now, Input::Prepared { prepared, survey: &[] });
            }
            Done::Replaced(Err(failure)) => {
                self.data.watch.has_read();
                warn!("{} has changed, and training continues without the new rows: {failure}", self.data_name());
            }
            Done::Computed { round, gradient, took, spent, model } => {
                self.computing.keep_model(model);
                self.computing.took(gradient.samples, took);
                // Without samples it was cancelled.
                if gradient.samples > 0 {
                    self.shares.computed(round, spent);
                }
                self.worker.handle(
                    now,
                    Input::Computed {
                        round,
                        samples: gradient.samples,
                        loss_sum: gradient.loss_sum,
                        gradient: &gradient.mean,
                        took,
                    },
                );
                self.computing.keep_gradient(gradient);
            }
            Done::Scored { round, scores, model } => {
                self.computing.keep_model(model);
                self.worker.handle(now, Input::Scored { round, scores: &scores });
            }
            Done::Failed(failure) => return Err(failure),
        }
        Ok(())
    }
}
