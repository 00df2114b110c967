//! The driver: one `select!` over bus, compute thread, timer and shutdown, one `match` over the worker's outputs.

use crate::cancel::Cancel;
use crate::config::Valid;
use crate::diagnosis::{Diagnosis, Spent};
use crate::engine::{Ended, Engine};
use crate::metrics_server;
use crate::notes::on_note;
use crate::people::State;
use crate::process::be_nice;
use crate::shift::{self, Look, Parting, Shift};
use crate::tally::Tally;
use crate::uplink::Uplink;
use crate::watch::Watch;
use crate::work::{Compute, Done, Work};
use heijunka_bus::{Bus, BusEvent, Events, Message, Outage, ProbeError, PublishError};
use heijunka_compute::{Gradient, LocalSteps, RUNS};
use heijunka_data::Usage;
use heijunka_metrics::MetricsServer;
use heijunka_program::{Service, Signals, init_logging, runtime};
use heijunka_settings::{Exit, Failure};
use heijunka_units::{ByteRate, Cap, RoundId, Timestamp};
use heijunka_wire::{Channel, Topics, limits};
use heijunka_worker::{Buffers, Input, Output, Settings, Worker, gradient_bytes, update_bytes};
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};
use tracing::{debug, info, warn};

mod telling;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(3);
/// Bytes by which the length of a packet is written longer than that of an empty one.
const LONGER_BYTES: usize = 3;
/// Messages that are taken from the bus before the other sources are looked at.
const MESSAGES_AT_ONCE: usize = 32;

/// Runs until the agent is stopped.
pub(crate) fn run(valid: &Valid) -> Result<(), Failure> {
    init_logging(&valid.log)?;
    let runtime = runtime()?;
    be_nice(valid.nice);
    runtime.block_on(shift::serve(valid))
}

/// A number that no other start of this agent has. Each answer carries it: 32 bits are enough, and take half the room.
fn session() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish() >> 32
}

/// The cap on what is sent, with what a packet has besides its frame.
fn cap(valid: &Valid, topics: &Topics) -> Option<Cap> {
    let packet_bytes =
        |channel| Message::new(topics.of(channel, &valid.agent).as_str(), Vec::new()).often().packet_bytes();
    let channels = [Channel::Join, Channel::Survey, Channel::Scores, Channel::Gradient];
    let packet_extra_bytes = channels.map(packet_bytes).into_iter().max().unwrap_or(0) + LONGER_BYTES;
    valid.uplink.map(|rate| Cap { rate, packet_extra_bytes })
}

/// Works until the agent is stopped or its hours are over.
pub(crate) async fn work(
    valid: &Valid,
    shift: &mut Shift,
    signals: &mut Signals,
    service: &mut Service,
) -> Result<Parting, Failure> {
    // Zeroed memory is only taken from the system once it is written to.
    let mut model = vec![0.0; valid.parameters_max];
    let mut gradient = vec![0; gradient_bytes(valid.parameters_max)];
    let mut update = vec![0; update_bytes(valid.parameters_max)];
    let mut residual = vec![0.0; valid.parameters_max];
    let mut momentum = vec![0.0; valid.parameters_max];
    let mut spec = vec![0; limits::DOCUMENT_BYTES_MAX];
    let mut survey = vec![0; limits::DOCUMENT_BYTES_MAX];
    let mut scores = vec![0; limits::DOCUMENT_BYTES_MAX];
    let mut packet = vec![0; valid.packet_bytes_max - limits::PACKET_OVERHEAD_BYTES];
    let buffers = Buffers {
        model: &mut model,
        gradient: &mut gradient,
        update: &mut update,
        residual: &mut residual,
        momentum: &mut momentum,
        spec: &mut spec,
        survey: &mut survey,
        scores: &mut scores,
        packet: &mut packet,
    };
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    let settings = Settings {
        agent: valid.agent.clone(),
        session: session(),
        samples_max: limits::BATCH_SAMPLES_MAX,
        threads: u16::try_from(valid.threads.min(RUNS)).unwrap_or(u16::MAX),
        cpu_share_percent: valid.cpu_share_percent,
        uplink: cap(valid, &topics),
    };
    let mut bus = valid.bus.clone();
    let state = topics.of(Channel::AgentState, &valid.agent);
    bus.will = Some(Message::new(state.as_str(), State::lost()).retained());
    bus.subscriptions = vec![
        topics.common(Channel::Spec).to_string(),
        topics.of(Channel::Assign, &valid.agent).to_string(),
        topics.common(Channel::Round).to_string(),
        topics.of(Channel::Extra, &valid.agent).to_string(),
        topics.of(Channel::Snapshot, &valid.agent).to_string(),
    ];
    let (bus, events) = heijunka_bus::start(bus)
        .map_err(|error| Failure::new(Exit::Config, format!("{}: {error}", valid.path.display())))?;
    let mut driver = Driver {
        valid,
        worker: Worker::new(settings, buffers),
        topics,
        bus,
        engine: Engine::start(valid)?,
        origin: Instant::now(),
        cancel: Cancel::default(),
        spare_model: Vec::new(),
        spare_gradient: Gradient::default(),
        outage: Outage::default(),
        usage: None,
        watch: Watch::new(valid),
        open: None,
        finished: None,
        uplink: Uplink::new(valid.emulate.uplink_bps.and_then(ByteRate::from_bits_per_s)),
        held: Duration::ZERO,
        shift,
        tally: Tally::default(),
        metrics_server: metrics_server::start(valid.http_listen),
        status_due: Instant::now() + valid.publish_every,
        service,
    };
    info!("{} looks for job {} at {} on {}:{}", valid.agent, valid.job, valid.site, valid.bus.host, valid.bus.port);
    let doing = driver.doing();
    driver.service.ready(Instant::now(), &doing);
    let ended = driver.serve(events, signals).await;
    let state = match &ended {
        Ok(Parting::Stopped) => State::ended("stopped"),
        Ok(Parting::HoursOver) => State::away(&driver.shift.back()),
        Err(failure) => State::ended(&failure.to_string()),
    };
    driver.publish_people(Channel::AgentState, state);
    driver.cancel.cancel();
    driver.bus.close(FAREWELL).await;
    ended
}

struct Driver<'a> {
    valid: &'a Valid,
    worker: Worker<'a>,
    topics: Topics,
    bus: Bus,
    engine: Engine,
    origin: Instant,
    cancel: Cancel,
    spare_model: Vec<f32>,
    spare_gradient: Gradient,
    outage: Outage,
    /// Of the data that are there, once they have been read.
    usage: Option<Usage>,
    watch: Watch,
    /// The last share, and when it was done, until the next round begins.
    open: Option<(RoundId, Spent, Instant)>,
    /// The share before the round that has begun.
    finished: Option<Diagnosis>,
    tally: Tally,
    metrics_server: MetricsServer,
    uplink: Uplink,
    /// For how long the worker has held messages back, as far as it is counted in a share's time.
    held: Duration,
    shift: &'a mut Shift,
    status_due: Instant,
    service: &'a mut Service,
}

impl Driver<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.origin.elapsed()
    }

    async fn serve(&mut self, mut events: Events, signals: &mut Signals) -> Result<Parting, Failure> {
        loop {
            let late = self.look_at_clock();
            let wait = self.drain()?;
            if late || (self.worker.may_leave() && self.uplink.due().is_none()) {
                return Ok(Parting::HoursOver);
            }
            self.publish_status();
            self.tell_service();
            let dues = [self.instant(wait), self.status_due, self.service.due()];
            let others = [self.uplink.due().map(|due| self.instant(due)), self.shift.due(), self.watch.due()];
            let due = dues.into_iter().chain(others.into_iter().flatten()).min().unwrap_or(self.status_due);
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => {
                        self.on_bus(event)?;
                        self.on_waiting(&mut events)?;
                    }
                    None => return Err(self.valid.unavailable("the bus has ended")),
                },
                done = self.engine.done.recv() => match done {
                    Some(done) => self.on_done(done)?,
                    None => return Err(self.valid.unavailable("the compute thread has ended")),
                },
                () = tokio::time::sleep_until(due.into()) => {
                    while let Some(message) = self.uplink.ready(self.now()) {
                        report(self.bus.publish(message));
                    }
                    self.watch.check(self.engine.inbox());
                    let now = self.now();
                    self.worker.handle(now, Input::Tick);
                }
                // Whoever asked may be gone.
                reply = self.metrics_server.next() => drop(reply.send(self.metrics())),
                () = signals.received() => {
                    info!("stopping: the aggregator goes on without this agent");
                    return Ok(Parting::Stopped);
                }
            }
        }
    }

    /// Takes leave when the hours are over; returns whether it is time to go at once.
    fn look_at_clock(&mut self) -> bool {
        match self.shift.look() {
            Look::Same => false,
            Look::Over { away_s } => {
                info!("[limits] train_only: the hours are over, away until {}", self.shift.back());
                let now = self.now();
                self.worker.handle(now, Input::Leave { away_s });
                false
            }
            Look::Late => {
                warn!("what was under way is left to other agents: it takes too long after the end of the hours");
                true
            }
        }
    }

    fn on_waiting(&mut self, events: &mut Events) -> Result<(), Failure> {
        for _ in 0..MESSAGES_AT_ONCE {
            match events.try_next() {
                Some(event) => self.on_bus(event)?,
                None => break,
            }
        }
        Ok(())
    }

    fn instant(&self, wait: Timestamp) -> Instant {
        let far = Duration::from_secs(3600);
        self.origin + wait.since(Timestamp::ZERO).min(self.origin.elapsed() + far)
    }

    fn on_bus(&mut self, event: BusEvent) -> Result<(), Failure> {
        let now = self.now();
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
                let told = self.outage.lost(Instant::now(), &reason, retry_in);
                told.into_iter().for_each(|told| warn!("{told}"));
                self.worker.handle(now, Input::Disconnected);
            }
            BusEvent::Message(message) => {
                self.tally.received(message.payload.len());
                if let Some(topic) = self.topics.parse(&message.topic) {
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

    /// F10: a broker that takes smaller packets would swallow gradients for ever.
    fn check_packet_limit(&self) -> Result<(), Failure> {
        let (bytes_max, broker_bytes_max) = (self.valid.packet_bytes_max, self.bus.packet_bytes_max());
        if broker_bytes_max >= bytes_max {
            return Ok(());
        }
        let limits = ProbeError::PacketLimit { broker_bytes_max, bytes_max };
        Err(Failure::new(Exit::Config, format!("{}: {limits}", self.valid.places.of("broker.max_packet"))))
    }

    fn on_done(&mut self, done: Done) -> Result<(), Failure> {
        let now = self.now();
        match done {
            Done::Prepared { prepared, survey, usage } => {
                if self.usage.as_ref() != Some(&usage) {
                    info!("{}: {usage}", self.data_name());
                }
                self.usage = Some(usage);
                self.publish_info();
                self.worker.handle(now, Input::Prepared { prepared, survey: &survey });
            }
            Done::Replaced(Ok((prepared, usage))) => {
                self.watch.has_read();
                info!("{} has changed: {usage}", self.data_name());
                self.usage = Some(usage);
                self.publish_info();
                self.worker.handle(now, Input::Prepared { prepared, survey: &[] });
            }
            Done::Replaced(Err(failure)) => {
                self.watch.has_read();
                warn!("{} has changed, and training goes on without what is new: {failure}", self.data_name());
            }
            Done::Computed { round, gradient, took, spent, model } => {
                self.spare_model = model;
                self.engine.took(gradient.samples, took);
                // Without samples it was cancelled.
                if gradient.samples > 0 {
                    self.open = Some((round, spent, Instant::now()));
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
                self.spare_gradient = gradient;
            }
            Done::Scored { round, scores, model } => {
                self.spare_model = model;
                self.worker.handle(now, Input::Scored { round, scores: &scores });
            }
            Done::Failed(failure) => return Err(failure),
        }
        Ok(())
    }

    /// Does what the worker wants; returns when it next wants to be called.
    fn drain(&mut self) -> Result<Timestamp, Failure> {
        loop {
            let now = self.now();
            let work = match self.worker.poll_output(now) {
                Output::Wait(until) => return Ok(until),
                Output::Publish { channel, bytes } => {
                    let topic = self.topics.of(channel, &self.valid.agent);
                    let message = Message::new(topic.as_str(), bytes.to_vec());
                    self.send(if channel == Channel::Gradient { message.often() } else { message });
                    continue;
                }
                Output::Note(note) => {
                    on_note(self.valid, note)?;
                    continue;
                }
                Output::Abandon => {
                    self.cancel.cancel();
                    continue;
                }
                Output::Prepare { spec, document } => {
                    self.watch.reads(spec, document);
                    Work::Prepare { spec: spec.clone(), document: document.to_vec() }
                }
                Output::Compute {
                    round,
                    position,
                    samples,
                    local_steps,
                    stride,
                    learning_rate,
                    stop_after,
                    model,
                    ..
                } => {
                    self.cancel = Cancel::default();
                    let model = copied(&mut self.spare_model, model);
                    let stop = stop_after.map(|after| Instant::now() + after);
                    let local = LocalSteps { steps: local_steps, stride, rate: learning_rate };
                    let cancel = self.cancel.clone();
                    let gradient = std::mem::take(&mut self.spare_gradient);
                    Work::Compute(Compute { round, position, samples, local, stop, model, gradient, cancel })
                }
                Output::Score { round, first, rows, model } => {
                    self.cancel = Cancel::default();
                    let model = copied(&mut self.spare_model, model);
                    Work::Score { round, first, rows, model, cancel: self.cancel.clone() }
                }
            };
            match self.engine.ask(work) {
                Ok(Some(done)) => self.on_done(done)?,
                Ok(None) => {}
                Err(Ended) => return Err(self.valid.unavailable("the compute thread has ended")),
            }
        }
    }

    fn send(&mut self, message: Message) {
        self.tally.sent(message.payload.len());
        let now = self.now();
        let held = self.worker.held(now);
        let capped = held.saturating_sub(std::mem::replace(&mut self.held, held));
        let (message, emulated) = self.uplink.send(message, now);
        if let Some((_, spent, since)) = &mut self.open {
            // What is held back belongs to the share whose answer it is.
            let left = Instant::now();
            let capped = capped.min(left.saturating_duration_since(*since));
            spent.capped_uplink += capped;
            spent.emulated_uplink += (left + emulated).saturating_duration_since(*since + capped).min(emulated);
            *since = if emulated.is_zero() { *since + capped } else { left + emulated };
        }
        if let Some(message) = message {
            report(self.bus.publish(message));
        }
    }

    /// The wait after a share ends with the first that is heard of another round.
    fn finish_round(&mut self) {
        let Some((round, spent, since)) = self.open.filter(|open| open.0 != self.worker.status().round) else { return };
        let diagnosis = Diagnosis { spent, waited: since.elapsed() };
        debug!("round {}: {}, {}", round.0, diagnosis.dominant().name(), diagnosis.why());
        self.tally.finished(&diagnosis);
        self.finished = Some(diagnosis);
        self.open = None;
    }

    /// Of the last whole round, unless there is none or the wait in this one is already longer than its work.
    fn diagnosis(&self) -> Option<Diagnosis> {
        let open = self.open.map(|(_, spent, since)| Diagnosis { spent, waited: since.elapsed() });
        open.filter(|open| open.waited > open.spent.worked()).or(self.finished).or(open)
    }

    fn publish_people(&mut self, channel: Channel, bytes: Vec<u8>) {
        let contract = channel.contract();
        let topic = self.topics.of(channel, &self.valid.agent);
        let mut message = Message::new(topic.as_str(), bytes);
        message.retain = contract.retained;
        let message = if contract.at_least_once { message } else { message.at_most_once() };
        let now = self.now();
        self.worker.handle(now, Input::Sent { packet_bytes: message.packet_bytes() });
        self.tally.sent(message.payload.len());
        report(self.bus.publish(message));
    }
}

fn copied(spare: &mut Vec<f32>, model: &[f32]) -> Vec<f32> {
    let mut copy = std::mem::take(spare);
    copy.clear();
    copy.extend_from_slice(model);
    copy
}

fn report(published: Result<(), PublishError>) {
    if let Err(error) = published {
        warn!("a message was not sent: {error}");
    }
}
