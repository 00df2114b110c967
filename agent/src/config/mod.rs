//! The agent's settings file: one module for each section.

mod data;
mod emulate;
mod limits;
mod status;

pub(crate) use emulate::Emulate;

use crate::hours::Hours;
use data::Data;
use heijunka_bus::BusConfig;
use heijunka_data::Source;
use heijunka_program::{BROKER_KEYS, bus_config, host_name};
use heijunka_settings::{
    BrokerSettings, Exit, Failure, Guide, Loaded, LogSettings, Places, Problem, load as load_settings, name,
};
use heijunka_units::{AgentId, ByteRate, JobName, SiteName};
use limits::Limits;
use serde::Deserialize;
use status::Status;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The plant; the same for all programs of the job. `site = "plant-1"`
    site: String,
    /// The training job; the same for all programs of the job. `job = "job-1"`
    job: String,
    /// This machine's name, one per machine; its host name if omitted; for example `agent_id = "press-07"`
    agent_id: Option<String>,
    /// Where the broker is: Mosquitto, or any MQTT 5 broker.
    broker: BrokerSettings,
    /// What the agent learns from. It never leaves the machine.
    data: Data,
    /// How much of the machine training may use.
    #[serde(default)]
    limits: Limits,
    /// What the agent reports to people.
    #[serde(default)]
    status: Status,
    /// What is logged, to standard error.
    #[serde(default)]
    log: LogSettings,
    /// For trials: makes this machine appear slower than it is.
    #[serde(default)]
    emulate: Emulate,
}

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Valid {
    pub(crate) path: PathBuf,
    /// Where keys are written whose errors show later.
    pub(crate) places: Places,
    pub(crate) site: SiteName,
    pub(crate) job: JobName,
    pub(crate) agent: AgentId,
    pub(crate) bus: BusConfig,
    pub(crate) source: Source,
    /// How often the files are checked for changes, if at all.
    pub(crate) look_again_every: Option<Duration>,
    pub(crate) threads: usize,
    /// Share of the time in which each of them computes, 1 to 100.
    pub(crate) cpu_share_percent: u8,
    /// Priority of the program, 0 to 19.
    pub(crate) nice: u8,
    /// When to train; `None`: always.
    pub(crate) hours: Option<Hours>,
    /// The most that is sent; `None` without a limit.
    pub(crate) uplink: Option<ByteRate>,
    /// Bytes that data, model and queues may take.
    pub(crate) memory_bytes: u64,
    /// Parameters that the memory limit has room for.
    pub(crate) parameters_max: usize,
    pub(crate) packet_bytes_max: usize,
    pub(crate) publish_every: Duration,
    /// Where /metrics is served.
    pub(crate) http_listen: Option<SocketAddr>,
    pub(crate) log: LogSettings,
    pub(crate) emulate: Emulate,
}

const GUIDE: Guide = Guide {
    init: "heijunka-agent init",
    examples: &[
        ("site", "site = \"plant-1\""),
        ("job", "job = \"steel-faults\""),
        ("broker", "[broker]"),
        ("broker.url", "url = \"mqtt://192.168.1.10\""),
        ("data", "[data]"),
        ("data.path", "path = 'measurements.csv'"),
    ],
    also: &[("limits.work_hours", "train_only")],
};

/// Reads settings without checking what they say.
#[cfg(test)]
pub(crate) fn read(text: &str) -> Result<(), heijunka_settings::SettingsError> {
    heijunka_settings::parse::<File>(Path::new("sample.toml"), text.to_owned(), &GUIDE).map(drop)
}

/// Reads and checks the settings file.
pub(crate) fn load(path: &Path) -> Result<Valid, Failure> {
    let loaded: Loaded<File> = load_settings(path, &GUIDE)?;
    check(&loaded).map_err(|problem| Failure::from(loaded.report(problem)))
}

fn check(loaded: &Loaded<File>) -> Result<Valid, Problem> {
    let file = &loaded.settings;
    let site: SiteName = name("site", &file.site)?;
    let job: JobName = name("job", &file.job)?;
    let agent: AgentId = name("agent_id", &agent_id(file)?)?;
    file.emulate.check().map_err(|problem| problem.within("emulate"))?;
    // The job is part of the id, so that one machine can serve two jobs.
    let client_id = format!("heijunka-{site}-{job}-{agent}");
    let bus = bus_config(&file.broker, client_id, |path| loaded.resolve(path));
    Ok(Valid {
        path: loaded.path().to_owned(),
        places: loaded.places(&[&BROKER_KEYS[..], &["data.path"]].concat()),
        threads: file.limits.threads()?,
        cpu_share_percent: file.limits.cpu_share_percent()?,
        nice: file.limits.nice()?,
        hours: file.limits.hours()?,
        uplink: file.limits.uplink()?,
        memory_bytes: file.limits.memory_bytes()?,
        parameters_max: file.limits.parameters_max()?,
        publish_every: file.status.publish_every()?,
        http_listen: file.status.http_listen()?,
        bus: bus.map_err(|problem| problem.within("broker"))?,
        source: file.data.source(file.limits.memory_bytes()?, |path| loaded.resolve(path))?,
        look_again_every: file.data.look_again_every(),
        packet_bytes_max: usize::try_from(file.broker.max_packet.bytes()).unwrap_or(usize::MAX),
        log: file.log,
        emulate: file.emulate.clone(),
        site,
        job,
        agent,
    })
}

fn agent_id(file: &File) -> Result<String, Problem> {
    let id = file.agent_id.clone().or_else(host_name);
    id.ok_or_else(|| Problem::new("agent_id", "this machine has no host name", "write agent_id = \"press-07\""))
}

impl Valid {
    /// A failure of the broker, in the settings' terms.
    pub(crate) fn unavailable(&self, what: impl Into<String>) -> Failure {
        Failure::new(Exit::Unavailable, what)
    }
}
