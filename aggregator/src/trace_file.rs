//! Records a trace during a run: bounded, written in pieces, and never a reason to stop the run.

use flate2::Compression;
use flate2::write::GzEncoder;
use heijunka_allocate::Outlook;
use heijunka_model::TRACE_COLUMNS;
use heijunka_round::{AgentRound, RoundRecord};
use heijunka_wire::Purpose;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file grows no larger, in bytes.
const BYTES_MAX: u64 = 100_000_000;
/// So much text is gathered, in bytes, before it is written.
const GATHERED_BYTES: usize = 64 * 1024;
/// What has been gathered is written at least so often.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// The open file.
#[derive(Debug)]
pub(crate) struct TraceFile {
    path: PathBuf,
    /// `None` once it has failed or is full.
    file: Option<File>,
    compressed: bool,
    gathered: String,
    bytes: u64,
    bytes_max: u64,
    rounds: u64,
    written: Instant,
}

impl TraceFile {
    /// Creates the file; compressed if its name ends in `.gz`. An existing one is kept as the previous one, unless it is empty.
    /// It is not appended to: its last piece may be torn, and what follows could not be read.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        if std::fs::metadata(path).is_ok_and(|there| there.len() > 0) {
            std::fs::rename(path, previous(path))?;
        }
        Ok(Self {
            path: path.to_owned(),
            file: Some(File::create(path)?),
            compressed: path.extension().is_some_and(|extension| extension == "gz"),
            gathered: TRACE_COLUMNS.join(",") + "\n",
            bytes: 0,
            bytes_max: BYTES_MAX,
            rounds: 0,
            written: Instant::now(),
        })
    }

    /// Adds what a training round took each agent that delivered. `outlooks` are the policy's before that round, or
    /// nothing. Returns a warning, once.
    pub(crate) fn add(&mut self, record: &RoundRecord, outlooks: &[Outlook]) -> Option<String> {
        if self.file.is_none() || record.purpose != Purpose::Train {
            return None;
        }
        let delivered = || record.agents.iter().filter(|agent| agent.samples > 0);
        for agent in delivered() {
            let outlook = outlooks.iter().find(|outlook| outlook.agent == agent.agent);
            let Costs { network_s, fixed_s, seconds_per_sample } = costs(agent, outlook);
            let name = quoted(agent.agent.as_str());
            self.gathered += &format!("{},{name},{network_s:.6},{fixed_s:.6},{seconds_per_sample:.9}\n", self.rounds);
        }
        self.rounds += u64::from(delivered().next().is_some());
        let due = self.gathered.len() >= GATHERED_BYTES || self.written.elapsed() >= WRITE_EVERY;
        if due { self.write() } else { None }
    }

    /// Writes what has been gathered. Returns a warning, once.
    pub(crate) fn write(&mut self) -> Option<String> {
        self.written = Instant::now();
        let text = std::mem::take(&mut self.gathered);
        let (file, path) = (self.file.as_mut().filter(|_| !text.is_empty())?, self.path.display());
        // Each piece is whole by itself: however the run ends, earlier pieces can be read.
        let piece = if self.compressed { compressed(&text) } else { Ok(text.into_bytes()) };
        let trouble = match piece.and_then(|piece| {
            let fits = self.bytes + piece.len() as u64 <= self.bytes_max;
            fits.then(|| file.write_all(&piece).map(|()| piece.len() as u64)).transpose()
        }) {
            Ok(Some(bytes)) => {
                self.bytes += bytes;
                return None;
            }
            Ok(None) => format!(
                "{path} has reached its limit of {} MB and is not continued; training continues",
                self.bytes_max / 1_000_000
            ),
            Err(error) => format!("{path}: {error}; the trace is not continued, training continues"),
        };
        self.file = None;
        Some(trouble)
    }
}

/// A row of the trace, without round and agent.
struct Costs {
    network_s: f64,
    fixed_s: f64,
    seconds_per_sample: f64,
}

/// What the round cost one agent. One observation does not separate fixed time from time per sample: the policy's expectation
/// of the agent does, if it has one.
fn costs(agent: &AgentRound, outlook: Option<&Outlook>) -> Costs {
    let samples = f64::from(agent.samples);
    let fixed_fraction = outlook.map_or(0.0, |outlook| {
        let fraction = outlook.fixed_s / (outlook.fixed_s + samples * outlook.per_sample_s);
        if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 }
    });
    // Decoding and encoding take the same time for any share.
    let around_s = (agent.own_s - agent.compute_s).max(0.0);
    Costs {
        network_s: (agent.total_s - agent.own_s).max(0.0),
        fixed_s: around_s + fixed_fraction * agent.compute_s,
        seconds_per_sample: (1.0 - fixed_fraction) * agent.compute_s / samples,
    }
}

/// `trace.previous.csv.gz` of `trace.csv.gz`.
fn previous(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = name.find(".csv").map_or((&*name, ""), |place| name.split_at(place));
    path.with_file_name(format!("{stem}.previous{ending}"))
}

fn compressed(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

fn quoted(name: &str) -> String {
    if name.contains([',', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
