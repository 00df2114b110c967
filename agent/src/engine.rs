//! The compute thread, which never touches the network, and the driver's end of it.

use crate::cancel::Cancel;
use crate::config::Valid;
use crate::liveness::{Liveness, Pulse};
use crate::loader::Loader;
use crate::work::{Done, Work};
use heijunka_settings::{Exit, Failure};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What is expected to take no longer is computed on the driver's own thread: to wake another one and to be woken by it
/// takes about as long, and no keep-alive is missed for it.
const MOMENT: Duration = Duration::from_micros(300);

/// The driver's end of the compute thread.
pub(crate) struct Engine {
    work: Sender<Work>,
    pub(crate) done: UnboundedReceiver<Done>,
    loader: Arc<Mutex<Loader>>,
    /// What a sample took in the last share, in all of its steps.
    per_sample: Option<Duration>,
    liveness: Liveness,
    /// The compute thread rests between slices of its work, which the driver's must not.
    rests: bool,
}

/// The compute thread has ended.
pub(crate) struct Ended;

impl Engine {
    /// Starts the compute thread.
    pub(crate) fn start(valid: &Valid) -> Result<Self, Failure> {
        let (work, inbox) = channel();
        let (outbox, done) = unbounded_channel();
        let loader = Arc::new(Mutex::new(Loader::new(valid)));
        let own = Arc::clone(&loader);
        let pulse = Pulse::default();
        let liveness = Liveness::new(pulse.clone(), Instant::now());
        std::thread::Builder::new()
            .name("compute".into())
            .spawn(move || serve(&own, &inbox, &outbox, &pulse))
            .map_err(|error| Failure::new(Exit::Unavailable, "no compute thread").why(error.to_string()))?;
        Ok(Self { work, done, loader, per_sample: None, liveness, rests: valid.cpu_share_percent < 100 })
    }

    /// Does the work at once if it is expected to take but a moment, else gives it to the compute thread.
    pub(crate) fn ask(&mut self, work: Work) -> Result<Option<Done>, Ended> {
        if let Work::Compute(asked) = &work
            && !self.rests
            && self.per_sample.is_some_and(|per_sample| per_sample.saturating_mul(asked.samples) < MOMENT)
            && let Ok(mut loader) = self.loader.try_lock()
        {
            return Ok(Some(loader.work(work, false)));
        }
        self.liveness.ask();
        self.work.send(work).map(|()| None).map_err(|_| Ended)
    }

    /// Whether the compute thread works at what it was asked; `cancel` belongs to the work in hand.
    pub(crate) fn is_alive(&mut self, now: Instant, cancel: &Cancel) -> bool {
        self.liveness.is_alive(now, cancel.looks())
    }

    /// Where work may come from beside the driver.
    pub(crate) fn inbox(&self) -> Sender<Work> {
        self.work.clone()
    }

    /// Takes note of how long a share took.
    pub(crate) fn took(&mut self, samples: u32, took: Duration) {
        self.per_sample = (samples > 0).then(|| took / samples);
    }
}

fn serve(loader: &Mutex<Loader>, inbox: &Receiver<Work>, outbox: &UnboundedSender<Done>, pulse: &Pulse) {
    while let Ok(work) = inbox.recv() {
        // What was read again was not asked for.
        let asked = !matches!(work, Work::Replace(_));
        if asked {
            pulse.begin(matches!(work, Work::Prepare { .. }));
        }
        // A panic in another thread's share has ended that thread's program already.
        let done = loader.lock().unwrap_or_else(PoisonError::into_inner).work(work, true);
        if asked {
            pulse.end();
        }
        if outbox.send(done).is_err() {
            return;
        }
    }
}
