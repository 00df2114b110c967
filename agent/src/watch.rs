//! Looks at the data files again and again, so that rows that come during the job are trained on.
//!
//! A thread of its own reads what has changed; the compute thread takes it between two computations. Until then, and if it
//! does not fit the job, training continues with the rows that it has.

use crate::config::Valid;
use crate::files::Files;
use crate::reading::Reading;
use crate::work::Work;
use heijunka_wire::{DataMode, Spec};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

/// Reading again takes one part of the time in so many at most.
const PART: u32 = 20;

/// Watches the files of a job with data of one's own.
pub(crate) struct Watch {
    reading: Reading,
    every: Option<Duration>,
    job: Option<(Spec, Vec<u8>)>,
    seen: Option<Files>,
    due: Option<Instant>,
    began: Instant,
}

impl Watch {
    pub(crate) fn new(valid: &Valid) -> Self {
        let mut reading = Reading::new(valid);
        // What is being written when it is read may end in the middle of a line.
        reading.source.whole_lines = true;
        Self { reading, every: valid.look_again_every, job: None, seen: None, due: None, began: Instant::now() }
    }

    /// The files are about to be read for a job. Those that all agents must have alike are not to change.
    pub(crate) fn reads(&mut self, spec: &Spec, document: &[u8]) {
        let watched = self.every.filter(|_| spec.is_fitted() && spec.data_mode == DataMode::Private);
        self.job = watched.map(|_| (spec.clone(), document.to_vec()));
        self.due = watched.map(|every| Instant::now() + every);
        self.seen = Files::look(&self.reading.source);
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
        let seen = Files::look(&self.reading.source);
        if seen.is_none() || seen == self.seen {
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
}
