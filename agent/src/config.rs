//! The agent's settings file.

use heijunka_bus::{BusConfig, Secret as BusSecret, Tls, TlsFiles};
use heijunka_data::{Missing, Source};
use heijunka_settings::{
    BrokerSettings, Exit, Failure, Guide, Loaded, LogSettings, Problem, Size, Span, load as load_settings,
};
use heijunka_units::{AgentId, JobName, SiteName};
use heijunka_wire::limits::PARAMETERS_MAX;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: String,
    job: String,
    agent_id: Option<String>,
    broker: BrokerSettings,
    data: Data,
    #[serde(default)]
    limits: Limits,
    #[serde(default)]
    status: Status,
    #[serde(default)]
    log: LogSettings,
    #[serde(default)]
    emulate: Emulate,
}

/// `[data]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    path: PathBuf,
    labels: Option<PathBuf>,
    delimiter: Option<char>,
    decimal: Option<char>,
    #[serde(default = "yes")]
    header: bool,
    #[serde(default)]
    missing: MissingCells,
}

fn yes() -> bool {
    true
}

/// What happens to rows with empty cells.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MissingCells {
    #[default]
    SkipRow,
    Mean,
    Error,
}

/// `[limits]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Limits {
    cpu_threads: Option<usize>,
    memory: Size,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cpu_threads: None, memory: Size::from_bytes(256 * 1024 * 1024) }
    }
}

/// `[status]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Status {
    publish_every: Span,
}

impl Default for Status {
    fn default() -> Self {
        Self { publish_every: Span::from_secs(2) }
    }
}

/// `[emulate]`: how much slower than it is this machine shall seem, for trials.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Emulate {
    /// Seconds of every share.
    pub(crate) fixed: Option<Span>,
    /// Time of each sample, in microseconds (may be fractional).
    pub(crate) per_sample_us: f64,
    /// Standard deviation of the logarithm of the per-sample time.
    pub(crate) jitter: f64,
    /// Seed of the jitter.
    pub(crate) seed: u64,
    /// Bits a second that the uplink carries.
    pub(crate) uplink_bps: Option<u64>,
    /// Times of trouble.
    pub(crate) events: Vec<EmulatedEvent>,
}

/// A stretch of rounds in which every sample takes longer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EmulatedEvent {
    /// First round.
    pub(crate) from_round: u64,
    /// First round after it.
    pub(crate) to_round: u64,
    /// So many times longer.
    pub(crate) factor: f64,
}

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Valid {
    pub(crate) path: PathBuf,
    pub(crate) site: SiteName,
    pub(crate) job: JobName,
    pub(crate) agent: AgentId,
    pub(crate) bus: BusConfig,
    pub(crate) source: Source,
    pub(crate) threads: usize,
    /// Parameters that the memory limit has room for.
    pub(crate) parameters_max: usize,
    pub(crate) packet_bytes_max: usize,
    pub(crate) publish_every: Duration,
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
};

/// Copies of the model that the agent holds at once: model, written gradient and update, residual, momentum, the engine's
/// model and sums.
const MODEL_COPIES: u64 = 8;

/// Reads and checks the settings file.
pub(crate) fn load(path: &Path) -> Result<Valid, Failure> {
    let loaded: Loaded<File> = load_settings(path, &GUIDE)?;
    check(&loaded).map_err(|problem| Failure::from(loaded.report(problem)))
}

fn name<T: std::str::FromStr<Err = heijunka_units::NameError>>(key: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: heijunka_units::NameError| {
        Problem::new(key, error.to_string(), "use letters, digits, '-' and '_'")
    })
}

fn check(loaded: &Loaded<File>) -> Result<Valid, Problem> {
    let file = &loaded.settings;
    file.broker.check().map_err(|problem| problem.within("broker"))?;
    let site: SiteName = name("site", &file.site)?;
    let job: JobName = name("job", &file.job)?;
    let agent_id = match &file.agent_id {
        Some(id) => id.clone(),
        None => host_name().ok_or_else(|| {
            Problem::new("agent_id", "this machine's host name is not known", "write agent_id = \"press-07\"")
        })?,
    };
    let agent: AgentId = name("agent_id", &agent_id)?;
    check_emulate(&file.emulate).map_err(|problem| problem.within("emulate"))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = file.limits.cpu_threads.unwrap_or(cores);
    if !(1..=256).contains(&threads) {
        return Err(Problem::new("limits.cpu_threads", format!("{threads} is out of range"), "write 1 to 256"));
    }
    let memory = file.limits.memory.bytes();
    if memory < 1 << 20 {
        return Err(Problem::new("limits.memory", "less than 1 MiB", "write memory = \"256MB\""));
    }
    if file.status.publish_every.duration() < Duration::from_millis(100) {
        return Err(Problem::new("status.publish_every", "less than 100 ms", "write publish_every = \"2s\""));
    }
    Ok(Valid {
        path: loaded.path().to_owned(),
        bus: bus_config(loaded, &site, &job, &agent)?,
        source: source(loaded),
        threads,
        parameters_max: usize::try_from(memory / 4 / MODEL_COPIES).unwrap_or(usize::MAX).min(PARAMETERS_MAX),
        packet_bytes_max: usize::try_from(file.broker.max_packet.bytes()).unwrap_or(usize::MAX),
        publish_every: file.status.publish_every.duration(),
        log: file.log,
        emulate: file.emulate.clone(),
        site,
        job,
        agent,
    })
}

fn check_emulate(emulate: &Emulate) -> Result<(), Problem> {
    let sane = |key: &str, value: f64, most: f64| {
        let good = value.is_finite() && (0.0..=most).contains(&value);
        let wrong = || Problem::new(key, format!("{value} is out of range"), format!("write 0 to {most}"));
        if good { Ok(()) } else { Err(wrong()) }
    };
    sane("per_sample_us", emulate.per_sample_us, 60e6)?;
    sane("jitter", emulate.jitter, 3.0)?;
    emulate.events.iter().try_for_each(|event| sane("events", event.factor, 1e6))?;
    if emulate.uplink_bps == Some(0) {
        return Err(Problem::new("uplink_bps", "nothing would ever be sent", "leave it out, or write 1000000"));
    }
    Ok(())
}

fn bus_config(loaded: &Loaded<File>, site: &SiteName, job: &JobName, agent: &AgentId) -> Result<BusConfig, Problem> {
    let broker = &loaded.settings.broker;
    let password = broker.password(|path| loaded.resolve(path)).map_err(|problem| problem.within("broker"))?;
    // The job is part of the id, so that one machine can serve two jobs.
    let client_id = format!("heijunka-{site}-{job}-{agent}");
    let mut bus = BusConfig::new(&broker.url.host, broker.url.port, client_id);
    bus.tls = tls(loaded)?;
    bus.username = broker.username.clone();
    bus.password = password.map(|password| BusSecret::new(password.reveal()));
    bus.keep_alive = broker.keep_alive.duration();
    bus.reconnect_max = broker.reconnect_max.duration();
    bus.packet_bytes_max = u32::try_from(broker.max_packet.bytes()).unwrap_or(u32::MAX);
    Ok(bus)
}

fn tls(loaded: &Loaded<File>) -> Result<Option<Tls>, Problem> {
    let broker = &loaded.settings.broker;
    let texts = broker.tls(|path| loaded.resolve(path)).map_err(|problem| problem.within("broker"))?;
    let Some(texts) = texts else { return Ok(None) };
    let client = texts.client.as_ref().map(|(certificate, key)| (certificate.as_slice(), key.as_slice()));
    let files = TlsFiles { ca: &texts.ca, client, server_name: broker.tls_server_name.as_deref() };
    let problem = |error: heijunka_bus::TlsError| Problem::new(error.setting(), error.to_string(), error.fix());
    Tls::new(&files).map(Some).map_err(|error| problem(error).within("broker"))
}

fn source(loaded: &Loaded<File>) -> Source {
    let data = &loaded.settings.data;
    let mut source = Source::new(loaded.resolve(&data.path));
    source.labels = data.labels.as_ref().map(|path| loaded.resolve(path));
    source.delimiter = data.delimiter;
    source.decimal = data.decimal;
    source.header_rows = usize::from(data.header);
    source.missing = match data.missing {
        MissingCells::SkipRow => Missing::SkipRow,
        MissingCells::Mean => Missing::Mean,
        MissingCells::Error => Missing::Error,
    };
    source
}

fn host_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

impl Valid {
    /// A failure of the broker, in the settings' terms.
    pub(crate) fn unavailable(&self, what: impl Into<String>) -> Failure {
        Failure::new(Exit::Unavailable, what)
    }
}
