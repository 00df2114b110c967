//! `history.csv`: one line a round.

use heijunka_round::{Ending, RoundRecord};
use heijunka_wire::Purpose;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const HEADER: &str = "round,purpose,ending,model_version,seconds,between_seconds,equal_seconds,loss,learning_rate,\
samples,agents,slowest_agent,compute_seconds_max,bytes_down,bytes_up,elapsed_seconds,\
held_out_rows,held_out_loss,accuracy,macro_f1,rmse,pr_auc,roc_auc,best_f1,threshold,cost_per_row,reason";

const FILE: &str = "history.csv";
const PREVIOUS: &str = "history.previous.csv";

/// Lines are written out at least so often.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// The file grows no larger, in bytes: then it becomes `history.previous.csv`, in place of the one before, and begins anew.
const BYTES_MAX: u64 = 64 << 20;

/// The open file.
pub(crate) struct History {
    file: BufWriter<File>,
    directory: PathBuf,
    bytes: u64,
    bytes_max: u64,
    begun: Instant,
    flushed: Instant,
}

impl History {
    /// Begins the file anew, or goes on with one that is there.
    pub(crate) fn create(directory: &Path, goes_on: bool) -> std::io::Result<Self> {
        let (directory, now) = (directory.to_owned(), Instant::now());
        let path = directory.join(FILE);
        let (file, bytes) = match std::fs::metadata(&path).ok().filter(|_| goes_on) {
            Some(there) => (BufWriter::new(File::options().append(true).open(path)?), there.len()),
            None => (begin(&directory)?, 0),
        };
        Ok(Self { file, directory, bytes, bytes_max: BYTES_MAX, begun: now, flushed: now })
    }

    /// Adds a line. A file that is full makes room.
    fn write(&mut self, line: &str) -> std::io::Result<()> {
        if self.bytes + line.len() as u64 > self.bytes_max {
            self.file.flush()?;
            std::fs::rename(self.directory.join(FILE), self.directory.join(PREVIOUS))?;
            self.file = begin(&self.directory)?;
            self.bytes = 0;
        }
        self.bytes += line.len() as u64;
        self.file.write_all(line.as_bytes())
    }

    /// Adds a round.
    pub(crate) fn add(&mut self, record: &RoundRecord) -> std::io::Result<()> {
        let purpose = if record.purpose == Purpose::Score { "score" } else { "train" };
        let ending = match record.ending {
            Ending::Full => "full",
            Ending::Partial => "partial",
            Ending::GivenUp => "given_up",
        };
        let slowest = record.agents.iter().max_by(|a, b| a.total_s.total_cmp(&b.total_s));
        let compute_max = record.agents.iter().map(|agent| agent.compute_s).fold(0.0, f64::max);
        let number = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.6}"));
        let summary = record.summary.unwrap_or_default();
        let line = format!(
            "{},{purpose},{ending},{},{:.6},{:.6},{:.6},{},{:.6},{},{},{},{:.6},{},{},{:.3},{},{},{},{},{},{},{},{},{},{},{}\n",
            record.round,
            record.model,
            record.seconds,
            record.between_s,
            record.equal_s,
            number(record.loss),
            record.learning_rate,
            record.samples,
            record.agents.len(),
            quoted(slowest.map_or("", |agent| agent.agent.as_str())),
            compute_max,
            record.bytes_down,
            record.bytes_up,
            self.begun.elapsed().as_secs_f64(),
            summary.held_out_rows,
            number(summary.loss),
            number(summary.accuracy),
            number(summary.macro_f1),
            number(summary.rmse),
            number(summary.pr_auc),
            number(summary.roc_auc),
            number(summary.best_f1),
            number(summary.threshold),
            number(summary.cost_per_row),
            quoted(record.moved.as_deref().unwrap_or("")),
        );
        self.write(&line)?;
        if self.flushed.elapsed() >= FLUSH_EVERY {
            self.flush()?;
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.flushed = Instant::now();
        self.file.flush()
    }
}

fn begin(directory: &Path) -> std::io::Result<BufWriter<File>> {
    let mut file = BufWriter::new(File::create(directory.join(FILE))?);
    writeln!(file, "{HEADER}")?;
    Ok(file)
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_bounded_size_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History { bytes_max: 100, ..History::create(folder.path(), false).unwrap() };
        for round in 0..50 {
            history.write(&format!("{round},train,full\n")).unwrap();
        }
        history.flush().unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let (now, before) = (read(FILE), read(PREVIOUS));
        assert!(now.starts_with(HEADER) && before.starts_with(HEADER));
        assert!(now.len() <= HEADER.len() + 101 && before.len() <= HEADER.len() + 101, "{now}");
        assert!(now.ends_with("49,train,full\n"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
