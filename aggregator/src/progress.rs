//! A progress bar on a terminal, quiet lines otherwise.

use heijunka_page::Figures;
use heijunka_round::{Coordinator, RoundRecord};
use heijunka_units::readable;
use heijunka_wire::Purpose;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};
use tracing::info;

/// Without a terminal, a line is written at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How far the job is.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    line_due: Instant,
}

impl Progress {
    pub(crate) fn new(rounds: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} round {pos}/{len}  {msg}").ok();
        let bar = style.filter(|_| std::io::stderr().is_terminal()).map(|style| {
            let bar = ProgressBar::new(rounds);
            bar.set_style(style);
            bar
        });
        Self { bar, line_due: Instant::now() }
    }

    pub(crate) fn show(&mut self, coordinator: &Coordinator, figures: &Figures, record: &RoundRecord) {
        let scored = record.purpose == Purpose::Score;
        match &self.bar {
            Some(bar) => {
                bar.set_position(coordinator.steps());
                bar.set_message(message(coordinator, figures));
            }
            None if scored || Instant::now() >= self.line_due => {
                self.line_due = Instant::now() + LINE_EVERY;
                let rounds = coordinator.plan().until.rounds;
                info!("round {}/{rounds}  {}", coordinator.steps(), message(coordinator, figures));
            }
            None => {}
        }
    }

    /// Writes a line without tearing the bar.
    pub(crate) fn print<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

/// What the aggregator does, in a line for a service manager.
pub(crate) fn doing(coordinator: &Coordinator, figures: &Figures, is_connected: bool) -> String {
    if let Some(why) = &figures.cannot_save {
        return format!("cannot save: {why}");
    }
    if !is_connected {
        return "waiting for the broker".to_owned();
    }
    let agents = coordinator.members().filter(|member| member.online).count();
    let (round, rounds) = (coordinator.steps(), coordinator.plan().until.rounds);
    let phase = coordinator.phase().as_str();
    if let Some(obstacle) = coordinator.obstacle() {
        return format!("{phase}, the job cannot begin: {}", obstacle.why);
    }
    let online = heijunka_allocate::agents(agents);
    format!("{phase}, round {round} of {rounds}, {online} online  {}", message(coordinator, figures))
}

/// The figures that are known.
pub(crate) fn message(coordinator: &Coordinator, figures: &Figures) -> String {
    let mut words = Vec::new();
    let mut say = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            words.push(format!("{name} {value:.4}"));
        }
    };
    say("loss", figures.loss);
    let summary = figures.summary.unwrap_or_default();
    say("held-out loss", summary.loss);
    say("accuracy", summary.accuracy);
    say("macro-F1", summary.macro_f1);
    say("PR-AUC", summary.pr_auc);
    say("best F1", summary.best_f1);
    say("cost per row", summary.cost_per_row);
    say("RMSE", summary.rmse);
    if let Some(seconds) = figures.round_seconds {
        words.push(format!("{:.1} ms per round", seconds * 1e3));
    }
    if let Some(eta) = figures.eta(coordinator) {
        words.push(format!("{} left", readable(eta)));
    }
    words.join(", ")
}
