//! Saves: now and then during training, and at the end until it succeeds.

use super::Driver;
use crate::describe::{Subject, Taken, describe};
use crate::export;
use heijunka_learn::ModelShape;
use heijunka_model::Card;
use heijunka_model::checkpoint::{self, Best, Save};
use heijunka_round::{Event, Outcome, Phase};
use heijunka_settings::{Exit, Failure};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Shortest and longest wait between two attempts of the last save.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A program that was asked to stop tries the last save for so long: a service manager kills it after 90 s.
const PATIENCE: Duration = Duration::from_secs(60);

/// The save that ends the program.
#[derive(Debug)]
pub(super) struct LastSave {
    outcome: Outcome,
    /// By the end of the job: what the save takes is not part of it.
    taken: Taken,
    due: Instant,
    wait: Duration,
    /// From when on a failure is final; never unless the program was asked to stop.
    give_up: Option<Instant>,
}

impl LastSave {
    /// `stopped`: when the program was asked to stop.
    pub(super) fn new(outcome: Outcome, taken: Taken, now: Instant, stopped: Option<Instant>) -> Self {
        Self { outcome, taken, due: now, wait: RETRY.0, give_up: stopped.map(|at| at + PATIENCE) }
    }

    /// When to try.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// The program is asked to stop during the retries: one more attempt.
    pub(super) fn hurry(&mut self, now: Instant) {
        (self.due, self.give_up) = (now, Some(now));
    }

    /// Takes note of a failure; returns whether to try again.
    fn put_off(&mut self, now: Instant) -> bool {
        if self.give_up.is_some_and(|at| now >= at) {
            return false;
        }
        self.due = now + self.wait;
        self.due = self.give_up.map_or(self.due, |at| self.due.min(at));
        self.wait = (self.wait * 2).min(RETRY.1);
        true
    }
}

/// What could not be written, and why.
struct Trouble {
    what: String,
    error: String,
    fix: &'static str,
}

impl Trouble {
    fn new(what: impl Into<String>, error: &io::Error) -> Self {
        let fix = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on that disk",
            ErrorKind::NotFound | ErrorKind::NotADirectory => "bring that folder back: make it, or mount its disk",
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "let the program's user write there",
            _ => "see that the folder is there, has room, and may be written to",
        };
        Self { what: what.into(), error: error.to_string(), fix }
    }
}

impl Driver<'_> {
    /// Writes model, card and history, and says where. A failure is reported and retried later: training continues.
    pub(super) fn save(&mut self) -> Result<String, String> {
        self.save_due = Instant::now() + self.valid.save_every;
        if self.coordinator.model().is_none() {
            return Err("there is no model yet: training has not begun".to_owned());
        }
        let outcome = self.last.as_ref().map(|last| last.outcome);
        match self.write(outcome) {
            Ok(()) => Ok(format!("{} is in {}", self.model_name(), self.valid.output.display())),
            Err(trouble) => Err(self.report(&trouble)),
        }
    }

    /// The job is over: all is written, then the program ends.
    pub(super) fn begin_last_save(&mut self, outcome: Outcome) {
        self.last = Some(LastSave::new(outcome, self.taken(), Instant::now(), self.stopped));
    }

    fn taken(&self) -> Taken {
        let seconds = (self.valid.gone_on.unwrap_or_default() + self.origin.elapsed()).as_secs_f64();
        Taken { seconds, training_seconds: self.coordinator.trained_for(self.now()).as_secs_f64() }
    }

    /// Saves for the last time, if the job is over and it is time to try; says how it ended once all is written.
    ///
    /// # Errors
    /// It was stopped before that could be written.
    pub(super) fn save_last(&mut self) -> Result<Option<Outcome>, Failure> {
        let now = Instant::now();
        let Some(outcome) = self.last.as_ref().filter(|last| now >= last.due).map(|last| last.outcome) else {
            return Ok(None);
        };
        let Err(trouble) = self.write(Some(outcome)) else {
            if self.saved.is_some() {
                self.progress.print(|| info!("the model is in {}", self.valid.output.display()));
            }
            return Ok(Some(outcome));
        };
        if !self.last.as_mut().is_some_and(|last| last.put_off(now)) {
            return Err(self.lost(&trouble));
        }
        self.report(&trouble);
        let wait = self.last.as_ref().map_or(RETRY.1, |last| last.due.saturating_duration_since(now)).as_secs();
        self.progress.print(|| warn!("retrying in {wait} s; stopping now loses the model"));
        Ok(None)
    }

    /// Writes what there is. A job that is over leaves its model as ONNX, too.
    fn write(&mut self, outcome: Option<Outcome>) -> Result<(), Trouble> {
        let (valid, folder) = (self.valid, &self.valid.output);
        let taken = self.last.as_ref().map_or_else(|| self.taken(), |last| last.taken);
        let subject = Subject { site: &valid.site, job: &valid.job, timestamps: valid.timestamps.as_ref() };
        let Some(card) = describe(&subject, &self.coordinator, outcome, taken) else { return Ok(()) };
        // The model is written even if the history cannot be.
        let history = if outcome.is_some() { self.history.sync() } else { self.history.flush() };
        self.write_model(&card).map_err(|error| Trouble::new(self.model_name(), &error))?;
        self.saved = Some(self.coordinator.steps());
        checkpoint::keep(folder, valid.keep, &card).map_err(|error| Trouble::new("the copy of it to keep", &error))?;
        history.map_err(|error| Trouble::new("history.csv", &error))?;
        if outcome.is_some() && valid.onnx {
            self.write_onnx()?;
        }
        if self.figures.cannot_save.take().is_some() {
            self.on_event(&Event::SavedAgain { what: self.model_name(), folder: folder.display().to_string() });
        }
        Ok(())
    }

    fn write_model(&self, card: &Card) -> io::Result<()> {
        let mind = &self.coordinator;
        let (Some(shape), Some(parameters)) = (mind.shape(), mind.model()) else { return Ok(()) };
        let shape = ModelShape::new(shape.clone()).map_err(|error| io::Error::other(error.to_string()))?;
        let best = mind.best().map(|best| Best { step: best.step, parameters: best.parameters, scores: best.scores });
        let optimizer = mind.optimizer_state();
        let save = Save { card, shape: &shape, parameters, optimizer, best: best.as_ref() };
        checkpoint::write(&self.valid.output, &save)
    }

    /// A model that cannot be expressed in ONNX is reported; the job ends all the same.
    fn write_onnx(&self) -> Result<(), Trouble> {
        match export::beside(&self.valid.output) {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(Trouble::new(export::FILE, &error)),
            Err(failure) => {
                self.progress.print(|| warn!("{} is not written: {}", export::FILE, failure.reason()));
            }
        }
        Ok(())
    }

    fn model_name(&self) -> String {
        format!("the model after round {}", self.coordinator.steps())
    }

    /// Reports that something could not be written, as an event unless it was reported already.
    fn report(&mut self, trouble: &Trouble) -> String {
        let (over, fix) = (self.coordinator.phase() == Phase::Finished, trouble.fix);
        let (what, error) = (trouble.what.clone(), trouble.error.clone());
        let folder = self.valid.output.display().to_string();
        // Rounds differ from one attempt to the next, the reason does not.
        let known = format!("{folder}: {error}; {fix}");
        let event = Event::CannotSave { what, folder, error, fix, over };
        let message = event.to_string();
        if self.figures.cannot_save.replace(known.clone()) == Some(known) {
            self.log(&event);
        } else {
            self.on_event(&event);
        }
        self.page.hasten();
        self.status_due = Instant::now();
        message
    }

    fn lost(&self, trouble: &Trouble) -> Failure {
        let (folder, fix) = (self.valid.output.display(), trouble.fix);
        let left = match self.saved.or(self.coordinator.gone_on_after()) {
            None => format!("{folder} holds nothing of this job"),
            Some(step) => format!("{folder} holds the model after round {step}"),
        };
        let what = format!("stopped before {} could be written: it is lost", trouble.what);
        Failure::new(Exit::Unavailable, what).why(trouble.error.clone()).fix(format!("{fix}; {left}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAKEN: Taken = Taken { seconds: 1.0, training_seconds: 1.0 };

    fn attempts(last: &mut LastSave, count: usize) -> Vec<u64> {
        let wait = |_| {
            let now = last.due();
            last.put_off(now).then(|| (last.due() - now).as_secs())
        };
        (0..count).map_while(wait).collect()
    }

    #[test]
    fn the_last_save_is_tried_for_as_long_as_nobody_stops_the_program() {
        let now = Instant::now();
        let mut last = LastSave::new(Outcome::Rounds, TAKEN, now, None);
        assert_eq!(attempts(&mut last, 9), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        last.hurry(now);
        assert!(last.due() == now && !last.put_off(now), "once more, then no more");
    }

    #[test]
    fn a_program_that_was_asked_to_stop_tries_for_a_minute() {
        let now = Instant::now();
        let mut last = LastSave::new(Outcome::Stopped, TAKEN, now, Some(now));
        assert_eq!(attempts(&mut last, 100).iter().sum::<u64>(), 60);
    }

    #[test]
    fn each_reason_has_its_way_out() {
        let fix = |kind: ErrorKind| Trouble::new("it", &io::Error::from(kind)).fix;
        assert_eq!(fix(ErrorKind::StorageFull), "make room on that disk");
        assert!(fix(ErrorKind::NotFound).contains("mount its disk"));
        assert!(fix(ErrorKind::ReadOnlyFilesystem).contains("write there"));
        assert!(fix(ErrorKind::Other).contains("has room"));
    }
}
