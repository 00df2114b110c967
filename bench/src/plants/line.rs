//! A broker, four agents and an aggregator in a folder, for one job.

use super::super::broker::Mosquitto;
use super::super::lab::Lab;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use xtask::shell::Outcome;

/// The agents and how long they seem to take for a sample, in microseconds.
const AGENTS: [(&str, u32); 4] = [("press-07", 20), ("mill-03", 40), ("oven-pc", 80), ("old-pc", 160)];

/// The folder and what runs in it.
pub(super) struct Line<'a> {
    lab: &'a Lab<'a>,
    folder: PathBuf,
    broker: Mosquitto,
}

/// A running agent; it ends with this.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'a> Line<'a> {
    /// Starts the broker.
    pub(super) fn new(lab: &'a Lab<'a>, folder: PathBuf) -> Outcome<Self> {
        Ok(Self { lab, folder, broker: Mosquitto::start(lab.place)? })
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Outcome {
        let file = self.folder.join(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Trains a job with these settings on `data.csv`, which all agents have.
    pub(super) fn run(&self, settings: &str) -> Outcome {
        let head = format!("site = \"plant\"\njob = \"bench\"\n[broker]\nurl = \"{}\"\n", self.broker.url());
        let wait = format!("[allocation]\nmin_agents = {}\n[web]\nlisten = \"off\"\n", AGENTS.len());
        self.write("aggregator.toml", &format!("{head}{settings}{wait}"))?;
        let mut agents = Vec::new();
        for (name, microseconds) in AGENTS {
            let own = format!(
                "[data]\npath = \"data.csv\"\n[limits]\ncpu_threads = 1\n[emulate]\nper_sample_us = {microseconds}.0\n"
            );
            let head = head.replace("[broker]", &format!("agent_id = \"{name}\"\n[broker]"));
            self.write(&format!("{name}.toml"), &format!("{head}{own}"))?;
            agents.push(Agent(self.start("heijunka-agent", name)?));
        }
        let mut aggregator = Agent(self.start("heijunka-aggregator", "aggregator")?);
        let status = aggregator.0.wait().map_err(|error| format!("the aggregator: {error}"))?;
        if status.success() {
            return Ok(());
        }
        let log = fs::read_to_string(self.folder.join("aggregator.log")).unwrap_or_default();
        Err(format!("the aggregator did not end well:\n{log}"))
    }

    /// Starts a program with the settings `name.toml`.
    fn start(&self, program: &str, name: &str) -> Outcome<Child> {
        let failed = |error: std::io::Error| format!("{name}: {error}");
        let log = File::create(self.folder.join(format!("{name}.log"))).map_err(failed)?;
        let mut command = Command::new(self.lab.release(&format!("{program}{}", std::env::consts::EXE_SUFFIX)));
        command.args(["run", "--config", &format!("{name}.toml")]).current_dir(&self.folder).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log).spawn().map_err(failed)
    }
}
