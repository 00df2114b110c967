//! `history.csv`: one line per round. `round` counts the model's steps, as the page and `max_rounds` do: a round that was given up has
//! the number of the one that repeats it, a scoring that of the round whose model it scores.

use heijunka_model::replace_file;
use heijunka_round::{Ending, RoundRecord};
use heijunka_wire::Purpose;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const HEADER: &str = "round,purpose,ending,model_version,seconds,between_seconds,equal_seconds,loss,learning_rate,\
samples,agents,slowest_agent,compute_seconds_max,bytes_down,bytes_up,elapsed_seconds,\
held_out_rows,held_out_loss,accuracy,macro_f1,rmse,pr_auc,roc_auc,best_f1,threshold,cost_per_row,reason";

const FILE: &str = "history.csv";
const PREVIOUS: &str = "history.previous.csv";

/// Lines are written at least this often.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// Bytes that wait until they can be written: of some 20,000 rounds.
const WAITING_BYTES_MAX: usize = 4 << 20;

/// The start of the last line is searched for in this many bytes at the end of the file.
const TAIL_BYTES: u64 = 64 << 10;

/// Largest size of the file, in bytes: then it replaces `history.previous.csv`, and a new file begins.
const BYTES_MAX: u64 = 64 << 20;

/// The open file.
pub(crate) struct History {
    file: File,
    /// Lines that have yet to be written.
    gathered: Vec<u8>,
    directory: PathBuf,
    bytes: u64,
    bytes_max: u64,
    begun: Instant,
    /// How long the job had taken before.
    before: Duration,
    flushed: Instant,
}

impl History {
    /// Continues an existing file if the job is resumed after that time; else creates a new one, and an existing one
    /// becomes `history.previous.csv`.
    pub(crate) fn create(directory: &Path, gone_on: Option<Duration>) -> std::io::Result<Self> {
        let (directory, now) = (directory.to_owned(), Instant::now());
        let there = directory.join(FILE).exists();
        let (file, bytes) = match gone_on {
            Some(_) if there => go_on(&directory.join(FILE))?,
            _ => {
                if there {
                    std::fs::rename(directory.join(FILE), directory.join(PREVIOUS))?;
                }
                begin(&directory)?
            }
        };
        let before = gone_on.unwrap_or_default();
        let gathered = Vec::new();
        Ok(Self { file, gathered, directory, bytes, bytes_max: BYTES_MAX, begun: now, before, flushed: now })
    }

    /// Adds a line; a full file makes room. Lines that cannot be written wait, up to a limit.
    fn write(&mut self, line: &str) -> std::io::Result<()> {
        let full = self.bytes + line.len() as u64 > self.bytes_max;
        let rotated = if full { self.rotate() } else { Ok(()) };
        if self.gathered.len() + line.len() > WAITING_BYTES_MAX {
            return Err(std::io::Error::new(ErrorKind::StorageFull, "lines are dropped: too many wait to be written"));
        }
        self.bytes += line.len() as u64;
        self.gathered.extend_from_slice(line.as_bytes());
        rotated
    }

    fn rotate(&mut self) -> std::io::Result<()> {
        self.write_gathered()?;
        std::fs::rename(self.directory.join(FILE), self.directory.join(PREVIOUS))?;
        (self.file, self.bytes) = begin(&self.directory)?;
        Ok(())
    }

    fn write_gathered(&mut self) -> std::io::Result<()> {
        while !self.gathered.is_empty() {
            match self.file.write(&self.gathered) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                // What a full disk has taken is not written twice.
                Ok(written) => drop(self.gathered.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
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
            record.number(),
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
            (self.before + self.begun.elapsed()).as_secs_f64(),
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
        let written = self.write(&line);
        if self.flushed.elapsed() >= FLUSH_EVERY { self.flush().and(written) } else { written }
    }

    /// Writes what is gathered. A file that was removed is written again.
    pub(crate) fn flush(&mut self) -> std::io::Result<()> {
        self.flushed = Instant::now();
        self.write_gathered()?;
        let path = self.directory.join(FILE);
        if path.exists() {
            return Ok(());
        }
        // Its contents are still readable through the open file.
        let mut bytes = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut bytes)?;
        replace_file(&path, &bytes)?;
        (self.file, self.bytes) = go_on(&path)?;
        Ok(())
    }

    /// The same, and waits until it is on the disk.
    pub(crate) fn sync(&mut self) -> std::io::Result<()> {
        self.flush()?;
        self.file.sync_all()
    }
}

impl Drop for History {
    fn drop(&mut self) {
        // Saving has reported what could not be written.
        let _ = self.write_gathered();
    }
}

fn begin(directory: &Path) -> std::io::Result<(File, u64)> {
    let mut file = File::options().read(true).write(true).create(true).truncate(true).open(directory.join(FILE))?;
    writeln!(file, "{HEADER}")?;
    Ok((file, 0))
}

/// Opens the file after its last whole line: a power cut may have torn the next one.
fn go_on(path: &Path) -> std::io::Result<(File, u64)> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let tail = length.saturating_sub(TAIL_BYTES);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(tail))?;
    file.read_to_end(&mut bytes)?;
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(length, |place| tail + place as u64 + 1);
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    if end == 0 {
        writeln!(file, "{HEADER}")?;
    }
    Ok((file, end))
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resumed_job_appends_after_the_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, format!("{HEADER}\n1,train,full\n2,tra")).unwrap();
        let mut history = History::create(folder.path(), Some(Duration::from_secs(3600))).unwrap();
        assert!(history.before.as_secs() == 3600);
        history.write("2,train,full\n").unwrap();
        history.flush().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{HEADER}\n1,train,full\n2,train,full\n"));
        // What the file system has lost altogether begins with its header again.
        std::fs::write(&path, "").unwrap();
        drop(History::create(folder.path(), Some(Duration::ZERO)).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{HEADER}\n"));
    }

    #[test]
    fn lines_wait_while_the_disk_is_full_and_only_so_many() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::create(folder.path(), None).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let file = std::mem::replace(&mut history.file, full);
        history.write("1,train,full\n").unwrap();
        assert_eq!(history.flush().unwrap_err().kind(), ErrorKind::StorageFull);
        history.write("2,train,full\n").unwrap();
        let long = format!("{}\n", "3".repeat(WAITING_BYTES_MAX));
        assert!(history.write(&long).is_err(), "memory is bounded");
        history.file = file;
        history.sync().unwrap();
        let text = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        assert_eq!(text, format!("{HEADER}\n1,train,full\n2,train,full\n"));
    }

    #[test]
    fn a_file_that_was_removed_is_written_again_once_its_folder_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::create_dir(&there).unwrap();
        let mut history = History::create(&there, None).unwrap();
        history.write("1,train,full\n").unwrap();
        std::fs::remove_dir_all(&there).unwrap();
        assert_eq!(history.sync().unwrap_err().kind(), std::io::ErrorKind::NotFound);
        history.write("2,train,full\n").unwrap();
        std::fs::create_dir(&there).unwrap();
        history.sync().unwrap();
        history.write("3,train,full\n").unwrap();
        history.sync().unwrap();
        let text = std::fs::read_to_string(there.join(FILE)).unwrap();
        assert_eq!(text, format!("{HEADER}\n1,train,full\n2,train,full\n3,train,full\n"));
    }

    #[test]
    fn a_new_job_keeps_the_history_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "old").unwrap();
        drop(History::create(folder.path(), None).unwrap());
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!((read(FILE), read(PREVIOUS)), (format!("{HEADER}\n"), "old".to_owned()));
    }

    #[test]
    fn two_files_of_bounded_size_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut history = History::create(folder.path(), None).unwrap();
        history.bytes_max = 100;
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
