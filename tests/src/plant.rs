//! A broker and a folder; agents and aggregators are started in it.

use crate::program::Program;
use heijunka_broker::mosquitto::{Mosquitto, Options};
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A plant: everything in it ends with it.
#[derive(Debug)]
pub struct Plant {
    /// The broker.
    pub mosquitto: Mosquitto,
    folder: TempDir,
}

impl Plant {
    /// A plant with a fresh Mosquitto on a free port.
    ///
    /// # Errors
    /// Mosquitto is not installed or does not start.
    pub fn new() -> io::Result<Self> {
        Self::with_broker(&Options::default())
    }

    /// A plant whose Mosquitto differs from the shipped configuration.
    ///
    /// # Errors
    /// Mosquitto is not installed or does not start.
    pub fn with_broker(options: &Options) -> io::Result<Self> {
        Ok(Self { mosquitto: Mosquitto::start(options)?, folder: TempDir::new()? })
    }

    /// The broker's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mqtt://{}", self.mosquitto.addr())
    }

    /// The plant's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the plant's folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Starts an agent on `data`; `more` are further lines of its settings.
    ///
    /// # Errors
    /// The program has not been built, or the system refuses.
    pub fn agent(&self, id: &str, data: &Path, more: &str) -> io::Result<Program> {
        self.limited_agent(id, data, "", more)
    }

    /// The same with further lines of `[limits]`.
    ///
    /// # Errors
    /// The program has not been built, or the system refuses.
    pub fn limited_agent(&self, id: &str, data: &Path, limits: &str, more: &str) -> io::Result<Program> {
        let mut text = format!(
            "site = \"test\"\njob = \"job\"\nagent_id = \"{id}\"\n[broker]\nurl = \"{}\"\nreconnect_max = \"1s\"\n\
             keep_alive = \"5s\"\n[limits]\ncpu_threads = 1\nnice = 0\nmemory = \"64MB\"\n{limits}\n",
            self.url()
        );
        let _ = write!(text, "[data]\npath = {data:?}\n{more}\n");
        let config = format!("{id}.toml");
        self.write(&config, text)?;
        self.start("heijunka-agent", &["run", "--config", &config], &format!("{id}.log"))
    }

    /// Starts the aggregator. `task` holds the lines of `[task]`, `training` those of `[training]`, `more` further
    /// sections.
    ///
    /// # Errors
    /// The program has not been built, or the system refuses.
    pub fn aggregator(&self, task: &str, training: &str, more: &str) -> io::Result<Program> {
        let text = format!(
            "site = \"test\"\njob = \"job\"\n[broker]\nurl = \"{}\"\nreconnect_max = \"1s\"\nkeep_alive = \"5s\"\n\
             [task]\n{task}\n[training]\n{training}\n{more}\n",
            self.url()
        );
        self.write("aggregator.toml", text)?;
        self.start("heijunka-aggregator", &["run", "--config", "aggregator.toml"], "aggregator.log")
    }

    /// Starts one of the programs in the plant's folder.
    ///
    /// # Errors
    /// The program has not been built, or the system refuses.
    pub fn start(&self, program: &str, arguments: &[&str], log: &str) -> io::Result<Program> {
        Program::start(program, arguments, self.folder(), &self.folder().join(log))
    }

    /// The model card that the aggregator has written.
    ///
    /// # Errors
    /// The card is missing, or is not JSON.
    pub fn card(&self) -> io::Result<serde_json::Value> {
        let bytes = std::fs::read(self.folder().join("heijunka-output/model_card.json"))?;
        serde_json::from_slice(&bytes).map_err(io::Error::other)
    }
}
