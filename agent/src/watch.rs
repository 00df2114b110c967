//! Looks at the data files again and again, so that rows that come while the job goes on are trained on.
//!
//! A thread of its own reads what has changed; the compute thread takes it between two computations. Until then, and if it
//! does not fit the job, training goes on with what there is.

use crate::config::Valid;
use crate::engine::Work;
use crate::reading::Reading;
use heijunka_wire::{DataMode, Spec};
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant, SystemTime};

/// Reading again takes one part of the time in so many at most.
const PART: u32 = 20;

/// Files as they are: size and time of the last change.
type Seen = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// Watches the files of a job with data of one's own.
pub(crate) struct Watch {
    reading: Reading,
    every: Option<Duration>,
    job: Option<(Spec, Vec<u8>)>,
    seen: Seen,
    due: Option<Instant>,
    began: Instant,
}

impl Watch {
    pub(crate) fn new(valid: &Valid) -> Self {
        let mut reading = Reading::new(valid);
        // What is being written when it is read may end in the middle of a line.
        reading.source.whole_lines = true;
        Self { reading, every: valid.look_again_every, job: None, seen: Seen::new(), due: None, began: Instant::now() }
    }

    /// The files are about to be read for a job. Those that all agents must have alike are not to change.
    pub(crate) fn reads(&mut self, spec: &Spec, document: &[u8]) {
        let watched = self.every.filter(|_| spec.fitted && spec.data_mode == DataMode::Private);
        self.job = watched.map(|_| (spec.clone(), document.to_vec()));
        self.due = watched.map(|every| Instant::now() + every);
        self.seen = self.look();
    }

    /// When to call [`Self::check`] next.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Reads the files again if it is time and they have changed; what comes of it goes to `inbox`.
    pub(crate) fn check(&mut self, inbox: Sender<Work>) {
        let now = Instant::now();
        let (Some(every), Some((spec, document))) = (self.every, &self.job) else { return };
        if self.due.is_none_or(|due| now < due) {
            return;
        }
        let seen = self.look();
        if seen.is_empty() || seen == self.seen {
            self.due = Some(now + every);
            return;
        }
        (self.seen, self.due, self.began) = (seen, None, now);
        let (reading, spec, document) = (self.reading.clone(), spec.clone(), document.clone());
        let read = move || {
            // If the compute thread has ended, so has the agent.
            let _ = inbox.send(Work::Replace(Box::new(reading.fresh(&spec, &document))));
        };
        if std::thread::Builder::new().name("data".into()).spawn(read).is_err() {
            self.due = Some(now + every);
        }
    }

    /// What was read has arrived.
    pub(crate) fn has_read(&mut self) {
        let took = self.began.elapsed();
        self.due = self.every.filter(|_| self.job.is_some()).map(|every| Instant::now() + every.max(took * PART));
    }

    /// Nothing if a file cannot be seen: it may be there again later.
    fn look(&self) -> Seen {
        let look = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok()?;
            Some((path, metadata.len(), metadata.modified().ok()))
        };
        let files = self.reading.source.files().unwrap_or_default();
        files.into_iter().map(look).collect::<Option<Seen>>().unwrap_or_default()
    }
}
