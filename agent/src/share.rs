//! The gradient of a share, computed by several threads, with bits that do not depend on how many.
//!
//! A share is cut into at most [`RUNS`] runs, by its rows and the model's shape alone. Each lane adds the gradients of
//! a run's rows in order, and the runs are added in order. Threads take lanes; which thread takes which does not matter.
//!
//! Within a run, pieces are computed at once, as many rows as take a moment: between pieces a lane looks whether it is
//! cancelled or its time is over. How many there are changes no bits, so a share that is done in time has the same ones
//! again.

#[cfg(test)]
mod tests;

use crate::cancel::Cancel;
use crate::diagnosis::thread_cpu_wait;
use crate::duty::{Duty, Others, process_cpu, thread_cpu};
use heijunka_data::{Dataset, Rows, Targets as RowTargets};
use heijunka_learn::metrics::ranking::ScoreScale;
use heijunka_learn::{
    BATCH_UNIT, BLOCK, Batch, ModelShape, Targets, add_gradient, class_of, loss_sum, mean_squared_error, predict,
    scratch_len,
};
use heijunka_units::Loss;
use heijunka_wire::document::Scores;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Most runs that a share is cut into.
pub(crate) const RUNS: usize = 8;

/// Rows of a run, or a multiple, so that its sum is worth adding to the others.
const RUN_ROWS: usize = 64;

/// Least work of a run in rows times the model's work for each: some milliseconds. On a busy machine a thread waits as long for a
/// processor, so that for less it would rather delay the share.
const RUN_WORK: usize = 16_000_000;

/// Most rows of a piece. More are not computed faster, and take more memory.
const PIECE_ROWS: usize = 256;

/// Most numbers that a lane keeps of a piece's samples on their way through the layers (16 MiB), as long as they are of
/// [`BATCH_UNIT`] samples: a convolution makes many of each.
const PIECE_UNITS: usize = 4 * 1024 * 1024;

/// Time for a piece, so that a lane notices soon that it is cancelled.
const PIECE_TIME: Duration = Duration::from_millis(20);

/// The mean gradient of a share.
#[derive(Debug, Default)]
pub(crate) struct Gradient {
    /// Samples processed, which may be fewer than asked for if there was a time to stop; 0 if cancelled.
    pub(crate) samples: u32,
    /// Sum of their losses.
    pub(crate) loss_sum: f64,
    /// Mean of their gradients.
    pub(crate) mean: Vec<f32>,
    /// Time of gathering rows on the calling thread.
    pub(crate) gathering: Duration,
    /// How long the calling thread rested, to keep to its share of the processor.
    pub(crate) resting: Duration,
    /// Of each wave of threads, the longest that a helper was ready to run but without a processor, added up.
    pub(crate) helpers_cpu_wait: Duration,
}

/// What is computed on: a model and encoded rows.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) shape: &'a ModelShape,
    pub(crate) dataset: &'a Dataset,
    /// Weight of each class; empty for a regression.
    pub(crate) class_weights: &'a [f32],
    /// Factor by which targets were scaled (regression).
    pub(crate) target_scale: f64,
    pub(crate) model: &'a [f32],
    pub(crate) cancel: &'a Cancel,
    /// What is not done then is left out.
    pub(crate) stop: Option<Instant>,
}

impl Problem<'_> {
    /// Whether the model gives its inputs again: the rows' classes tell which are normal.
    fn is_of_inputs(&self) -> bool {
        self.shape.loss() == Loss::MeanSquaredError && matches!(self.dataset.train.targets(), RowTargets::Classes(_))
    }

    fn is_over(&self) -> bool {
        self.stop.is_some_and(|stop| Instant::now() >= stop)
    }
}

/// Memory of one lane.
struct Lane {
    x: Vec<f32>,
    y: RowTargets,
    /// Of rows whose inputs are their targets: which of them are normal.
    labels: RowTargets,
    weights: Vec<f32>,
    scratch: Vec<f32>,
    outputs: Vec<f32>,
    sum: Vec<f32>,
    /// Time of gathering rows for this sum.
    gathering: Duration,
    /// What it may have of the processor, and how long it rested for this sum.
    duty: Duty,
    resting: Duration,
    /// Slices that were charged since the others' work was last.
    slices: Duration,
    /// The account counts from here.
    origin: Instant,
    /// Parameters of the model and time for each row of the last piece, once there was one.
    pace: Option<(usize, Duration)>,
}

impl Lane {
    fn new(duty: Duty) -> Self {
        Self {
            x: Vec::new(),
            y: RowTargets::Values(Vec::new()),
            labels: RowTargets::Classes(Vec::new()),
            weights: Vec::new(),
            scratch: Vec::new(),
            outputs: Vec::new(),
            sum: Vec::new(),
            gathering: Duration::ZERO,
            duty,
            resting: Duration::ZERO,
            slices: Duration::ZERO,
            origin: Instant::now(),
            pace: None,
        }
    }
}

/// Computes shares with a fixed number of threads, reusing their memory.
pub(crate) struct ShareEngine {
    lanes: Vec<Lane>,
    others: Others,
    /// When their work was last charged.
    charged_at: Instant,
}

fn targets(y: &RowTargets) -> Targets<'_> {
    match y {
        RowTargets::Classes(classes) => Targets::Classes(classes),
        RowTargets::Values(values) => Targets::Values(values),
    }
}

impl Lane {
    /// Adds the gradients of `rows`, piece by piece, to this lane's sum. Returns samples and loss. `first`: the first piece
    /// is computed however late it is.
    fn add(&mut self, problem: Problem<'_>, rows: &[usize], first: bool) -> (u32, f64) {
        self.sum.clear();
        self.sum.resize(problem.model.len(), 0.0);
        (self.gathering, self.resting) = (Duration::ZERO, Duration::ZERO);
        let (mut rest, mut loss) = (rows, 0.0);
        while !rest.is_empty() {
            self.rest(problem);
            if problem.cancel.is_cancelled() {
                return (0, 0.0);
            }
            if problem.is_over() && (rest.len() < rows.len() || !first) {
                break;
            }
            let (piece, after) = rest.split_at(self.piece_rows(problem, rest.len()));
            if self.charged(|lane| lane.add_piece(problem, piece, &mut loss)).is_none() {
                return (0, 0.0);
            }
            rest = after;
        }
        ((rows.len() - rest.len()) as u32, loss)
    }

    /// Does a slice of work at the expense of this thread's account.
    fn charged<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        if !self.duty.is_limited() {
            return work(self);
        }
        let (began, cpu) = (self.origin.elapsed(), thread_cpu());
        let result = work(self);
        let cpu = thread_cpu().saturating_sub(cpu);
        self.duty.charge(began, cpu);
        self.slices += cpu;
        result
    }

    /// Rests until the work done so far is paid for, or nobody waits any more.
    fn rest(&mut self, problem: Problem<'_>) {
        let rest = self.duty.rest(self.origin.elapsed());
        if !rest.is_zero() {
            let end = Instant::now() + rest;
            self.resting += problem.cancel.sleep_until(problem.stop.map_or(end, |stop| stop.min(end)));
        }
    }

    fn add_piece(&mut self, problem: Problem<'_>, piece: &[usize], loss: &mut f64) -> Option<()> {
        let began = Instant::now();
        self.gather(problem, &problem.dataset.train, piece);
        self.gathering += began.elapsed();
        let weights = (!self.weights.is_empty()).then_some(self.weights.as_slice());
        let batch = Batch { x: &self.x, targets: targets(&self.y), weights };
        add_gradient(problem.shape, problem.model, batch, &mut self.scratch, &mut self.sum, loss).ok()?;
        self.pace = Some((problem.model.len(), began.elapsed() / piece.len() as u32));
        Some(())
    }

    /// How many of the next `rest` rows to compute at once: what takes [`PIECE_TIME`], but no more than half of the time
    /// there is. The rows are cut so that bits do not depend on it.
    fn piece_rows(&self, problem: Problem<'_>, rest: usize) -> usize {
        let slice = if self.duty.is_limited() { PIECE_TIME.min(self.duty.slice()) } else { PIECE_TIME };
        let time = problem.stop.map_or(slice, |stop| slice.min(stop.saturating_duration_since(Instant::now()) / 2));
        let rows = match self.pace {
            Some((parameters, row)) if parameters == problem.model.len() => time.as_nanos() / row.as_nanos().max(1),
            _ => 0,
        };
        let units = rows.min(most_rows(problem.shape) as u128) as usize / BATCH_UNIT;
        let piece = units.max(1) * BATCH_UNIT;
        if rest < piece + BATCH_UNIT { rest } else { piece }
    }

    /// Returns how many rows there are.
    fn gather(&mut self, problem: Problem<'_>, rows: &Rows, block: &[usize]) -> usize {
        let of_inputs = problem.is_of_inputs();
        let place = if of_inputs { &mut self.labels } else { &mut self.y };
        let count = rows.gather(block.iter().copied(), &mut self.x, place);
        if of_inputs {
            let mut values = match std::mem::replace(&mut self.y, RowTargets::Values(Vec::new())) {
                RowTargets::Values(values) => values,
                RowTargets::Classes(_) => Vec::new(),
            };
            values.clone_from(&self.x);
            self.y = RowTargets::Values(values);
        }
        self.scratch.resize(scratch_len(problem.shape, count), 0.0);
        self.weights.clear();
        if let RowTargets::Classes(classes) = &self.y
            && problem.class_weights.iter().any(|weight| *weight != 1.0)
        {
            let weight = |class: &u32| problem.class_weights.get(*class as usize).copied().unwrap_or(1.0);
            self.weights.extend(classes.iter().map(weight));
        }
        count
    }

    fn score(&mut self, problem: Problem<'_>, rows: &[usize], scores: &mut Scores) -> Option<()> {
        for block in rows.chunks(BLOCK.min(most_rows(problem.shape))) {
            self.rest(problem);
            if problem.cancel.is_cancelled() {
                return None;
            }
            self.charged(|lane| lane.score_block(problem, block, scores))?;
        }
        Some(())
    }

    fn score_block(&mut self, problem: Problem<'_>, block: &[usize], scores: &mut Scores) -> Option<()> {
        let rows = self.gather(problem, &problem.dataset.held_out, block);
        let width = problem.shape.outputs();
        self.outputs.resize(rows * width, 0.0);
        predict(problem.shape, problem.model, &self.x, &mut self.scratch, &mut self.outputs).ok()?;
        scores.rows += rows as u64;
        if problem.is_of_inputs() {
            self.score_inputs(width, scores);
            return Some(());
        }
        scores.loss_sum += loss_sum(problem.shape, &self.outputs, targets(&self.y), None).ok()?;
        match &self.y {
            RowTargets::Classes(classes) => {
                for (class, logits) in classes.iter().zip(self.outputs.chunks_exact(width)) {
                    let cell = *class as usize * width + class_of(logits);
                    *scores.confusion.get_mut(cell)? += 1;
                    if let [first, second] = logits {
                        scores.count((ScoreScale::Margin.bucket(second - first), one_of_two(*class)));
                    }
                }
            }
            RowTargets::Values(values) => {
                for (value, output) in values.iter().zip(&self.outputs) {
                    let error = f64::from(output - value) / problem.target_scale;
                    scores.squared_error_sum += error * error;
                    scores.absolute_error_sum += error.abs();
                }
            }
        }
        Some(())
    }
}

impl Lane {
    /// How well the rows' inputs are given again.
    fn score_inputs(&self, width: usize, scores: &mut Scores) {
        let RowTargets::Classes(labels) = &self.labels else { return };
        let rows = self.outputs.chunks_exact(width).zip(self.x.chunks_exact(width));
        for (label, (outputs, inputs)) in labels.iter().zip(rows) {
            let error = mean_squared_error(outputs, inputs);
            scores.count((ScoreScale::Error.bucket(error), one_of_two(*label)));
            if *label == 0 {
                scores.loss_sum += 0.5 * f64::from(error);
            }
        }
    }
}

/// A row of the first class, or of the second.
fn one_of_two(class: u32) -> [u64; 2] {
    if class == 0 { [1, 0] } else { [0, 1] }
}

impl ShareEngine {
    /// An engine for `threads` threads, each of which works for so much of the time.
    pub(crate) fn new(threads: usize, duty: Duty) -> Self {
        let lanes = (0..threads.clamp(1, RUNS)).map(|_| Lane::new(duty)).collect();
        Self { lanes, others: Others::default(), charged_at: Instant::now() }
    }

    /// What the program has taken of the processor until now is nobody's debt.
    pub(crate) fn forgive(&mut self) {
        self.take_others();
    }

    /// The processor's time that the program had since this was last asked, without the lanes' slices.
    fn take_others(&mut self) -> Duration {
        let slices = self.lanes.iter_mut().map(|lane| std::mem::take(&mut lane.slices)).sum();
        self.others.take(process_cpu(), slices)
    }

    /// The first lane pays for what the rest of the program took.
    fn charge_others(&mut self) {
        if !self.lanes.first().is_some_and(|lane| lane.duty.is_limited()) {
            return;
        }
        let (cpu, now) = (self.take_others(), Instant::now());
        let began = std::mem::replace(&mut self.charged_at, now);
        if let Some(lane) = self.lanes.first_mut() {
            let [began, now] = [began, now].map(|at| at.saturating_duration_since(lane.origin));
            lane.duty.charge_others(began, now, cpu);
        }
    }

    /// The mean gradient of the training rows `rows`, into `gradient`: of fewer, but some, where there is a time to stop.
    /// Without samples if cancelled.
    pub(crate) fn gradient(&mut self, problem: Problem<'_>, rows: &[usize], gradient: &mut Gradient) {
        gradient.mean.clear();
        gradient.mean.resize(problem.model.len(), 0.0);
        (gradient.samples, gradient.loss_sum) = (0, 0.0);
        (gradient.gathering, gradient.resting, gradient.helpers_cpu_wait) = Default::default();
        let runs: Vec<&[usize]> = rows.chunks(run_rows(rows.len(), problem.shape.work())).collect();
        for wave in runs.chunks(self.lanes.len()) {
            self.charge_others();
            let first = gradient.samples == 0;
            let (sums, helpers_wait) = together(&mut self.lanes, wave, |lane, run| lane.add(problem, run, first));
            gradient.helpers_cpu_wait += helpers_wait;
            if let Some(lane) = self.lanes.first() {
                gradient.gathering += lane.gathering;
                gradient.resting += lane.resting;
            }
            for (lane, (samples, loss)) in self.lanes.iter_mut().zip(sums) {
                if gradient.samples == 0 {
                    std::mem::swap(&mut gradient.mean, &mut lane.sum);
                } else {
                    gradient.mean.iter_mut().zip(&lane.sum).for_each(|(mean, sum)| *mean += sum);
                }
                gradient.samples += samples;
                gradient.loss_sum += loss;
            }
        }
        let whole = gradient.samples as usize == rows.len() || problem.stop.is_some();
        if problem.cancel.is_cancelled() || !whole {
            gradient.samples = 0;
        }
        let share = 1.0 / gradient.samples.max(1) as f32;
        gradient.mean.iter_mut().for_each(|mean| *mean *= share);
    }

    /// Scores of the held-out rows `range`; of none if cancelled.
    pub(crate) fn score(&mut self, problem: Problem<'_>, range: Range<usize>) -> Scores {
        let rows: Vec<usize> = range.collect();
        let classes = if problem.class_weights.is_empty() { 0 } else { problem.shape.outputs() };
        let empty = || Scores { confusion: vec![0; classes * classes], ..Scores::default() };
        let lane_rows = rows.len().div_ceil(self.lanes.len()).max(run_rows(1, problem.shape.work()));
        let runs: Vec<&[usize]> = rows.chunks(lane_rows).collect();
        self.charge_others();
        let (parts, _) = together(&mut self.lanes, &runs, |lane, run| {
            let mut scores = empty();
            lane.score(problem, run, &mut scores).map(|()| scores)
        });
        let mut all = empty();
        for part in &parts {
            match part {
                Some(part) => all.merge(part),
                None => return empty(),
            };
        }
        all
    }
}

/// Most rows of a piece of this model, a multiple of [`BATCH_UNIT`].
fn most_rows(shape: &ModelShape) -> usize {
    (PIECE_UNITS / shape.units().max(1)).clamp(BATCH_UNIT, PIECE_ROWS) / BATCH_UNIT * BATCH_UNIT
}

/// Rows of each run of a share, save that the last may have fewer.
fn run_rows(rows: usize, work: usize) -> usize {
    rows.div_ceil(RUNS).max(RUN_WORK / work.max(1)).max(1).next_multiple_of(RUN_ROWS)
}

/// Runs `work` on as many lanes as there are runs, the first on this thread; results in the order of the runs, and the
/// longest that one of the other threads was ready to run but without a processor.
fn together<R: Send>(
    lanes: &mut [Lane],
    runs: &[&[usize]],
    work: impl Fn(&mut Lane, &[usize]) -> R + Sync,
) -> (Vec<R>, Duration) {
    let work = &work;
    let mut pairs = lanes.iter_mut().zip(runs);
    let Some((first, run)) = pairs.next() else { return (Vec::new(), Duration::ZERO) };
    std::thread::scope(|scope| {
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
    })
}
