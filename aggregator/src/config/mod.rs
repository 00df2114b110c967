//! The aggregator's settings file: one module for each section.

mod allocation;
mod gradient;
mod limits;
mod model;
mod output;
mod task;
mod training;
mod web;

use crate::resume::{self, Found};
use allocation::Allocation;
use gradient::Gradient;
use heijunka_allocate::RoundEnd;
use heijunka_bus::BusConfig;
use heijunka_data::Timestamps;
use heijunka_page::Listen;
use heijunka_program::BROKER_KEYS;
use heijunka_round::Plan;
use heijunka_settings::{
    BrokerSettings, Failure, Guide, Loaded, LogSettings, Places, Problem, load as load_settings, name,
};
use heijunka_units::{JobName, SiteName};
use limits::Limits;
use model::Model;
use output::OutputSettings;
use serde::Deserialize;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;
use task::Task;
use training::Training;
use web::Web;

/// The file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The plant; the same for all programs of the job. `site = "plant-1"`
    site: String,
    /// The training job; the same for all programs of the job. `job = "job-1"`
    job: String,
    /// Where the broker is: Mosquitto, or any MQTT 5 broker.
    broker: BrokerSettings,
    /// What is predicted.
    task: Task,
    /// The layers of the model.
    #[serde(default)]
    model: Model,
    /// Length, steps and rows of the training.
    training: Training,
    /// Who computes how much, and when a round ends.
    #[serde(default)]
    allocation: Allocation,
    /// How gradients and models are encoded.
    #[serde(default)]
    gradient: Gradient,
    /// What the aggregator may use of a link.
    #[serde(default)]
    limits: Limits,
    /// The files that training writes: model.safetensors, model.onnx, model_card.json, history.csv.
    #[serde(default)]
    output: OutputSettings,
    /// The page, /state and /metrics.
    #[serde(default)]
    web: Web,
    /// What is logged, to standard error.
    #[serde(default)]
    log: LogSettings,
}

/// Settings that have been checked.
#[derive(Debug)]
pub(crate) struct Valid {
    pub(crate) path: PathBuf,
    /// Where keys stand whose failure shows later.
    pub(crate) places: Places,
    pub(crate) site: SiteName,
    pub(crate) job: JobName,
    pub(crate) bus: BusConfig,
    pub(crate) plan: Plan,
    /// How agents know when rows were measured, for the model's card.
    pub(crate) timestamps: Option<Timestamps>,
    /// How long the job has taken before, if it resumes the model in the output folder.
    pub(crate) gone_on: Option<Duration>,
    pub(crate) output: PathBuf,
    pub(crate) save_every: Duration,
    /// Older checkpoints that stay.
    pub(crate) keep: usize,
    /// Whether the model is written as ONNX, too.
    pub(crate) onnx: bool,
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
    also: &[],
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
    let mut plan = plan(file)?;
    plan.downlink = file.limits.downlink(&site, &job)?;
    let output = file.output.directory(|path| loaded.resolve(path));
    let start_from = file.model.start_from().map(|path| loaded.resolve(path));
    let found = Found { site: &site, job: &job, folder: &output, resume: file.training.resume(), start_from };
    let (start, gone_on) = resume::start(&found, &plan)?;
    plan.start = start;
    Ok(Valid {
        path: loaded.path().to_owned(),
        places: loaded.places(&[&BROKER_KEYS[..], &["output.directory"]].concat()),
        plan,
        timestamps: file.task.timestamps()?,
        gone_on,
        bus: bus_config(loaded, &site, &job).map_err(|problem| problem.within("broker"))?,
        output,
        save_every: file.output.checkpoint_every(),
        keep: file.output.keep()?,
        onnx: file.output.onnx()?,
        trace: file.output.trace(|path| loaded.resolve(path))?,
        web: file.web.check(|path| loaded.resolve(path))?,
        log: file.log,
        site,
        job,
    })
}

fn bus_config(loaded: &Loaded<File>, site: &SiteName, job: &JobName) -> Result<BusConfig, Problem> {
    // Two aggregators of one job must not displace each other: the run number decides which one goes.
    let unique = std::hash::RandomState::new().build_hasher().finish();
    let client_id = format!("heijunka-{site}-{job}-aggregator-{unique:016x}");
    let mut bus = heijunka_program::bus_config(&loaded.settings.broker, client_id, |path| loaded.resolve(path))?;
    // Messages that an absent aggregator misses are requested again: a long session has no use.
    bus.session_expiry = Duration::from_secs(60);
    bus.queue_bytes_max = 512 << 20;
    Ok(bus)
}

fn plan(file: &File) -> Result<Plan, Problem> {
    let training = &file.training;
    let (batch_samples, until) = (training.batch_samples()?, training.until()?);
    let (round_end, optimizer) = (file.allocation.round_end(), training.optimizer()?);
    let job = file.task.job(training.held_out()?)?;
    Ok(Plan {
        hidden: file.model.hidden(file.task.is_anomaly())?,
        convolutions: file.model.convolutions(job.window.map(|window| window.rows))?,
        pooling: file.model.pooling(),
        activation: file.model.activation(),
        compact: file.gradient.check(optimizer, job.data_mode)?,
        local_steps: training.local_steps(round_end == RoundEnd::Exact)?,
        job,
        seed: training.seed(),
        batch_samples,
        optimizer,
        schedule: training.schedule()?,
        policy: file.allocation.policy()?,
        round_end,
        pins: file.allocation.pins(batch_samples)?,
        patience: file.allocation.patience()?,
        until,
        judging: file.task.judging(training.score())?,
        score_every_rounds: training.score_every_rounds(),
        packet_bytes_max: usize::try_from(file.broker.max_packet.bytes()).unwrap_or(usize::MAX),
        downlink: None,
        start: None,
    })
}
