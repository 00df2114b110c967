//! An agent: its mind, its memory, its machine.

use crate::bus::{Event, Link, Node, Packet};
use crate::engine::Engine;
use crate::record::Sent;
use crate::scenario::Machine;
use crate::world::World;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_compute::LocalSteps;
use heijunka_units::{AgentId, RoundId, RunId, Samples, Timestamp};
use heijunka_units::{SplitMix64, mix};
use heijunka_wire::document::Document;
use heijunka_wire::{Channel, DataMode, limits};
use heijunka_worker::{Buffers, Input, Output, Prepared, Settings, Worker, gradient_bytes, update_bytes};

/// How long a computation takes to notice that it is abandoned.
const ABANDONING: Duration = Duration::from_millis(1);
const DOCUMENT_BYTES: usize = 64 * 1024;

/// The memory that a worker borrows.
#[derive(Debug)]
pub(crate) struct Memory {
    model: Vec<f32>,
    gradient: Vec<u8>,
    update: Vec<u8>,
    residual: Vec<f32>,
    momentum: Vec<f32>,
    documents: [Vec<u8>; 3],
    packet: Vec<u8>,
}

impl Memory {
    pub(crate) fn new(parameters_max: usize, packet_bytes_max: usize) -> Self {
        Self {
            model: vec![0.0; parameters_max],
            gradient: vec![0; gradient_bytes(parameters_max)],
            update: vec![0; update_bytes(parameters_max)],
            residual: vec![0.0; parameters_max],
            momentum: vec![0.0; parameters_max],
            documents: core::array::from_fn(|_| vec![0; DOCUMENT_BYTES]),
            packet: vec![0; packet_bytes_max.saturating_sub(limits::PACKET_OVERHEAD_BYTES)],
        }
    }

    pub(crate) fn into_residual(self) -> Vec<f32> {
        self.residual
    }

    pub(crate) fn buffers(&mut self) -> Buffers<'_> {
        let [spec, survey, scores] = &mut self.documents;
        Buffers {
            model: &mut self.model,
            gradient: &mut self.gradient,
            update: &mut self.update,
            residual: &mut self.residual,
            momentum: &mut self.momentum,
            spec,
            survey,
            scores,
            packet: &mut self.packet,
        }
    }
}

/// What the machine has been asked for.
#[derive(Debug)]
enum Work {
    Prepared(Option<(Prepared, Vec<u8>)>),
    Computed { round: RoundId, samples: Samples, loss_sum: f64, gradient: Vec<f32>, took: Duration },
    Scored { round: RoundId, scores: Vec<u8> },
}

/// Samples, position and model that a worker was asked about.
pub(crate) type Asked = (Samples, u64, u64);
/// Session, run and round in which it was asked, and the range if it is another agent's.
pub(crate) type AskedKey = (u64, RunId, RoundId, Option<(u64, Samples)>);

/// One agent.
#[derive(Debug)]
pub(crate) struct Agent<'b> {
    pub(crate) id: AgentId,
    pub(crate) machine: Machine,
    pub(crate) link: Link,
    pub(crate) wakes_at: Timestamp,
    pub(crate) frozen_until: Timestamp,
    /// Counts starts of the process.
    pub(crate) incarnation: u32,
    /// Its last answers, which a liar repeats.
    pub(crate) past: Vec<Packet>,
    pub(crate) asked: BTreeMap<AskedKey, Asked>,
    worker: Option<Worker<'b>>,
    memory: Option<Buffers<'b>>,
    engine: Engine,
    works: BTreeMap<u64, Work>,
    works_made: u64,
    busy_until: Timestamp,
    random: SplitMix64,
}

impl<'b> Agent<'b> {
    pub(crate) fn new(id: AgentId, machine: Machine, engine: Engine, memory: Buffers<'b>, random: SplitMix64) -> Self {
        Self {
            id,
            machine,
            link: Link::default(),
            wakes_at: Timestamp::NEVER,
            frozen_until: Timestamp::ZERO,
            incarnation: 0,
            past: Vec::new(),
            asked: BTreeMap::new(),
            worker: None,
            memory: Some(memory),
            engine,
            works: BTreeMap::new(),
            works_made: 0,
            busy_until: Timestamp::ZERO,
            random,
        }
    }

    pub(crate) fn start(&mut self) {
        let Some(memory) = self.memory.take() else { return };
        self.incarnation += 1;
        let settings = Settings {
            agent: self.id.clone(),
            session: self.session(),
            samples_max: self.machine.samples_max,
            threads: 1,
            cpu_share_percent: 100,
            uplink: self.machine.uplink,
        };
        self.worker = Some(Worker::new(settings, memory));
    }

    pub(crate) fn crash(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.memory = Some(worker.into_buffers());
        }
        self.works.clear();
        self.busy_until = Timestamp::ZERO;
        self.link.outbox.clear();
        self.link.cut(false);
        self.wakes_at = Timestamp::NEVER;
    }

    pub(crate) fn runs(&self) -> bool {
        self.worker.is_some()
    }

    fn session(&self) -> u64 {
        mix(heijunka_wire::digest(self.id.as_str().as_bytes()).wrapping_add(u64::from(self.incarnation)))
    }

    /// How many of `samples` are computed if it stops after `stop_after`, one at least, and how long they take.
    fn compute_time(&mut self, samples: Samples, stop_after: Option<Duration>) -> (Samples, Duration) {
        let noise = if self.machine.jitter > 0.0 { libm::exp(self.machine.jitter * self.random.normal()) } else { 1.0 };
        let (fixed_s, per_sample_s) = (self.machine.fixed_s * noise, self.machine.per_sample_s * noise);
        let fit = |stop: Duration| ((stop.as_secs_f64() - fixed_s) / per_sample_s).max(1.0) as Samples;
        let done = stop_after.map_or(samples, |stop| fit(stop).min(samples));
        (done, Duration::try_from_secs_f64(fixed_s + per_sample_s * f64::from(done)).unwrap_or_default())
    }

    /// Puts work at the end of the machine's queue; returns its number and when it is done.
    fn take_on(&mut self, now: Timestamp, takes: Duration, work: Work) -> (u64, Timestamp) {
        self.works_made += 1;
        self.busy_until = self.busy_until.max(now) + takes;
        self.works.insert(self.works_made, work);
        (self.works_made, self.busy_until)
    }
}

impl<'b> World<'_, 'b> {
    /// Lets an agent's mind handle something, and does what it wants then. `now` is the world's time.
    pub(crate) fn agent_handles(&mut self, index: usize, input: Input<'_>) {
        let clock = self.clock(Node::Agent(index));
        let Some(mut worker) = self.agents[index].worker.take() else { return };
        let ticked = matches!(input, Input::Tick);
        worker.handle(clock, input);
        let private = self.scenario.plan.job.data_mode == DataMode::Private;
        loop {
            let run = worker.status().run;
            match worker.poll_output(clock) {
                Output::Wait(until) => {
                    self.agents[index].worker = Some(worker);
                    return self.sleep(Node::Agent(index), until, ticked);
                }
                Output::Publish { channel, bytes } => {
                    let packet = Packet { channel, agent: Some(index), bytes: Rc::from(bytes) };
                    self.record.announcements += u64::from(channel == Channel::Join);
                    let Agent { machine, incarnation: starts, .. } = self.agents[index];
                    if machine.uplink.is_some() {
                        self.record.capped.push(Sent {
                            agent: index,
                            starts,
                            at: self.now,
                            channel,
                            bytes: bytes.len(),
                        });
                    }
                    self.agent_publishes(index, packet);
                }
                Output::Note(note) => self.record.notes.push((self.agents[index].id.clone(), note)),
                Output::Abandon => self.abandon(index),
                Output::Prepare { spec, document } => {
                    let prepared = self.agents[index].engine.prepare(spec, document);
                    let takes = self.agents[index].machine.prepare;
                    self.begin(index, takes, Work::Prepared(prepared));
                }
                Output::Compute {
                    round,
                    position,
                    samples,
                    local_steps,
                    stride,
                    learning_rate,
                    extra,
                    stop_after,
                    model,
                } => {
                    let bytes: Vec<u8> = model.iter().flat_map(|parameter| parameter.to_le_bytes()).collect();
                    // With data of its own an agent continues from where it was, also when it begins a round again.
                    let place = if private { 0 } else { position };
                    let asked = (samples, place, heijunka_wire::digest(&bytes));
                    let range = extra.then_some((position, samples));
                    self.check_asked(index, (self.agents[index].session(), run, round, range), asked);
                    let agent = &mut self.agents[index];
                    let (samples, took) = agent.compute_time(samples, stop_after);
                    let took = took.saturating_mul(u32::from(local_steps));
                    let local = LocalSteps { steps: local_steps, stride, rate: learning_rate };
                    let (gradient, loss_sum) = agent.engine.compute(position, samples, model, local);
                    self.begin(index, took, Work::Computed { round, samples, loss_sum, gradient, took });
                }
                Output::Score { round, first, rows, model } => {
                    let agent = &mut self.agents[index];
                    let scores = agent.engine.score(first, rows, model).to_bytes();
                    let (_, takes) = agent.compute_time(rows, None);
                    self.begin(index, takes, Work::Scored { round, scores });
                }
            }
        }
    }

    fn begin(&mut self, index: usize, takes: Duration, work: Work) {
        let agent = &mut self.agents[index];
        let (work, at) = agent.take_on(self.now, takes, work);
        self.queue.push(at, Event::Done { agent: index, incarnation: agent.incarnation, work });
    }

    fn abandon(&mut self, index: usize) {
        let agent = &mut self.agents[index];
        let at = self.now + ABANDONING;
        agent.busy_until = at;
        for (work, what) in &mut agent.works {
            if let Work::Computed { samples, gradient, .. } = what {
                (*samples, *gradient) = (0, Vec::new());
                self.queue.push(at, Event::Done { agent: index, incarnation: agent.incarnation, work: *work });
            }
        }
    }

    /// Shares and scores that the agent has answered since it was started.
    fn answered(&self, index: usize) -> u64 {
        self.agents[index].worker.as_ref().map_or(0, |worker| worker.status().rounds_answered)
    }

    pub(crate) fn on_done(&mut self, index: usize, incarnation: u32, work: u64) {
        let agent = &mut self.agents[index];
        if agent.incarnation != incarnation {
            return;
        }
        match agent.works.remove(&work) {
            Some(Work::Prepared(Some((prepared, survey)))) => {
                self.agent_handles(index, Input::Prepared { prepared, survey: &survey });
            }
            Some(Work::Computed { round, samples, loss_sum, gradient, took }) => {
                let before = self.answered(index);
                self.agent_handles(index, Input::Computed { round, samples, loss_sum, gradient: &gradient, took });
                if self.scenario.keep_models && self.answered(index) > before {
                    self.record.computed.push((samples, gradient));
                }
            }
            Some(Work::Scored { round, scores }) => self.agent_handles(index, Input::Scored { round, scores: &scores }),
            Some(Work::Prepared(None)) | None => {}
        }
    }
}
