//! From settings to a driver that works, and its orderly end.

use super::{Data, Driver, People};
use crate::clock::Clock;
use crate::computing::Computing;
use crate::config::Valid;
use crate::metrics_server;
use crate::outlet::{Outlet, cap};
use crate::people::State;
use crate::shares::Shares;
use crate::shift::{Parting, Shift};
use crate::tally::Tally;
use crate::watch::Watch;
use crate::worker_memory::WorkerMemory;
use heijunka_bus::{BusConfig, Message, Outage};
use heijunka_compute::RUNS;
use heijunka_program::{Service, Signals};
use heijunka_settings::{Exit, Failure};
use heijunka_wire::{Channel, Topics, limits};
use heijunka_worker::{Settings, Worker};
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};
use tracing::info;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// Works until the agent is stopped or its hours are over.
pub(crate) async fn work(
    valid: &Valid,
    shift: &mut Shift,
    signals: &mut Signals,
    service: &mut Service,
) -> Result<Parting, Failure> {
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    let (bus, events) = heijunka_bus::start(bus_config(valid, &topics))
        .map_err(|error| Failure::new(Exit::Config, format!("{}: {error}", valid.path.display())))?;
    let mut memory = WorkerMemory::new(valid);
    let mut driver = Driver {
        valid,
        clock: Clock::start(),
        worker: Worker::new(settings(valid, &topics), memory.buffers()),
        computing: Computing::start(valid)?,
        outlet: Outlet::new(valid, topics, bus),
        data: Data { usage: None, watch: Watch::new(valid) },
        shares: Shares::default(),
        tally: Tally::default(),
        outage: Outage::default(),
        metrics_server: metrics_server::start(valid.http_listen),
        shift,
        people: People { status_due: Instant::now() + valid.publish_every, service },
    };
    info!("{} looks for job {} at {} on {}:{}", valid.agent, valid.job, valid.site, valid.bus.host, valid.bus.port);
    let doing = driver.doing();
    driver.people.service.ready(Instant::now(), &doing);
    let ended = driver.serve(events, signals).await;
    driver.end(&ended).await;
    ended
}

fn settings(valid: &Valid, topics: &Topics) -> Settings {
    Settings {
        agent: valid.agent.clone(),
        session: session(),
        samples_max: limits::BATCH_SAMPLES_MAX,
        threads: u16::try_from(valid.threads.min(RUNS)).unwrap_or(u16::MAX),
        cpu_share_percent: valid.cpu_share_percent,
        uplink: cap(valid, topics),
    }
}

/// A number that no other start of this agent has. Each answer carries it: 32 bits are enough, and take half the room.
fn session() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish() >> 32
}

fn bus_config(valid: &Valid, topics: &Topics) -> BusConfig {
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
    bus
}

impl Driver<'_> {
    /// Publishes why the agent has ended, and leaves the broker.
    async fn end(mut self, ended: &Result<Parting, Failure>) {
        let state = match ended {
            Ok(Parting::Stopped) => State::ended("stopped"),
            Ok(Parting::HoursOver) => State::away(&self.shift.back()),
            Err(failure) => State::ended(&failure.to_string()),
        };
        self.publish_people(Channel::AgentState, state);
        self.computing.cancel();
        self.outlet.close(FAREWELL).await;
    }
}
