//! The compute thread: owns the data, computes gradients and scores, and never touches the network.

use crate::config::{Emulate, Valid};
use crate::diagnosis::{Spent, thread_cpu_wait};
use crate::duty::Duty;
use crate::liveness::{Liveness, Pulse};
use crate::reading::{Fresh, Reading, Ready, job};
use crate::share::{Gradient, Problem, ShareEngine};
use heijunka_data::{DataError, Usage};
use heijunka_settings::{Exit, Failure};
use heijunka_units::{RoundId, Samples};
use heijunka_wire::Spec;
use heijunka_wire::document::{Document, Scores};
use heijunka_worker::Prepared;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::info;

/// What the compute thread is asked.
pub(crate) enum Work {
    /// Read and encode the data.
    Prepare { spec: Spec, document: Vec<u8> },
    /// A gradient.
    Compute(Compute),
    /// The files hold more than they did: what was read of them, to take the place of what there is.
    Replace(Box<Result<Fresh, Failure>>),
    /// Scores of held-out rows.
    Score { round: RoundId, first: u32, rows: u32, model: Vec<f32>, cancel: Cancel },
}

/// The gradient that is asked for.
pub(crate) struct Compute {
    pub(crate) round: RoundId,
    /// First position in the stream of samples.
    pub(crate) position: u64,
    pub(crate) samples: Samples,
    pub(crate) local: LocalSteps,
    /// What is not done then is left out.
    pub(crate) stop: Option<Instant>,
    pub(crate) model: Vec<f32>,
    pub(crate) cancel: Cancel,
}

/// The sum of so many steps' mean gradients is wanted, each of the samples after the last one's and at a model of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalSteps {
    pub(crate) steps: u16,
    /// Where the next step's samples begin, beyond the last one's.
    pub(crate) stride: u64,
    /// Learning rate between them.
    pub(crate) rate: f32,
}

/// What it answers.
pub(crate) enum Done {
    Prepared {
        prepared: Prepared,
        survey: Vec<u8>,
        usage: Usage,
    },
    /// The files have been read again; `Err`: what they hold now does not fit the job, and training goes on without it.
    Replaced(Result<(Prepared, Usage), Failure>),
    /// `model` and the gradient's memory go back to the driver, to be used again.
    Computed {
        round: RoundId,
        gradient: Gradient,
        took: Duration,
        spent: Spent,
        model: Vec<f32>,
    },
    Scored {
        round: RoundId,
        scores: Vec<u8>,
        model: Vec<f32>,
    },
    /// The data do not fit the job, or cannot be read.
    Failed(Failure),
}

/// Set when nobody waits for a computation any more.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cancel(Arc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: AtomicBool,
    looks: AtomicU64,
}

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.0.is_set.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.looks.fetch_add(1, Ordering::Relaxed);
        self.0.is_set.load(Ordering::Relaxed)
    }

    /// How often the computation has looked whether it is cancelled: it does so after every piece.
    fn looks(&self) -> u64 {
        self.0.looks.load(Ordering::Relaxed)
    }

    /// Sleeps until `end`, or until cancelled; returns how long.
    pub(crate) fn sleep_until(&self, end: Instant) -> Duration {
        const STEP: Duration = Duration::from_millis(20);
        let began = Instant::now();
        let mut now = began;
        while now < end && !self.is_cancelled() {
            std::thread::sleep(end.saturating_duration_since(now).min(STEP));
            now = Instant::now();
        }
        now.saturating_duration_since(began)
    }
}

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
        let duty = Duty::new(valid.cpu_share_percent);
        let loader = Loader {
            reading: Reading::new(valid),
            share: ShareEngine::new(valid.threads, duty),
            emulate: valid.emulate.clone(),
            ready: None,
            rows: Vec::new(),
        };
        let loader = Arc::new(Mutex::new(loader));
        let own = Arc::clone(&loader);
        let pulse = Pulse::default();
        let liveness = Liveness::new(pulse.clone(), Instant::now());
        std::thread::Builder::new()
            .name("compute".into())
            .spawn(move || serve(&own, &inbox, &outbox, &pulse))
            .map_err(|error| Failure::new(Exit::Unavailable, "no compute thread").why(error.to_string()))?;
        Ok(Self { work, done, loader, per_sample: None, liveness, rests: duty.is_limited() })
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

    /// Whether the compute thread goes on with what it was asked; `cancel` belongs to the work in hand.
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
        // Nobody has asked for what was read again.
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

impl Ready {
    fn problem<'a>(&'a self, model: &'a [f32], cancel: &'a Cancel, stop: Option<Instant>) -> Problem<'a> {
        let Self { dataset, shape, class_weights, target_scale, .. } = self;
        Problem { shape, dataset, class_weights, target_scale: *target_scale, model, cancel, stop }
    }
}

struct Loader {
    reading: Reading,
    share: ShareEngine,
    emulate: Emulate,
    ready: Option<Ready>,
    /// Memory that comes back from the driver.
    rows: Vec<usize>,
}

impl Loader {
    /// `timed`: how long the thread waits for a processor is worth being asked for.
    fn work(&mut self, work: Work, timed: bool) -> Done {
        match work {
            Work::Prepare { spec, document } => {
                let done = self.prepare(&spec, &document).unwrap_or_else(Done::Failed);
                // The first share would rest for it, and the machine seem slow.
                self.share.forgive();
                done
            }
            Work::Replace(fresh) => self.replace(*fresh),
            Work::Compute(asked) => self.compute(asked, timed),
            Work::Score { round, first, rows, model, cancel } => self.score(round, first, rows, model, &cancel),
        }
    }

    fn prepare(&mut self, spec: &Spec, document: &[u8]) -> Result<Done, Failure> {
        let job = job(document)?;
        let (table, needs) = self.reading.table()?;
        if spec.fitted {
            let Fresh { ready, prepared } = self.reading.encode(&table, needs, spec, &job)?;
            let usage = ready.dataset.usage.clone();
            self.ready = Some(ready);
            return Ok(Done::Prepared { prepared, survey: Vec::new(), usage });
        }
        for note in table.notes() {
            info!("{note}");
        }
        let usage = table.usage(&job).map_err(data_failure)?;
        let survey = table.survey(&job).map_err(data_failure)?;
        let (rows, held_out_rows) = (usage.train, usage.held_out);
        let prepared = Prepared { spec: spec.content, rows, held_out_rows, data_digest: 0 };
        Ok(Done::Prepared { prepared, survey: survey.to_bytes(), usage })
    }

    /// Data that were read for another job than the present one change nothing.
    fn replace(&mut self, fresh: Result<Fresh, Failure>) -> Done {
        Done::Replaced(fresh.map(|Fresh { ready, prepared }| {
            let usage = ready.dataset.usage.clone();
            if self.ready.as_ref().is_some_and(|present| present.spec == ready.spec) {
                self.ready = Some(ready);
            }
            (prepared, usage)
        }))
    }

    fn compute(&mut self, asked: Compute, timed: bool) -> Done {
        let Compute { round, position, samples, local, stop, mut model, cancel } = asked;
        let waited = || if timed { thread_cpu_wait() } else { None };
        let (began, cpu_wait_before) = (Instant::now(), waited());
        let mut gradient = Gradient::default();
        let stop_after = stop.map(|stop| stop.saturating_duration_since(began));
        let samples = self.emulate.samples_within(round, samples, stop_after);
        let (mut data, mut resting, mut sum, mut loss_sum) = (Duration::ZERO, Duration::ZERO, Vec::new(), 0.0);
        for step in 0..local.steps {
            let begin = position.wrapping_add(u64::from(step).wrapping_mul(local.stride));
            data += self.compute_step(begin, samples, &model, stop, &cancel, &mut gradient);
            resting += gradient.resting;
            if gradient.samples == 0 || local.steps == 1 {
                break;
            }
            loss_sum += gradient.loss_sum / f64::from(local.steps);
            descend(&mut model, &mut sum, &gradient, local.rate);
        }
        if gradient.samples > 0 && local.steps > 1 {
            (gradient.mean, gradient.loss_sum) = (sum, loss_sum);
        }
        // Read before any sleep, which is no wait for a processor.
        let own = waited().zip(cpu_wait_before).map(|(after, before)| after.saturating_sub(before));
        let busy = began.elapsed();
        let seeming = self.emulate.compute_time(round, gradient.samples).saturating_mul(u32::from(local.steps));
        let emulated_compute = cancel.sleep_until(began + seeming);
        let took = began.elapsed();
        let spent = Spent {
            samples: gradient.samples,
            data,
            computing: busy.saturating_sub(data + resting),
            resting,
            emulated_compute,
            // Threads wait side by side: the longest counts, and no longer than the work took.
            cpu_wait: own.map(|own| own.max(gradient.helpers_cpu_wait).min(busy)),
            ..Spent::default()
        };
        Done::Computed { round, gradient, took, spent, model }
    }

    /// The mean gradient of a step, and the time of choosing and gathering its rows.
    fn compute_step(
        &mut self,
        position: u64,
        samples: Samples,
        model: &[f32],
        stop: Option<Instant>,
        cancel: &Cancel,
        gradient: &mut Gradient,
    ) -> Duration {
        let began = Instant::now();
        let Some(ready) = &self.ready else { return Duration::ZERO };
        self.rows.clear();
        let row = |i| ready.order.row(position.wrapping_add(i)) as usize;
        self.rows.extend((0..u64::from(samples)).map(row));
        let choosing = began.elapsed();
        self.share.gradient(ready.problem(model, cancel, stop), &self.rows, gradient);
        choosing + gradient.gathering
    }

    fn score(&mut self, round: RoundId, first: u32, rows: u32, model: Vec<f32>, cancel: &Cancel) -> Done {
        let mut scores = Scores::default();
        if let Some(ready) = &self.ready {
            let range = first as usize..(first as usize).saturating_add(rows as usize);
            let held_out = ready.dataset.held_out.len();
            let range = range.start.min(held_out)..range.end.min(held_out);
            scores = self.share.score(ready.problem(&model, cancel, None), range);
        }
        Done::Scored { round, scores: scores.to_bytes(), model }
    }
}

/// Adds a step's mean gradient to the sum, and goes along it.
fn descend(model: &mut [f32], sum: &mut Vec<f32>, gradient: &Gradient, rate: f32) {
    sum.resize(model.len(), 0.0);
    for ((parameter, sum), mean) in model.iter_mut().zip(sum).zip(&gradient.mean) {
        *sum += mean;
        *parameter -= rate * mean;
    }
}

/// A data error in the programs' terms: trying again does not help.
pub(crate) fn data_failure(error: DataError) -> Failure {
    Failure::new(Exit::Config, error.to_string()).fix(error.fix())
}
