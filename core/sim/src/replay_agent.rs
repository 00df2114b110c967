//! One agent of a replay: its mind, and a machine that takes as long as the costs say.

use crate::replay::{Costs, ROWS};
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::{AgentId, RoundId, Samples, Timestamp};
use heijunka_wire::document::{Column, Document, Survey};
use heijunka_wire::{Channel, digest, limits};
use heijunka_worker::{Buffers, Input, Output, Prepared, Settings, Worker};

/// What the machine is computing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    number: u64,
    pub(crate) round: RoundId,
    pub(crate) samples: Samples,
    pub(crate) took: Duration,
    network: Duration,
}

/// What an agent does next.
#[derive(Debug)]
pub(crate) enum Answering {
    /// A message of its own that arrives then.
    Sends { at: Timestamp, channel: Channel, bytes: Vec<u8> },
    /// A computation that is done then.
    Computes { at: Timestamp, work: u64 },
    /// Its timer goes off then.
    Wakes(Timestamp),
}

/// One agent.
#[derive(Debug)]
pub(crate) struct ReplayAgent<'b> {
    pub(crate) id: AgentId,
    pub(crate) wakes_at: Timestamp,
    worker: Worker<'b>,
    works: u64,
    /// What the machine has been asked for, one after the other.
    work: VecDeque<Work>,
    busy_until: Timestamp,
    /// How long the answer that was computed last is on its way.
    network: Duration,
    /// Messages keep their order.
    arrived_last: Timestamp,
}

impl<'b> ReplayAgent<'b> {
    pub(crate) fn new(id: &AgentId, buffers: Buffers<'b>) -> Self {
        let settings = Settings {
            agent: id.clone(),
            session: digest(id.as_str().as_bytes()),
            samples_max: limits::BATCH_SAMPLES_MAX,
            threads: 1,
            cpu_share_percent: 100,
            uplink: None,
        };
        Self {
            id: id.clone(),
            wakes_at: Timestamp::NEVER,
            worker: Worker::new(settings, buffers),
            works: 0,
            work: VecDeque::new(),
            busy_until: Timestamp::ZERO,
            network: Duration::ZERO,
            arrived_last: Timestamp::ZERO,
        }
    }

    pub(crate) fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        self.worker.handle(now, input);
    }

    /// The next thing to do; nothing once it is asleep. `costs` are this agent's in a round, counted from 0.
    pub(crate) fn wish(&mut self, now: Timestamp, mut costs: impl FnMut(u64) -> Costs) -> Option<Answering> {
        loop {
            match self.worker.poll_output(now) {
                Output::Publish { channel, bytes } => {
                    let network = if channel == Channel::Gradient { self.network } else { Duration::ZERO };
                    self.arrived_last = self.arrived_last.max(now + network);
                    return Some(Answering::Sends { at: self.arrived_last, channel, bytes: Vec::from(bytes) });
                }
                Output::Prepare { spec, .. } => {
                    let survey = if spec.is_fitted() { Vec::new() } else { survey().to_bytes() };
                    let prepared = Prepared { spec: spec.content, rows: ROWS, held_out_rows: 0, data_digest: ROWS };
                    self.worker.handle(now, Input::Prepared { prepared, survey: &survey });
                }
                Output::Compute { round, samples, stop_after, .. } => {
                    // Every round is for training, so their numbers, which begin with 1, count the rows of the costs.
                    let costs = costs(round.0.saturating_sub(1));
                    return Some(self.begin(now, round, samples, stop_after, costs));
                }
                Output::Abandon => {
                    self.busy_until = now;
                    while let Some(Work { round, .. }) = self.work.pop_front() {
                        let (samples, took) = (0, Duration::ZERO);
                        self.worker.handle(now, Input::Computed { round, samples, loss_sum: 0.0, gradient: &[], took });
                    }
                }
                // No agent holds rows out.
                Output::Score { .. } | Output::Note(_) => {}
                Output::Wait(until) => {
                    let until = until.max(now);
                    let changed = core::mem::replace(&mut self.wakes_at, until) != until;
                    return (changed && until != Timestamp::NEVER).then_some(Answering::Wakes(until));
                }
            }
        }
    }

    fn begin(
        &mut self,
        now: Timestamp,
        round: RoundId,
        samples: Samples,
        stop_after: Option<Duration>,
        costs: Costs,
    ) -> Answering {
        let samples = stop_after.map_or(samples, |stop| costs.samples_within(stop.as_secs_f64(), samples));
        let took = span(costs.compute_s(samples));
        self.works += 1;
        self.work.push_back(Work { number: self.works, round, samples, took, network: span(costs.network_s) });
        self.busy_until = self.busy_until.max(now) + took;
        Answering::Computes { at: self.busy_until, work: self.works }
    }

    /// Takes what has been computed, if it was not abandoned.
    pub(crate) fn done(&mut self, work: u64) -> Option<Work> {
        self.work.front().filter(|under_way| under_way.number == work)?;
        let done = self.work.pop_front()?;
        self.network = done.network;
        Some(done)
    }
}

/// One input and a target of numbers, the least that makes a job.
fn survey() -> Survey {
    let column = |name: &str| Column {
        name: name.to_string(),
        count: ROWS,
        mean: 0.5,
        m2: 0.25 * ROWS as f64,
        min: 0.0,
        max: 1.0,
        values: Vec::new(),
    };
    Survey { rows: ROWS, inputs: alloc::vec![column("x")], target: column("y") }
}

fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
