//! What the agent reports to people's tools and the service manager.

use super::Driver;
use crate::people::{Info, json, status};
use crate::tally::Now;
use heijunka_data::Usage;
use heijunka_units::ByteRate;
use heijunka_wire::Channel;
use heijunka_worker::Input;
use std::time::Instant;

impl Driver<'_> {
    /// The data files as the settings name them.
    pub(super) fn data_name(&self) -> String {
        self.valid.source.paths.first().map(|path| path.display().to_string()).unwrap_or_default()
    }

    pub(super) fn publish_info(&mut self) {
        let usage = self.data.usage.as_ref();
        let info = Info {
            version: env!("CARGO_PKG_VERSION"),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            threads: self.valid.threads,
            cpu_share_percent: self.valid.cpu_share_percent,
            nice: self.valid.nice,
            uplink_bps: self.valid.uplink.map(ByteRate::bits_per_s),
            rows: usage.map_or(0, |usage| usage.train),
            held_out_rows: usage.map_or(0, |usage| usage.held_out),
            skipped_rows: usage.map_or(0, Usage::skipped_total),
            data: usage.map(Usage::to_string),
            schema: "heijunka-wire/v2",
        };
        self.publish_people(Channel::AgentInfo, json(&info));
    }

    pub(super) fn metrics(&self) -> String {
        let (connected, status) = (self.outlet.is_connected(), self.worker.status());
        self.tally.metrics(&Now { valid: self.valid, connected, status, usage: self.data.usage.as_ref() })
    }

    pub(super) fn publish_status(&mut self) {
        let now = Instant::now();
        if now < self.people.status_due {
            return;
        }
        self.people.status_due = now + self.valid.publish_every;
        if self.outlet.is_connected() {
            let waited = self.worker.waited(self.clock.now());
            let diagnosis = self.shares.diagnosis();
            self.publish_people(Channel::AgentStatus, status(&self.worker.status(), waited, diagnosis.as_ref()));
        }
    }

    /// JSON for people leaves at once; the worker counts it under its cap.
    pub(super) fn publish_people(&mut self, channel: Channel, bytes: Vec<u8>) {
        let packet_bytes = self.outlet.send_to_people(channel, bytes, &mut self.tally);
        self.worker.handle(self.clock.now(), Input::Sent { packet_bytes });
    }

    /// Gives the service manager a sign of life when it is time.
    pub(super) fn turn_service(&mut self) {
        let now = Instant::now();
        if now >= self.people.service.due() {
            let (alive, doing) = (self.computing.is_alive(now), self.doing());
            self.people.service.turn(now, alive, || doing);
        }
    }

    /// What the agent does, in one line.
    pub(super) fn doing(&self) -> String {
        let (valid, status) = (self.valid, self.worker.status());
        if !self.outlet.is_connected() {
            format!("waiting for the broker at {}:{}", valid.bus.host, valid.bus.port)
        } else if !status.joined {
            format!("waiting for job {} at {}", valid.job, valid.site)
        } else {
            let (share, batch) = (status.share_samples, status.batch_samples);
            format!("job {}, round {}: {share} of {batch} samples", valid.job, status.number)
        }
    }
}
