//! What the agent counts since it began, for Prometheus.

use crate::config::Valid;
use crate::diagnosis::Diagnosis;
use heijunka_data::Usage;
use heijunka_metrics::{Text, process};
use heijunka_worker::Status;
use std::time::Duration;

/// Sums since the program began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    connections: u64,
    received: Traffic,
    sent: Traffic,
    samples: u64,
    data: Duration,
    computing: Duration,
    emulated: Duration,
    resting: Duration,
    uplink: Duration,
    waiting: Duration,
    cpu_wait: Duration,
}

/// Messages and the bytes of their content.
#[derive(Clone, Copy, Debug, Default)]
struct Traffic {
    messages: u64,
    bytes: u64,
}

impl Traffic {
    fn add(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes as u64;
    }
}

/// What is so at the moment.
pub(crate) struct Now<'a> {
    pub(crate) valid: &'a Valid,
    pub(crate) connected: bool,
    pub(crate) status: Status,
    /// None before the data are read.
    pub(crate) usage: Option<&'a Usage>,
}

impl Tally {
    /// The broker is reached.
    pub(crate) fn connected(&mut self) {
        self.connections += 1;
    }

    /// A message came, of so many bytes.
    pub(crate) fn received(&mut self, bytes: usize) {
        self.received.add(bytes);
    }

    /// A message was given to the bus.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent.add(bytes);
    }

    /// A share was computed, and another round has begun.
    pub(crate) fn finished(&mut self, round: &Diagnosis) {
        let spent = &round.spent;
        self.samples += u64::from(spent.samples);
        self.data += spent.data;
        self.computing += spent.computing;
        self.emulated += spent.emulated();
        self.resting += spent.resting;
        self.uplink += spent.capped_uplink;
        self.waiting += round.waited;
        self.cpu_wait += spent.cpu_wait.unwrap_or_default();
    }

    /// The whole page of text.
    pub(crate) fn metrics(&self, now: &Now<'_>) -> String {
        let mut text = Text::default();
        job(&mut text, now);
        self.rounds(&mut text, &now.status);
        self.traffic(&mut text, now.connected);
        process(&mut text);
        text.finish()
    }

    fn rounds(&self, text: &mut Text, status: &Status) {
        let name = "heijunka_worker_answered_rounds_total";
        text.counter(name, "Rounds in which its share, or its scores, were computed.", status.rounds_answered);
        let name = "heijunka_worker_overtaken_rounds_total";
        text.counter(name, "Rounds that ended without this agent's result.", status.rounds_overtaken);
        text.counter("heijunka_worker_samples_total", "Samples that were computed.", self.samples);
        let name = "heijunka_worker_spent_seconds_total";
        text.family(
            "counter",
            name,
            "Time of rounds by what it went to: resting and uplink by [limits], waiting for others and the network.",
        );
        for (part, spent) in [
            ("data", self.data),
            ("computing", self.computing),
            ("emulated", self.emulated),
            ("resting", self.resting),
            ("uplink", self.uplink),
            ("waiting", self.waiting),
        ] {
            text.sample(name, &[("part", part)], spent.as_secs_f64());
        }
        let name = "heijunka_worker_cpu_wait_seconds_total";
        let help = "Within data and computing: ready to run but without a processor, which other programs held.";
        text.counter(name, help, self.cpu_wait.as_secs_f64());
    }

    fn traffic(&self, text: &mut Text, connected: bool) {
        text.gauge("heijunka_worker_connected", "1 while there is a connection to the broker.", u8::from(connected));
        let again = self.connections.saturating_sub(1);
        text.counter("heijunka_worker_reconnects_total", "Connections to the broker after the first.", again);
        for (way, traffic) in [("received", self.received), ("sent", self.sent)] {
            let (messages, bytes) =
                (format!("heijunka_worker_{way}_messages_total"), format!("heijunka_worker_{way}_bytes_total"));
            text.counter(&messages, &format!("Messages {way}."), traffic.messages);
            text.counter(
                &bytes,
                &format!("Bytes of the messages {way}, without those of MQTT and TLS."),
                traffic.bytes,
            );
        }
    }
}

fn job(text: &mut Text, now: &Now<'_>) {
    let Now { valid, status, usage, .. } = now;
    text.family("gauge", "heijunka_build_info", "Version of the agent.");
    text.sample("heijunka_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("gauge", "heijunka_worker_info", "Whose figures these are.");
    let labels = [("site", valid.site.as_str()), ("job", valid.job.as_str()), ("agent", valid.agent.as_str())];
    text.sample("heijunka_worker_info", &labels, 1);
    let joined = u8::from(status.joined);
    text.gauge("heijunka_worker_joined", "1 while the aggregator counts on this agent.", joined);
    text.gauge("heijunka_worker_share_samples", "Samples a round.", status.share_samples);
    text.gauge("heijunka_worker_batch_samples", "Samples of the global batch.", status.batch_samples);
    let loss = Some(status.loss).filter(|loss| loss.is_finite() && status.compute_seconds > 0.0);
    text.gauge_if("heijunka_worker_loss", "Mean loss of the last share.", loss);
    if let Some(usage) = usage {
        let name = "heijunka_worker_rows";
        text.family("gauge", name, "Rows or windows of the data by what they are for.");
        for (purpose, rows) in
            [("training", usage.train), ("held_out", usage.held_out), ("skipped", usage.skipped_total())]
        {
            text.sample(name, &[("for", purpose)], rows);
        }
    }
}
