//! The laboratory: release programs, and jobs of the demo on emulated fleets over a real Mosquitto.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::broker::Mosquitto;
use xtask::shell::{Outcome, Place, output_of, succeed};

/// The variable that names the folder with mnist's four files.
const MNIST: &str = "HEIJUNKA_MNIST";

/// Where benches find what they need.
pub(crate) struct Lab<'a> {
    pub(crate) place: &'a Place,
    /// Few rounds and seeds: whether it works, rather than what it takes.
    pub(crate) quick: bool,
}

/// Data, model and optimizer of a job, as options of the demo.
#[derive(Clone)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    words: Vec<OsString>,
}

/// What the demo prints before the folder that `--keep` leaves.
const KEPT: &str = "settings, logs and models are kept in ";

/// The demo's figures of one policy.
pub(crate) struct Played {
    figures: Value,
    /// The demo's folder, with `--keep`.
    pub(crate) kept: Option<PathBuf>,
}

impl Lab<'_> {
    /// `usual`, or `few` where quickness is asked for.
    pub(crate) fn either<T>(&self, usual: T, few: T) -> T {
        if self.quick { few } else { usual }
    }

    /// Builds an example in release and returns a command that runs it.
    pub(crate) fn example(&self, package: &str, name: &str, more: &[&str]) -> Outcome<Command> {
        let words = ["build", "--release", "-p", package, "--example", name];
        succeed(self.place.cargo(&words).args(more))?;
        // Another package's example of the same name would take this one's place: run it before the next is built.
        let program = self.release("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        Ok(self.place.command(program, &[]))
    }

    /// Builds the programs in release.
    pub(crate) fn programs(&self) -> Outcome {
        succeed(&mut self.place.cargo(&[
            "build",
            "--release",
            "-p",
            "heijunka-agent",
            "-p",
            "heijunka-aggregator",
            "-p",
            "heijunka-demo",
        ]))
    }

    /// Where a release program is.
    pub(crate) fn release(&self, name: &str) -> PathBuf {
        self.place.target.join("release").join(name)
    }

    /// Trains on a fleet over a broker, once for each of the policies.
    pub(crate) fn play(
        &self,
        broker: &Mosquitto,
        fleet: &str,
        workload: &Workload,
        policies: &[&str],
        words: &[&str],
    ) -> Outcome<Vec<Played>> {
        let json = self.place.target.join("bench-demo.json");
        let url = broker.url();
        let program = self.release(&format!("heijunka-demo{}", std::env::consts::EXE_SUFFIX));
        let mut command = self.place.command(program, &["--headless", "--broker", &url, "--fleet", fleet]);
        for policy in policies {
            command.args(["--policy", policy]);
        }
        let said = output_of(command.args(&workload.words).args(words).arg("--json").arg(&json))?;
        let kept = said.lines().find_map(|line| line.strip_prefix(KEPT)).map(PathBuf::from);
        let text = fs::read_to_string(&json).map_err(|error| format!("{}: {error}", json.display()))?;
        let mut report: Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", json.display()))?;
        match report.get_mut("policies").map(Value::take) {
            Some(Value::Array(all)) if all.len() == policies.len() => {
                Ok(all.into_iter().map(|figures| Played { figures, kept: kept.clone() }).collect())
            }
            _ => Err(format!("{}: not a figure for each policy", json.display())),
        }
    }

    /// The digits of the tests, 64-64-10: 4,810 parameters.
    pub(crate) fn digits(&self) -> Workload {
        let data = self.place.root.join("tests").join("data").join("digits.csv");
        let words = ["--no-header", "--target", "col64", "--learning-rate", "0.1", "--data"];
        Workload::new("digits", &words, [data.into_os_string()])
    }

    /// The bundled steel plates, 27-64-7.
    pub(crate) fn steel_plates(&self) -> Workload {
        Workload::new("steel plates", &["--learning-rate", "0.05"], [])
    }

    /// Mnist with one hidden layer; without its files a plain line says that `what` is left out.
    pub(crate) fn mnist(&self, hidden: &str, what: &str) -> Option<Workload> {
        let folder = std::env::var_os(MNIST).map(PathBuf::from);
        let [data, labels] = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"]
            .map(|name| folder.as_ref().map(|folder| folder.join(name)).filter(|file| file.is_file()));
        let (Some(data), Some(labels)) = (data, labels) else {
            eprintln!("without {what}: set {MNIST} to the folder with mnist's four .gz files");
            return None;
        };
        let words = ["--target", "label", "--normalize", "range", "--hidden", hidden, "--learning-rate", "0.1"];
        Some(Workload::new("mnist", &words, ["--data".into(), data.into(), "--labels".into(), labels.into()]))
    }
}

impl Workload {
    fn new<const N: usize>(name: &'static str, words: &[&str], more: [OsString; N]) -> Self {
        let sgd = ["--optimizer", "sgd", "--momentum", "0.9"];
        Self { name, words: sgd.iter().chain(words).map(OsString::from).chain(more).collect() }
    }
}

impl Played {
    /// A figure that may be missing.
    pub(crate) fn maybe(&self, name: &str) -> Option<f64> {
        self.figures.get(name).and_then(Value::as_f64)
    }

    /// A figure that every run has.
    pub(crate) fn figure(&self, name: &str) -> Outcome<f64> {
        self.maybe(name).ok_or_else(|| format!("the demo's figures lack {name}"))
    }

    /// Mean milliseconds a round.
    pub(crate) fn round_ms(&self) -> Outcome<f64> {
        Ok(self.figure("round_seconds_mean")? * 1e3)
    }
}
