//! The aggregator's settings file.

use crate::compact::{Gradient, Steps};
use crate::web::{Listen, Web};
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_bus::{BusConfig, Secret as BusSecret, Tls, TlsFiles};
use heijunka_learn::{Decay, OptimizerKind, Schedule};
use heijunka_round::{Patience, Plan, Until};
use heijunka_settings::{BrokerSettings, Failure, Guide, Loaded, LogSettings, Problem, Span, load as load_settings};
use heijunka_units::{AgentId, JobName, Samples, SiteName};
use heijunka_wire::document::{ClassWeights, HeldOut, Job, Normalize, Task as JobTask};
use heijunka_wire::limits::{AGENTS_MAX, BATCH_SAMPLES_MAX, WIDTHS_MAX};
use heijunka_wire::{Activation, DataMode};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    site: String,
    job: String,
    broker: BrokerSettings,
    task: Task,
    #[serde(default)]
    model: Model,
    training: Training,
    #[serde(default)]
    allocation: Allocation,
    #[serde(default)]
    gradient: Gradient,
    #[serde(default)]
    output: OutputSettings,
    #[serde(default)]
    web: Web,
    #[serde(default)]
    log: LogSettings,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Regression,
    Classification,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NormalizeBy {
    #[default]
    Standard,
    Range,
    None,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Weights {
    #[default]
    None,
    Balanced,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    Shared,
    #[default]
    Private,
}

/// `[task]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Task {
    kind: Kind,
    target: String,
    #[serde(default)]
    inputs: Vec<String>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    normalize: NormalizeBy,
    #[serde(default)]
    class_weights: Weights,
    #[serde(default)]
    data: Whose,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HiddenActivation {
    #[default]
    Relu,
    Tanh,
}

/// `[model]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Model {
    hidden: Vec<u32>,
    activation: HiddenActivation,
}

impl Default for Model {
    fn default() -> Self {
        Self { hidden: vec![64], activation: HiddenActivation::Relu }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Optimizer {
    Sgd,
    #[default]
    Adam,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ScheduleKind {
    #[default]
    Constant,
    Step,
    Cosine,
}

/// `[training]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Training {
    max_rounds: u64,
    #[serde(default)]
    seed: u64,
    #[serde(default = "batch")]
    global_batch_samples: u32,
    #[serde(default)]
    optimizer: Optimizer,
    learning_rate: Option<f64>,
    #[serde(default)]
    momentum: f64,
    #[serde(default)]
    local_steps: Steps,
    #[serde(default)]
    nesterov: bool,
    #[serde(default)]
    weight_decay: f64,
    #[serde(default)]
    schedule: ScheduleKind,
    step_every_rounds: Option<u64>,
    step_factor: Option<f64>,
    max_time: Option<Span>,
    stop_when_no_better_for_rounds: Option<u64>,
    #[serde(default = "fifth")]
    validation_fraction: f64,
    validation_column: Option<String>,
    score_every_rounds: Option<u64>,
}

fn batch() -> u32 {
    256
}

fn fifth() -> f64 {
    0.2
}

/// When a round ends.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum End {
    Exact,
    Guard,
    Anytime,
}

/// The policy of settings that name none, and of `advise`.
pub(crate) const DEFAULT_POLICY: PolicyName = PolicyName::Adaptive;

/// `[allocation]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Allocation {
    policy: String,
    round_end: End,
    pins: BTreeMap<String, Samples>,
    min_agents: usize,
    gather: Span,
    deadline_floor: Span,
    deadline_factor: f64,
    quorum: f64,
}

impl Default for Allocation {
    fn default() -> Self {
        let patience = Patience::default();
        Self {
            policy: DEFAULT_POLICY.to_string(),
            round_end: End::Exact,
            pins: BTreeMap::new(),
            min_agents: 1,
            gather: Span::from_secs(2),
            deadline_floor: Span::from_secs(5),
            deadline_factor: patience.deadline_factor,
            quorum: patience.quorum,
        }
    }
}

/// `[output]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OutputSettings {
    directory: PathBuf,
    save_every: Span,
    trace: Option<PathBuf>,
}

impl Default for OutputSettings {
    fn default() -> Self {
        Self { directory: PathBuf::from("heijunka-output"), save_every: Span::from_secs(60), trace: None }
    }
}

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Valid {
    pub(crate) path: PathBuf,
    pub(crate) site: SiteName,
    pub(crate) job: JobName,
    pub(crate) bus: BusConfig,
    pub(crate) plan: Plan,
    pub(crate) output: PathBuf,
    pub(crate) save_every: Duration,
    /// Where to record what every agent's part of every round cost.
    pub(crate) trace: Option<PathBuf>,
    /// Where the page is served.
    pub(crate) web: Option<Listen>,
    pub(crate) log: LogSettings,
}

const GUIDE: Guide = Guide {
    init: "heijunka-aggregator init",
    examples: &[
        ("site", "site = \"plant-1\""),
        ("job", "job = \"steel-faults\""),
        ("broker", "[broker]"),
        ("broker.url", "url = \"mqtt://192.168.1.10\""),
        ("task", "[task]"),
        ("task.kind", "kind = \"classification\""),
        ("task.target", "target = \"fault\""),
        ("training", "[training]"),
        ("training.max_rounds", "max_rounds = 1000"),
    ],
};

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

fn between(key: &str, value: f64, least: f64, most: f64) -> Result<f64, Problem> {
    let wrong = || Problem::new(key, format!("{value} is out of range"), format!("write {least} to {most}"));
    if value.is_finite() && (least..=most).contains(&value) { Ok(value) } else { Err(wrong()) }
}

fn check(loaded: &Loaded<File>) -> Result<Valid, Problem> {
    let file = &loaded.settings;
    file.broker.check().map_err(|problem| problem.within("broker"))?;
    let site: SiteName = name("site", &file.site)?;
    let job: JobName = name("job", &file.job)?;
    let plan = plan(file)?;
    Ok(Valid {
        path: loaded.path().to_owned(),
        bus: bus_config(loaded, &site, &job)?,
        plan,
        output: loaded.resolve(&file.output.directory),
        save_every: file.output.save_every.duration(),
        trace: trace(loaded)?,
        web: file.web.check(|path| loaded.resolve(path))?,
        log: file.log,
        site,
        job,
    })
}

/// The trace stands in the output folder, unless its path says otherwise.
fn trace(loaded: &Loaded<File>) -> Result<Option<PathBuf>, Problem> {
    let output = &loaded.settings.output;
    let Some(trace) = &output.trace else { return Ok(None) };
    let name = trace.to_string_lossy();
    if !(name.ends_with(".csv") || name.ends_with(".csv.gz")) {
        let message = format!("{name} is neither a .csv nor a .csv.gz file");
        return Err(Problem::new("output.trace", message, "write trace = \"trace.csv.gz\""));
    }
    Ok(Some(loaded.resolve(&output.directory).join(trace)))
}

fn bus_config(loaded: &Loaded<File>, site: &SiteName, job: &JobName) -> Result<BusConfig, Problem> {
    let broker = &loaded.settings.broker;
    let password = broker.password(|path| loaded.resolve(path)).map_err(|problem| problem.within("broker"))?;
    // Two aggregators of one job must not displace each other: the run number decides which one goes.
    let unique = std::hash::RandomState::new().build_hasher().finish();
    let client_id = format!("heijunka-{site}-{job}-aggregator-{unique:016x}");
    let mut bus = BusConfig::new(&broker.url.host, broker.url.port, client_id);
    bus.tls = tls(loaded)?;
    bus.username = broker.username.clone();
    bus.password = password.map(|password| BusSecret::new(password.reveal()));
    bus.keep_alive = broker.keep_alive.duration();
    bus.reconnect_max = broker.reconnect_max.duration();
    bus.packet_bytes_max = u32::try_from(broker.max_packet.bytes()).unwrap_or(u32::MAX);
    // Whatever an absent aggregator misses is asked for again: no session is worth keeping long.
    bus.session_expiry = Duration::from_secs(60);
    bus.queue_bytes_max = 512 << 20;
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

fn plan(file: &File) -> Result<Plan, Problem> {
    let training = &file.training;
    if !(1..=BATCH_SAMPLES_MAX).contains(&training.global_batch_samples) {
        let fix = format!("write 1 to {BATCH_SAMPLES_MAX}");
        let message = format!("{} is out of range", training.global_batch_samples);
        return Err(Problem::new("training.global_batch_samples", message, fix));
    }
    if training.max_rounds == 0 {
        return Err(Problem::new("training.max_rounds", "no round would ever be done", "write 1 or more"));
    }
    if file.model.hidden.len() + 2 > WIDTHS_MAX || file.model.hidden.iter().any(|w| !(1..=65_536).contains(w)) {
        let fix = format!("write at most {} widths of 1 to 65536, for example hidden = [64]", WIDTHS_MAX - 2);
        return Err(Problem::new("model.hidden", "these layers cannot be built", fix));
    }
    let (round_end, optimizer) = (round_end(file.allocation.round_end), optimizer(training)?);
    let job = job(file, between("training.validation_fraction", training.validation_fraction, 0.0, 0.9)?);
    Ok(Plan {
        compact: file.gradient.check(optimizer, job.data_mode)?,
        local_steps: training.local_steps.check(round_end == RoundEnd::Exact)?,
        job,
        hidden: file.model.hidden.clone(),
        activation: match file.model.activation {
            HiddenActivation::Relu => Activation::Relu,
            HiddenActivation::Tanh => Activation::Tanh,
        },
        seed: training.seed,
        batch_samples: training.global_batch_samples,
        optimizer,
        schedule: schedule(training)?,
        policy: policy(&file.allocation.policy)?,
        round_end,
        pins: pins(file)?,
        patience: patience(&file.allocation)?,
        until: Until {
            rounds: training.max_rounds,
            time: training.max_time.map(|span| span.duration()),
            no_better_for_rounds: training.stop_when_no_better_for_rounds,
        },
        score_every_rounds: training.score_every_rounds.unwrap_or_else(|| (training.max_rounds / 20).max(1)),
        packet_bytes_max: usize::try_from(file.broker.max_packet.bytes()).unwrap_or(usize::MAX),
    })
}

fn round_end(end: End) -> RoundEnd {
    match end {
        End::Exact => RoundEnd::Exact,
        End::Guard => RoundEnd::Guard,
        End::Anytime => RoundEnd::Anytime,
    }
}

fn job(file: &File, validation_fraction: f64) -> Job {
    Job {
        task: match file.task.kind {
            Kind::Regression => JobTask::Regression,
            Kind::Classification => JobTask::Classification,
        },
        target: file.task.target.clone(),
        inputs: file.task.inputs.clone(),
        ignore: file.task.ignore.clone(),
        normalize: match file.task.normalize {
            NormalizeBy::Standard => Normalize::Standard,
            NormalizeBy::Range => Normalize::Range,
            NormalizeBy::None => Normalize::None,
        },
        class_weights: match file.task.class_weights {
            Weights::None => ClassWeights::None,
            Weights::Balanced => ClassWeights::Balanced,
        },
        data_mode: match file.task.data {
            Whose::Shared => DataMode::Shared,
            Whose::Private => DataMode::Private,
        },
        held_out: match &file.training.validation_column {
            Some(column) => HeldOut::ByColumn(column.clone()),
            None => HeldOut::ByHash((validation_fraction * 10_000.0).round() as u16),
        },
        fitted: None,
    }
}

fn optimizer(training: &Training) -> Result<OptimizerKind, Problem> {
    let momentum = between("training.momentum", training.momentum, 0.0, 0.9999)?;
    let weight_decay = between("training.weight_decay", training.weight_decay, 0.0, 10.0)?;
    match training.optimizer {
        Optimizer::Sgd => Ok(OptimizerKind::Sgd { momentum, nesterov: training.nesterov, weight_decay }),
        Optimizer::Adam if momentum > 0.0 || training.nesterov => {
            let message = "adam has a momentum of its own";
            Err(Problem::new("training.momentum", message, "remove it, or write optimizer = \"sgd\""))
        }
        Optimizer::Adam => Ok(OptimizerKind::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }),
    }
}

fn schedule(training: &Training) -> Result<Schedule, Problem> {
    let usual = match training.optimizer {
        Optimizer::Adam => 0.001,
        Optimizer::Sgd => 0.1,
    };
    let rate = between("training.learning_rate", training.learning_rate.unwrap_or(usual), 1e-9, 100.0)?;
    let decay = match training.schedule {
        ScheduleKind::Constant => Decay::Constant,
        ScheduleKind::Cosine => Decay::Cosine { total: training.max_rounds, floor: 0.0 },
        ScheduleKind::Step => {
            let every = training.step_every_rounds.filter(|every| *every > 0).ok_or_else(|| {
                let (key, fix) = ("training.step_every_rounds", "write for example step_every_rounds = 500");
                Problem::new(key, "a step schedule needs it", fix)
            })?;
            let factor = training.step_factor.unwrap_or(0.1);
            Decay::Step { every, factor: between("training.step_factor", factor, 1e-6, 1.0)? }
        }
    };
    Ok(Schedule { learning_rate: rate, decay })
}

fn policy(text: &str) -> Result<PolicyName, Problem> {
    text.parse().map_err(|error: heijunka_allocate::UnknownPolicy| {
        Problem::new("allocation.policy", error.to_string(), format!("write policy = \"{DEFAULT_POLICY}\""))
    })
}

fn pins(file: &File) -> Result<BTreeMap<AgentId, Samples>, Problem> {
    let (pins, batch) = (&file.allocation.pins, file.training.global_batch_samples);
    let sum: u64 = pins.values().map(|pin| u64::from(*pin)).sum();
    if sum > u64::from(batch) {
        let message = format!("the pins hold {sum} samples, the global batch {batch}");
        return Err(Problem::new("allocation.pins", message, "lower the pins, or raise global_batch_samples"));
    }
    let named = |(name, pin): (&String, &Samples)| {
        let agent = AgentId::new(name).map_err(|error| {
            Problem::new(
                "allocation.pins",
                format!("\"{name}\" is no agent's name: {error}"),
                "write the agent's name as in its settings file",
            )
        })?;
        Ok((agent, *pin))
    };
    pins.iter().map(named).collect()
}

fn patience(allocation: &Allocation) -> Result<Patience, Problem> {
    if !(1..=AGENTS_MAX).contains(&allocation.min_agents) {
        let message = format!("{} is out of range", allocation.min_agents);
        return Err(Problem::new("allocation.min_agents", message, format!("write 1 to {AGENTS_MAX}")));
    }
    Ok(Patience {
        min_agents: allocation.min_agents,
        gather: allocation.gather.duration(),
        deadline_floor: allocation.deadline_floor.duration(),
        deadline_factor: between("allocation.deadline_factor", allocation.deadline_factor, 1.0, 1000.0)?,
        quorum: between("allocation.quorum", allocation.quorum, 0.01, 1.0)?,
        ..Patience::default()
    })
}
