//! The demo, which is also a laboratory: a broker, an aggregator and emulated agents, policy after policy.

mod figures;
mod stage;

use clap::Parser;
use figures::{PolicyFigures, table};
use heijunka_broker::{Broker, BrokerConfig};
use heijunka_program::start;
use heijunka_settings::{Exit, Failure};
use heijunka_study::fleet::Fleet;
use serde::Serialize;
use stage::{Stage, Workload};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// A broker, an aggregator and agents of uneven speed on bundled data.
#[derive(Parser)]
#[command(name = "heijunka-demo", version)]
struct Arguments {
    /// No progress bars: lines only.
    #[arg(long)]
    headless: bool,
    /// Writes the figures to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A bundled fleet (demo, paper-0.1, paper-0.2, ratio8, busy, slowlink, homogeneous, zero8) or a fleet file.
    #[arg(long, default_value = "demo", value_name = "NAME|FILE")]
    fleet: String,
    /// Rounds for each policy; the fleet's own number if omitted.
    #[arg(long)]
    rounds: Option<u64>,
    /// Policies to compare, in this order; with a codec after a slash if it is not float32, for example adaptive/sparse.
    #[arg(long = "policy", value_name = "POLICY", default_values = ["equal", "dynamic", "enhanced", "adaptive"])]
    policies: Vec<String>,
    /// Another broker than the demo's own.
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// Another table than the bundled steel plates.
    #[arg(long, value_name = "FILE", requires = "target")]
    data: Option<PathBuf>,
    /// Column to predict, with --data.
    #[arg(long)]
    target: Option<String>,
    /// The table has no header; columns are called col0, col1, …
    #[arg(long)]
    no_header: bool,
    /// Labels of an idx file, with --data.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The task is a regression.
    #[arg(long)]
    regression: bool,
    /// How inputs are scaled: standard, range or none.
    #[arg(long, default_value = "standard")]
    normalize: String,
    /// Widths of the hidden layers.
    #[arg(long, value_delimiter = ',', default_value = "64")]
    hidden: Vec<u32>,
    /// adam or sgd.
    #[arg(long, default_value = "adam")]
    optimizer: String,
    /// Learning rate.
    #[arg(long, default_value_t = 0.002)]
    learning_rate: f64,
    /// Schedule of the learning rate: constant, or cosine down to 0 at the last round.
    #[arg(long, default_value = "constant")]
    schedule: String,
    /// Momentum, for sgd.
    #[arg(long, default_value_t = 0.0)]
    momentum: f64,
    /// Share of the numbers that sparse codecs keep.
    #[arg(long, default_value_t = 0.01)]
    kept: f64,
    /// Rounds in which sparse gradients fall to that share.
    #[arg(long, default_value_t = 50)]
    warm_up_rounds: u64,
    /// Codec of the model's updates; if omitted as compact as the gradient's.
    #[arg(long, value_name = "CODEC")]
    update: Option<String>,
    /// Steps of each agent by itself in a round.
    #[arg(long, default_value_t = 1)]
    local_steps: u16,
    /// Seed of model and order.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps between two scorings.
    #[arg(long)]
    score_every: Option<u64>,
    /// Accuracy (or RMSE) whose first reaching is timed.
    #[arg(long)]
    target_score: Option<f64>,
    /// Keeps the folder with settings, logs and models, and says where it is.
    #[arg(long)]
    keep: bool,
}

/// scikit-learn's MLP on steel plates, see docs/measurements.md.
const STEEL_REFERENCE: (f64, f64) = (0.805, 0.836);
/// Accuracy that a majority guess (0.347) is far from, and the reference is above.
const STEEL_TARGET: f64 = 0.75;

#[derive(Serialize)]
struct Report<'a> {
    version: &'a str,
    fleet: &'a Fleet,
    broker: &'a str,
    data: String,
    parameters: usize,
    reference_accuracy: Option<f64>,
    reference_macro_f1: Option<f64>,
    policies: &'a [PolicyFigures],
}

fn main() -> ExitCode {
    start(|arguments| demo(&arguments).map(|()| Exit::Success))
}

/// Runs each policy and compares them.
fn demo(arguments: &Arguments) -> Result<(), Failure> {
    let fleet = Fleet::load(&arguments.fleet)?;
    let own = if arguments.broker.is_some() { None } else { Some(OwnBroker::start()?) };
    let url = match (&own, &arguments.broker) {
        (Some(own), _) => format!("mqtt://{}", own.address),
        (None, given) => given.clone().unwrap_or_default(),
    };
    let broker = if own.is_some() { "embedded" } else { "given" };
    let workload = workload(arguments);
    let agents = heijunka_allocate::agents(fleet.agent.len());
    println!("fleet {}: {agents}, {} policies, broker {url}", fleet.name, arguments.policies.len());
    let stage = Stage::new(&fleet, &workload, &url, arguments.headless, arguments.keep)?;
    let mut all = Vec::new();
    for policy in &arguments.policies {
        let figures = stage.play(policy)?;
        println!("{policy}: {:.1} ms per round", figures.round_seconds_mean * 1e3);
        all.push(figures);
    }
    drop(own);
    let bundled = arguments.data.is_none();
    let reference = bundled.then_some(STEEL_REFERENCE);
    println!("\n{}", table(&all, reference));
    if let Some(path) = &arguments.json {
        let report = Report {
            version: env!("CARGO_PKG_VERSION"),
            fleet: &fleet,
            broker,
            data: workload.name(),
            parameters: stage.parameters(),
            reference_accuracy: reference.map(|(accuracy, _)| accuracy),
            reference_macro_f1: reference.map(|(_, macro_f1)| macro_f1),
            policies: &all,
        };
        let written = serde_json::to_vec_pretty(&report)
            .map_err(std::io::Error::other)
            .and_then(|bytes| std::fs::write(path, bytes));
        written.map_err(|error| {
            Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
        })?;
    }
    Ok(())
}

/// The demo's broker, in a thread of its own.
struct OwnBroker {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OwnBroker {
    fn start() -> Result<Self, Failure> {
        let cannot = |why: String| Failure::new(Exit::Unavailable, "the demo's broker cannot start").why(why);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| cannot(error.to_string()))?;
        let broker =
            runtime.block_on(Broker::bind(BrokerConfig::default())).map_err(|error| cannot(error.to_string()))?;
        let address = broker.local_addr();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                // A sender that is gone asks to stop as well.
                let _ = stopped.await;
                broker.shutdown().await;
            });
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn workload(arguments: &Arguments) -> Workload {
    let bundled = arguments.data.is_none();
    Workload {
        data: arguments.data.clone(),
        labels: arguments.labels.clone(),
        header: !arguments.no_header,
        target: arguments.target.clone().unwrap_or_else(|| "fault".to_owned()),
        regression: arguments.regression,
        normalize: arguments.normalize.clone(),
        hidden: arguments.hidden.clone(),
        optimizer: arguments.optimizer.clone(),
        learning_rate: arguments.learning_rate,
        schedule: arguments.schedule.clone(),
        momentum: arguments.momentum,
        kept: arguments.kept,
        warm_up_rounds: arguments.warm_up_rounds,
        update: arguments.update.clone(),
        local_steps: arguments.local_steps,
        seed: arguments.seed,
        rounds: arguments.rounds,
        score_every: arguments.score_every,
        target_score: arguments.target_score.or(bundled.then_some(STEEL_TARGET)),
    }
}
