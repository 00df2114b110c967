//! Starts the aggregator and the agents of one policy as real processes, and measures them.

use super::figures::{PolicyFigures, read};
use heijunka_metrics::Usage;
use heijunka_model::Card;
use heijunka_settings::{Exit, Failure};
use heijunka_study::fleet::{Fleet, FleetAgent};
use std::cell::Cell;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The bundled data: UCI Steel Plates Faults, CC BY 4.0 (see assets/README.md).
const STEEL_PLATES: &str = include_str!("../assets/steel_plates_faults.csv");

/// How long an agent may take to stop.
const FAREWELL: Duration = Duration::from_secs(5);

/// What is trained.
pub(crate) struct Workload {
    pub(crate) data: Option<PathBuf>,
    pub(crate) labels: Option<PathBuf>,
    pub(crate) header: bool,
    pub(crate) target: String,
    pub(crate) regression: bool,
    pub(crate) normalize: String,
    pub(crate) hidden: Vec<u32>,
    pub(crate) optimizer: String,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: String,
    pub(crate) momentum: f64,
    pub(crate) kept: f64,
    pub(crate) warm_up_rounds: u64,
    pub(crate) update: Option<String>,
    pub(crate) local_steps: u16,
    pub(crate) seed: u64,
    pub(crate) rounds: Option<u64>,
    pub(crate) score_every: Option<u64>,
    pub(crate) target_score: Option<f64>,
}

impl Workload {
    pub(crate) fn name(&self) -> String {
        self.data.as_ref().map_or("steel plates faults (bundled)".to_owned(), |path| path.display().to_string())
    }
}

/// Where policy after policy is run.
pub(crate) struct Stage<'a> {
    fleet: &'a Fleet,
    workload: &'a Workload,
    url: &'a str,
    headless: bool,
    folder: tempfile::TempDir,
    parameters: Cell<usize>,
}

/// A process that is killed when it is dropped.
struct Player {
    child: Child,
    log: PathBuf,
}

impl Drop for Player {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn unavailable(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
    let what = what.into();
    move |error| Failure::new(Exit::Unavailable, what).why(error.to_string())
}

impl<'a> Stage<'a> {
    pub(crate) fn new(
        fleet: &'a Fleet,
        workload: &'a Workload,
        url: &'a str,
        headless: bool,
        keep: bool,
    ) -> Result<Self, Failure> {
        let mut folder =
            tempfile::Builder::new().prefix("heijunka-demo-").tempdir().map_err(unavailable("no temporary folder"))?;
        folder.disable_cleanup(keep);
        if keep {
            println!("settings, logs and models are kept in {}", folder.path().display());
        }
        std::fs::write(folder.path().join("steel_plates_faults.csv"), STEEL_PLATES)
            .map_err(unavailable("cannot write the bundled data"))?;
        Ok(Self { fleet, workload, url, headless, folder, parameters: Cell::new(0) })
    }

    /// Parameters of the model, once a policy has been played.
    pub(crate) fn parameters(&self) -> usize {
        self.parameters.get()
    }

    fn rounds(&self) -> u64 {
        self.workload.rounds.unwrap_or(self.fleet.rounds)
    }

    /// Trains with `policy` and returns its figures.
    pub(crate) fn play(&self, policy: &str) -> Result<PolicyFigures, Failure> {
        // A slash has a meaning in topics and folders.
        let policy = policy.replace('/', "-");
        let policy = policy.as_str();
        let folder = self.folder.path().join(policy);
        std::fs::create_dir_all(&folder).map_err(unavailable("cannot make a folder"))?;
        let own = std::env::current_exe().map_err(unavailable("this program's own path is unknown"))?;
        let (agent_program, aggregator_program) =
            (own.with_file_name("heijunka-agent"), own.with_file_name("heijunka-aggregator"));
        let mut agents = self
            .fleet
            .agent
            .iter()
            .map(|agent| {
                let config = folder.join(format!("{}.toml", agent.id));
                self.write(&config, &self.agent_toml(policy, agent))?;
                start(&agent_program, &config, &folder.join(format!("{}.log", agent.id)), false)
            })
            .collect::<Result<Vec<Player>, Failure>>()?;
        let config = folder.join("aggregator.toml");
        self.write(&config, &self.aggregator_toml(policy))?;
        let mut aggregator = start(&aggregator_program, &config, &folder.join("aggregator.log"), !self.headless)?;
        let status = self.wait_for(&mut aggregator, &mut agents)?;
        if !status {
            return Err(failed("the aggregator", &aggregator.log));
        }
        let used = agents.iter().map(|player| Usage::of(&player.child.id().to_string()).unwrap_or_default()).collect();
        for player in agents {
            dismiss(player);
        }
        self.figures(policy, &folder.join("output"), used)
    }

    /// Waits until the aggregator has ended; an agent that ends before it is a failure.
    fn wait_for(&self, aggregator: &mut Player, agents: &mut [Player]) -> Result<bool, Failure> {
        loop {
            if let Some(status) = aggregator.child.try_wait().map_err(unavailable("the aggregator is lost"))? {
                return Ok(status.success());
            }
            for player in agents.iter_mut() {
                if !matches!(player.child.try_wait(), Ok(None)) {
                    return Err(failed("an agent", &player.log));
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn figures(&self, policy: &str, output: &Path, agents: Vec<Usage>) -> Result<PolicyFigures, Failure> {
        let text = std::fs::read(output.join("model_card.json")).map_err(unavailable("no model card"))?;
        let card: Card = serde_json::from_slice(&text)
            .map_err(|error| Failure::new(Exit::Unavailable, "the model card cannot be read").why(error.to_string()))?;
        self.parameters.set(card.model.parameters);
        let usage = &card.usage;
        let aggregator = Usage {
            peak_rss_bytes: usage["peak_rss_bytes"].as_u64().unwrap_or(0),
            cpu_seconds: usage["cpu_seconds"].as_f64().unwrap_or(0.0),
        };
        let ideal = |bytes| self.fleet.ideal_seconds(bytes);
        let warmup = self.fleet.warmup_rounds.min(self.rounds() / 2);
        read(policy, output, warmup, ideal, self.workload.target_score, aggregator, agents)
            .map_err(|error| Failure::new(Exit::Unavailable, "the history cannot be read").why(error.to_string()))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        std::fs::write(path, text).map_err(unavailable(format!("cannot write {}", path.display())))
    }

    fn agent_toml(&self, policy: &str, agent: &FleetAgent) -> String {
        let data = match &self.workload.data {
            Some(path) => absolute(path),
            None => self.folder.path().join("steel_plates_faults.csv"),
        };
        let mut text = format!(
            "site = \"demo\"\njob = \"{policy}\"\nagent_id = \"{}\"\n[broker]\nurl = \"{}\"\n[data]\npath = {:?}\nheader = {}\n",
            agent.id, self.url, data, self.workload.header
        );
        if let Some(labels) = &self.workload.labels {
            let _ = writeln!(text, "labels = {:?}", absolute(labels));
        }
        let _ = write!(
            text,
            "[limits]\ncpu_threads = 1\nnice = 0\n[emulate]\nfixed = \"{}us\"\nper_sample_us = {}\njitter = {}\nseed = {}\n",
            agent.fixed_ms * 1e3,
            agent.per_sample_us,
            agent.jitter,
            agent.seed
        );
        if let Some(bps) = agent.uplink_bps {
            let _ = writeln!(text, "uplink_bps = {bps}");
        }
        let events: Vec<String> = agent
            .events
            .iter()
            .map(|e| format!("{{ from_round = {}, to_round = {}, factor = {:?} }}", e.from_round, e.to_round, e.factor))
            .collect();
        let _ = writeln!(text, "events = [{}]", events.join(", "));
        text
    }

    fn aggregator_toml(&self, job: &str) -> String {
        let w = self.workload;
        let (policy, codec) = job.split_once('-').unwrap_or((job, "float32"));
        let update = w.update.as_ref().filter(|_| codec != "float32");
        let update = update.map_or(String::new(), |update| format!("update = {update:?}\n"));
        let kind = if w.regression { "regression" } else { "classification" };
        let score_every = w.score_every.unwrap_or_else(|| (self.rounds() / 20).max(1));
        let (fleet, rounds) = (self.fleet, self.rounds());
        // The bundled table marks the rows that the reference was scored on.
        let validation = if w.data.is_none() { "validation_column = \"split\"" } else { "" };
        format!(
            "site = \"demo\"\njob = \"{job}\"\n[broker]\nurl = \"{}\"\n\
             [task]\nkind = \"{kind}\"\ntarget = {:?}\nnormalize = \"{}\"\ndata = \"shared\"\n\
             [model]\nhidden = {:?}\n\
             [training]\nmax_rounds = {rounds}\nseed = {}\nglobal_batch_samples = {}\noptimizer = \"{}\"\n\
             learning_rate = {:?}\nschedule = {:?}\nmomentum = {:?}\nscore_every_rounds = {score_every}\n{validation}\n\
             local_steps = {}\n[gradient]\ncodec = \"{codec}\"\nkept = {:?}\nwarm_up_rounds = {}\n{update}\
             [allocation]\npolicy = \"{policy}\"\nmin_agents = {}\ngather = \"200ms\"\n\
             [output]\ndirectory = \"output\"\n",
            self.url,
            w.target,
            w.normalize,
            w.hidden,
            w.seed,
            fleet.batch_samples,
            w.optimizer,
            w.learning_rate,
            w.schedule,
            w.momentum,
            w.local_steps,
            w.kept,
            w.warm_up_rounds,
            fleet.agent.len(),
        )
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn start(program: &Path, config: &Path, log: &Path, shown: bool) -> Result<Player, Failure> {
    let file = File::create(log).map_err(unavailable(format!("cannot write {}", log.display())))?;
    let stderr = if shown { Stdio::inherit() } else { Stdio::from(file) };
    let child = Command::new(program)
        .arg("run")
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| {
            Failure::new(Exit::Unavailable, format!("cannot start {}", program.display()))
                .why(error.to_string())
                .fix("put heijunka-agent and heijunka-aggregator beside heijunka-demo (cargo demo builds all three)")
        })?;
    Ok(Player { child, log: log.to_owned() })
}

/// Asks a process to stop, and ends it if it does not.
fn dismiss(mut player: Player) {
    if let Some(pid) = i32::try_from(player.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let until = Instant::now() + FAREWELL;
    while Instant::now() < until && matches!(player.child.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn failed(who: &str, log: &Path) -> Failure {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(12)..).unwrap_or(&[]).join("\n");
    Failure::new(Exit::Unavailable, format!("{who} ended before its time")).why(tail)
}
