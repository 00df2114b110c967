//! Running figures of a job, for the page, the status and the progress bar.

use heijunka_round::{Coordinator, Phase, RoundRecord, Summary};
use std::time::Duration;

/// Running figures for `status` and progress.
#[derive(Debug, Default)]
pub struct Figures {
    /// Mean seconds per round; recent rounds weigh more.
    pub round_seconds: Option<f64>,
    /// Seconds that levelling has saved so far, compared with equal shares.
    pub saved_seconds: f64,
    /// Mean loss of the last round.
    pub loss: Option<f64>,
    /// Figures of the held-out rows, as scored last.
    pub summary: Option<Summary>,
    /// Times that the shares moved.
    pub reallocations: u64,
    /// Why they did last.
    pub decision: Option<String>,
    /// Why the last save has failed, and what to do.
    pub cannot_save: Option<String>,
}

impl Figures {
    /// Takes in a closed round.
    pub fn add(&mut self, record: &RoundRecord) {
        if let Some(reason) = &record.moved {
            self.reallocations += 1;
            self.decision = Some(reason.clone());
        }
        if let Some(summary) = record.summary {
            self.summary = Some(summary);
            return;
        }
        let seconds = record.seconds + record.between_s;
        self.round_seconds = Some(self.round_seconds.map_or(seconds, |mean| mean + 0.1 * (seconds - mean)));
        self.saved_seconds += record.equal_s - record.seconds;
        self.loss = record.loss.or(self.loss);
    }

    /// Time until the last round, if rounds take as long as they did.
    pub fn eta(&self, coordinator: &Coordinator) -> Option<Duration> {
        let left = coordinator.plan().until.rounds.saturating_sub(coordinator.steps());
        if left == 0 {
            return None;
        }
        Duration::try_from_secs_f64(self.round_seconds? * left as f64).ok()
    }
}

/// The phase of a job that is over and whose model cannot be saved yet.
pub(crate) const CANNOT_SAVE: &str = "cannot save";

/// The phase in a word or two.
pub fn phase(coordinator: &Coordinator, figures: &Figures) -> &'static str {
    match coordinator.phase() {
        Phase::Finished if figures.cannot_save.is_some() => CANNOT_SAVE,
        phase => phase.as_str(),
    }
}

/// Whether agents read the same rows or each its own: shared or private.
pub fn data_mode(coordinator: &Coordinator) -> &'static str {
    match coordinator.job().data_mode {
        heijunka_wire::DataMode::Shared => "shared",
        heijunka_wire::DataMode::Private => "private",
    }
}
