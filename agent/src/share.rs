//! Shares on several threads, within what the machine's limits leave to them.

#[cfg(test)]
mod tests;

use crate::cancel::Cancel;
use crate::diagnosis::thread_cpu_wait;
use crate::duty::{Duty, Others, process_cpu};
use crate::encoded::Encoded;
use crate::slices::Slices;
use heijunka_compute::{Crew, Engine, Gradient, Lane, Problem, RUNS};
use heijunka_wire::document::Scores;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Computes shares with a fixed number of threads, reusing their memory.
pub(crate) struct ShareEngine {
    engine: Engine<Slices>,
    threads: Threads,
}

/// Where the time of a share went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// Gathering rows on the calling thread.
    pub(crate) gathering: Duration,
    /// Rests of the calling thread, to keep to its share of the processor.
    pub(crate) resting: Duration,
    /// Of each wave of threads, the longest that a helper was ready to run but without a processor, added up.
    pub(crate) helpers_cpu_wait: Duration,
}

impl ShareEngine {
    /// An engine for `threads` threads, each of which works for so much of the time.
    pub(crate) fn new(threads: usize, duty: Duty) -> Self {
        let slices = (0..threads.clamp(1, RUNS)).map(|_| Slices::new(duty));
        let threads =
            Threads { others: Others::default(), charged_at: Instant::now(), helpers_cpu_wait: Duration::ZERO };
        Self { engine: Engine::new(slices), threads }
    }

    /// What the program has taken of the processor until now is not charged.
    pub(crate) fn forgive(&mut self) {
        self.threads.take_others(self.engine.governors());
    }

    /// A share begins. What is not done at `stop` is left out.
    pub(crate) fn begin(&mut self, cancel: &Cancel, stop: Option<Instant>) {
        self.engine.governors().for_each(|slices| slices.begin(cancel, stop));
        self.threads.helpers_cpu_wait = Duration::ZERO;
    }

    /// The mean gradient of the training rows `rows`, into `gradient`: of fewer, but some, where there is a time to stop.
    /// Without samples if cancelled.
    pub(crate) fn gradient(&mut self, problem: Problem<'_, Encoded<'_>>, rows: &[usize], gradient: &mut Gradient) {
        self.engine.gradient(problem, rows, &mut self.threads, gradient);
    }

    /// Scores of the rows `range`; of none if cancelled.
    pub(crate) fn score(&mut self, problem: Problem<'_, Encoded<'_>>, range: Range<usize>) -> Scores {
        self.engine.score(problem, range, &mut self.threads)
    }

    /// Since the share began.
    pub(crate) fn times(&mut self) -> Times {
        let helpers_cpu_wait = self.threads.helpers_cpu_wait;
        self.engine.governors().next().map_or(Times::default(), |slices| Times {
            gathering: slices.gathering(),
            resting: slices.resting(),
            helpers_cpu_wait,
        })
    }
}

/// Each lane on a thread of its own, the first on the calling one.
struct Threads {
    others: Others,
    /// When the others' work was last charged.
    charged_at: Instant,
    helpers_cpu_wait: Duration,
}

impl Threads {
    /// The processor's time that the program had since this was last asked, without the lanes' slices.
    fn take_others<'a>(&mut self, slices: impl Iterator<Item = &'a mut Slices>) -> Duration {
        self.others.take(process_cpu(), slices.map(Slices::take_charged).sum())
    }

    /// The first lane pays for what the rest of the program took.
    fn charge_others(&mut self, lanes: &mut [Lane<Slices>]) {
        if !lanes.first_mut().is_some_and(|lane| lane.governor().is_limited()) {
            return;
        }
        let cpu = self.take_others(lanes.iter_mut().map(Lane::governor));
        let began = std::mem::replace(&mut self.charged_at, Instant::now());
        if let Some(lane) = lanes.first_mut() {
            lane.governor().charge_others(began, cpu);
        }
    }
}

impl Crew<Slices> for Threads {
    fn together<T: Send>(
        &mut self,
        lanes: &mut [Lane<Slices>],
        runs: &[&[usize]],
        work: impl Fn(&mut Lane<Slices>, &[usize]) -> T + Sync,
    ) -> Vec<T> {
        self.charge_others(lanes);
        let work = &work;
        let mut pairs = lanes.iter_mut().zip(runs);
        let Some((first, run)) = pairs.next() else { return Vec::new() };
        let (results, helpers_cpu_wait) = std::thread::scope(|scope| {
            let others: Vec<_> =
                pairs.map(|(lane, run)| scope.spawn(move || (work(lane, run), thread_cpu_wait()))).collect();
            let mut results = vec![work(first, run)];
            let mut longest = Duration::ZERO;
            for other in others {
                match other.join() {
                    Ok((result, cpu_wait)) => {
                        results.push(result);
                        longest = longest.max(cpu_wait.unwrap_or_default());
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            (results, longest)
        });
        self.helpers_cpu_wait += helpers_cpu_wait;
        results
    }
}
