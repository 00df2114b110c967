//! The driver: one `select!` over bus, timer and shutdown, one `match` over the coordinator's outputs.

use crate::config::Valid;
use crate::history::History;
use crate::people::{AgentState, State, event, json, status};
use crate::progress::{Progress, message};
use crate::trace_file::TraceFile;
use crate::{resume, run_number};
use heijunka_bus::{Bus, BusEvent, Events, Message, Outage, ProbeError, PublishError};
use heijunka_page::{Facts, Figures, Page, Setup};
use heijunka_program::{Service, Signals, host, init_logging, now, runtime};
use heijunka_round::{Coordinator, Event, Input, Level, Outcome, Output, RoundRecord};
use heijunka_settings::{Exit, Failure};
use heijunka_units::{RunId, Start, Timestamp};
use heijunka_wire::{Channel, Topics, decode};
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};
use tracing::field::display;
use tracing::{info, warn};

use gone::Gone;
use saving::LastSave;

mod gone;
mod orders;
mod reporting;
mod saving;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long to listen for a run that was begun elsewhere, before beginning one.
const LISTEN: Duration = Duration::from_millis(300);
/// Where Mosquitto says how many messages it has dropped. Other brokers say nothing, which does no harm.
const DROPPED: &str = "$SYS/broker/publish/messages/dropped";
/// Messages that are taken from the bus before the other sources are looked at.
const MESSAGES_AT_ONCE: usize = 64;

/// 128 bits that no other start of an aggregator has.
fn start() -> Start {
    let mut bytes = [0; 16];
    for half in bytes.chunks_exact_mut(8) {
        half.copy_from_slice(&std::collections::hash_map::RandomState::new().build_hasher().finish().to_le_bytes());
    }
    Start::new(bytes)
}

/// Trains until the job is done or it is stopped.
pub(crate) fn run(valid: &Valid) -> Result<(), Failure> {
    init_logging(&valid.log)?;
    std::fs::create_dir_all(&valid.output).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("cannot make the folder {}", valid.output.display()))
            .why(error.to_string())
    })?;
    runtime()?.block_on(serve(valid))
}

async fn serve(valid: &Valid) -> Result<(), Failure> {
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    // The run number is not known before the broker answers, so the will names the last one known here.
    let last = run_number::last(&valid.output)?;
    let mut bus = valid.bus.clone();
    let state = topics.common(Channel::AggregatorState);
    bus.will = Some(Message::new(state.as_str(), json(&State::lost(last.next()))).retained());
    bus.subscriptions = [Channel::Join, Channel::Gradient, Channel::Survey, Channel::Scores, Channel::AgentState]
        .map(|channel| topics.all(channel).to_string())
        .into_iter()
        .chain([Channel::Spec, Channel::AggregatorState].map(|channel| topics.common(channel).to_string()))
        .chain([DROPPED.to_owned()])
        .collect();
    let (bus, mut events) = heijunka_bus::start(bus)
        .map_err(|error| Failure::new(Exit::Config, format!("{}: {error}", valid.path.display())))?;
    info!("job {} at {} on {}:{}", valid.job, valid.site, valid.bus.host, valid.bus.port);
    let mut signals = Signals::new()?;
    let page = Page::start(page(valid));
    let mut service = Service::find(Instant::now());
    let waiting = format!("waiting for the broker at {}:{}", valid.bus.host, valid.bus.port);
    service.ready(Instant::now(), &waiting);
    let mut outage = Outage::default();
    let Some(seen) = listen(&mut events, &topics, &mut signals, &mut outage, (&mut service, &waiting)).await? else {
        service.stopping("stopped");
        bus.close(FAREWELL).await;
        return Ok(());
    };
    let (bytes_max, broker_bytes_max) = (valid.plan.packet_bytes_max, bus.packet_bytes_max());
    if broker_bytes_max < bytes_max {
        let limits = ProbeError::PacketLimit { broker_bytes_max, bytes_max };
        return Err(Failure::new(Exit::Config, format!("{}: {limits}", valid.places.of("broker.max_packet"))));
    }
    let run = last.max(seen).next();
    run_number::keep(&valid.output, run)?;
    info!("run {run} begins: waiting for {}", heijunka_allocate::agents(valid.plan.patience.min_agents));
    let resumed_after = valid.gone_on.and(valid.plan.start.as_ref()).map(|start| start.steps);
    let begun = resume::begin(&valid.output, resumed_after)?;
    let history = History::create(&valid.output, valid.gone_on)
        .map_err(|error| Failure::new(Exit::Unavailable, "cannot write history.csv").why(error.to_string()))?;
    let mut driver = Driver {
        coordinator: Coordinator::new(valid.plan.clone(), run, start(), Timestamp::ZERO),
        valid,
        topics,
        bus,
        origin: Instant::now(),
        progress: Progress::new(valid.plan.until.rounds),
        figures: Figures::default(),
        history,
        trace: begin_trace(valid),
        page,
        outage,
        rival: None,
        dropped: None,
        status_due: Instant::now(),
        told_due: Instant::now(),
        save_due: Instant::now() + valid.save_every,
        saved: None,
        stopped: None,
        last: None,
        gone: Gone::default(),
        service,
    };
    begun.iter().for_each(|message| driver.on_event(message));
    let ended = driver.serve(events, &mut signals).await;
    driver.progress.finish();
    let message = driver.trace.as_mut().and_then(TraceFile::write);
    driver.warn_of_trace(message);
    let reason = match &ended {
        Ok(outcome) => outcome.to_string(),
        Err(failure) => failure.to_string(),
    };
    driver.service.stopping(&reason);
    if driver.rival.is_none() {
        driver.publish_people(Channel::AggregatorState, json(&State::stopped(run, reason.clone())));
        driver.publish_people(Channel::AggregatorStatus, status(&driver.coordinator, &driver.figures));
    }
    let connected = driver.bus.is_connected();
    let browsers = driver.page.close(&driver.coordinator, &driver.figures, connected, &reason);
    driver.bus.close(FAREWELL).await;
    if let Some(browsers) = browsers {
        browsers.wait();
    }
    ended.map(|_| ())
}

/// Waits for the broker and finds out which run was started last, here or elsewhere. `None` when asked to stop.
async fn listen(
    events: &mut Events,
    topics: &Topics,
    signals: &mut Signals,
    outage: &mut Outage,
    (service, doing): (&mut Service, &str),
) -> Result<Option<RunId>, Failure> {
    let mut seen = RunId(0);
    let mut until: Option<Instant> = None;
    loop {
        service.turn(Instant::now(), true, || doing.to_owned());
        let due = until.map_or(service.due(), |until| until.min(service.due()));
        tokio::select! {
            event = events.next() => match event {
                Some(BusEvent::Subscribed) => until = Some(Instant::now() + LISTEN),
                Some(BusEvent::Message(message)) => {
                    let topic = topics.parse(&message.topic);
                    match topic.map(|topic| topic.channel) {
                        Some(Channel::AggregatorState) => {
                            let state: Option<State> = serde_json::from_slice(&message.payload).ok();
                            seen = seen.max(RunId(state.map_or(0, |state| state.run)));
                        }
                        Some(_) => {
                            let run = decode(&message.payload).map(|frame| frame.head.run);
                            seen = seen.max(run.unwrap_or_default());
                        }
                        None => {}
                    }
                }
                Some(event) => say(&event, outage),
                None => return Err(Failure::new(Exit::Unavailable, "the bus has ended")),
            },
            () = tokio::time::sleep_until(due.into()) => {
                if until.is_some_and(|until| until <= Instant::now()) {
                    return Ok(Some(seen));
                }
            }
            () = signals.received() => return Ok(None),
        }
    }
}

fn say(event: &BusEvent, outage: &mut Outage) {
    match event {
        BusEvent::Connected { .. } => info!("{}", outage.over(Instant::now())),
        BusEvent::Disconnected { reason, retry_in } => {
            outage.lost(Instant::now(), reason, *retry_in).into_iter().for_each(|message| warn!("{message}"));
        }
        BusEvent::PublishRefused { topic, reason } => warn!("the broker refused a message to {topic}: {reason}"),
        BusEvent::SubscribeRefused { filter, reason } if filter == DROPPED => {
            tracing::debug!("the broker does not report dropped messages: {reason}");
        }
        BusEvent::SubscribeRefused { filter, reason } => {
            warn!("the broker refused the subscription to {filter}: {reason}");
        }
        _ => {}
    }
}

struct Driver<'a> {
    valid: &'a Valid,
    coordinator: Coordinator,
    topics: Topics,
    bus: Bus,
    origin: Instant,
    progress: Progress,
    figures: Figures,
    history: History,
    trace: Option<TraceFile>,
    page: Page,
    outage: Outage,
    /// The aggregator that has replaced this one, as far as it is known.
    rival: Option<String>,
    /// Messages that the broker has dropped, if it says so.
    dropped: Option<u64>,
    status_due: Instant,
    /// When the status may be published again, under a cap on what is sent.
    told_due: Instant,
    save_due: Instant,
    /// The round after which the model was written last.
    saved: Option<u64>,
    /// When the program was asked to stop.
    stopped: Option<Instant>,
    /// Once the job is over.
    last: Option<LastSave>,
    gone: Gone,
    service: Service,
}

impl Driver<'_> {
    fn now(&self) -> Timestamp {
        Timestamp::ZERO + self.origin.elapsed()
    }

    async fn serve(&mut self, mut events: Events, signals: &mut Signals) -> Result<Outcome, Failure> {
        self.connected(false);
        loop {
            let wait = self.drain()?;
            if let Some(outcome) = self.save_last()? {
                let figures = message(&self.coordinator, &self.figures);
                let steps = self.coordinator.steps();
                self.progress.print(|| info!("the job is over after round {steps}: {outcome}; {figures}"));
                return Ok(outcome);
            }
            self.publish_status();
            self.tell_service();
            self.page.show(&self.coordinator, &self.figures, self.bus.is_connected());
            let due = self.instant(wait).min(self.status_due).min(self.service.due());
            let due = self.last.as_ref().map_or(due, |last| due.min(last.due()));
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else {
                        // Failures have been reported.
                        let _ = self.save();
                        return Err(Failure::new(Exit::Unavailable, "the bus has ended"));
                    };
                    self.on_bus(&event);
                    for _ in 0..MESSAGES_AT_ONCE {
                        match events.try_next() {
                            Some(event) => self.on_bus(&event),
                            None => break,
                        }
                    }
                }
                () = tokio::time::sleep_until(due.into()) => {
                    let now = self.now();
                    self.coordinator.handle(now, Input::Tick);
                }
                () = signals.received() => self.stop(),
                asked = self.page.order() => self.on_order(asked),
            }
        }
    }

    fn stop(&mut self) {
        if let Some(last) = &mut self.last {
            return last.hurry(Instant::now());
        }
        self.stopped = Some(Instant::now());
        let now = self.now();
        self.coordinator.handle(now, Input::Stop);
    }

    fn instant(&self, wait: Timestamp) -> Instant {
        let far = Duration::from_secs(3600);
        self.origin + wait.since(Timestamp::ZERO).min(self.origin.elapsed() + far)
    }

    fn connected(&mut self, session_present: bool) {
        let now = self.now();
        self.publish_people(Channel::AggregatorState, json(&State::online(self.coordinator.run())));
        self.coordinator.handle(now, Input::Connected { session_present });
    }

    fn on_bus(&mut self, event: &BusEvent) {
        let now = self.now();
        match event {
            BusEvent::Message(message) if message.topic == DROPPED => {
                let text = std::str::from_utf8(&message.payload).unwrap_or_default();
                self.dropped = text.trim().parse().ok().or(self.dropped);
            }
            BusEvent::Message(message) => {
                let Some(topic) = self.topics.parse(&message.topic) else { return };
                match (topic.channel, &topic.agent) {
                    (Channel::AgentState, Some(agent)) => {
                        let state: Option<AgentState> = serde_json::from_slice(&message.payload).ok();
                        if let Some(absence) = state.and_then(|state| state.absence()) {
                            if !message.retain {
                                self.on_absence(agent, absence);
                            }
                            self.coordinator.handle(now, Input::Offline { agent });
                        }
                    }
                    (Channel::AggregatorState, _) => self.on_rival_state(&message.payload),
                    (channel, agent) => {
                        let input = Input::Frame { channel, agent: agent.as_ref(), bytes: &message.payload };
                        self.coordinator.handle(now, input);
                    }
                }
            }
            BusEvent::Connected { session_present } => {
                say(event, &mut self.outage);
                self.connected(*session_present);
            }
            BusEvent::Disconnected { .. } => {
                self.progress.print(|| say(event, &mut self.outage));
                self.coordinator.handle(now, Input::Disconnected);
            }
            other => say(other, &mut self.outage),
        }
    }

    fn on_rival_state(&mut self, payload: &[u8]) {
        let Ok(state) = serde_json::from_slice::<State>(payload) else { return };
        if RunId(state.run) > self.coordinator.run() {
            self.rival = Some(format!("run {} on {}", state.run, state.host));
        }
    }

    /// Does what the coordinator wants; returns when it next wants to be called.
    fn drain(&mut self) -> Result<Timestamp, Failure> {
        loop {
            match self.coordinator.poll_output() {
                Output::Wait(until) => {
                    if let Some(rival) = self.rival.clone() {
                        return Err(self.superseded(&rival));
                    }
                    return Ok(until);
                }
                Output::Publish { channel, agent, bytes } => {
                    let contract = channel.contract();
                    let topic = match &agent {
                        Some(agent) => self.topics.of(channel, agent),
                        None => self.topics.common(channel),
                    };
                    let mut message = Message::new(topic.as_str(), bytes);
                    message.retain = contract.retained;
                    report(self.bus.publish(message));
                }
                Output::Closed(record) => self.on_closed(&record),
                Output::Event(event) => self.on_event(&event),
                Output::Finished(outcome) => self.begin_last_save(outcome),
                Output::Superseded(run) => {
                    let rival = self.rival.get_or_insert_with(|| format!("run {run}")).clone();
                    return Err(self.superseded(&rival));
                }
            }
        }
    }

    fn on_closed(&mut self, record: &RoundRecord) {
        self.figures.add(record);
        self.page.add(record, self.coordinator.steps());
        if let Err(error) = self.history.add(record) {
            warn!("history.csv: {error}; training continues");
        }
        let message = self.trace.as_mut().and_then(|trace| trace.add(record, &self.coordinator.outlooks()));
        self.warn_of_trace(message);
        self.progress.show(&self.coordinator, &self.figures, record);
        if let Some(reason) = &record.moved {
            tracing::debug!("shares: {reason}");
        }
        if Instant::now() >= self.save_due {
            let _ = self.save();
        }
    }

    fn warn_of_trace(&self, message: Option<String>) {
        if let Some(message) = message {
            self.progress.print(|| warn!("{message}"));
        }
    }

    fn on_event(&mut self, happened: &Event) {
        self.log(happened);
        self.page.add_event(happened, now());
        self.publish_people(Channel::Events, event(happened));
    }

    /// Logs an event; its code and its agent are fields of the line.
    fn log(&self, happened: &Event) {
        let (code, agent) = (display(happened.code()), happened.agent().map(display));
        let fix = happened.fix().map_or_else(String::new, |fix| format!("; {fix}"));
        self.progress.print(|| match happened.level() {
            Level::Info => info!(code, agent, "{happened}{fix}"),
            Level::Warn => warn!(code, agent, "{happened}{fix}"),
        });
    }

    /// Leaves the job to a newer aggregator, and what it has come to in the folder, if that is not the newer one's, too.
    fn superseded(&mut self, rival: &str) -> Failure {
        // A run's number is stored before the run is announced.
        let is_own = run_number::last(&self.valid.output).is_ok_and(|run| run == self.coordinator.run());
        if is_own && let Ok(saved) = self.save() {
            self.progress.print(|| info!("{saved}"));
        }
        Failure::new(Exit::Unavailable, format!("another aggregator has taken over job {}: {rival}", self.valid.job))
            .why("two aggregators never mix their updates: the one that started last continues")
            .fix("leave one of them running; give a second job another name")
    }
}

/// What the page begins with.
fn page(valid: &Valid) -> Setup {
    Setup {
        facts: Facts {
            site: valid.site.to_string(),
            job: valid.job.to_string(),
            host: host(),
            policy: valid.plan.policy.to_string(),
            broker: format!("{}:{}", valid.bus.host, valid.bus.port),
            max_rounds: valid.plan.until.rounds,
            batch_samples: valid.plan.batch_samples,
            min_agents: valid.plan.patience.min_agents,
            control: valid.web.as_ref().is_some_and(|listen| listen.control),
        },
        listen: valid.web.clone(),
        folder: valid.output.clone(),
        before: valid.gone_on.unwrap_or_default(),
    }
}

/// Training continues without a trace if it cannot be recorded.
fn begin_trace(valid: &Valid) -> Option<TraceFile> {
    let path = valid.trace.as_ref()?;
    let message = |error: &std::io::Error| warn!("{}: {error}; no trace is recorded", path.display());
    TraceFile::create(path).inspect_err(message).ok()
}

fn report(published: Result<(), PublishError>) {
    if let Err(error) = published {
        warn!("a message was not sent: {error}");
    }
}
