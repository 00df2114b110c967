//! Shares on several lanes, with bits that do not depend on how many.

use crate::division::run_rows;
use crate::governor::Governor;
use crate::lane::Lane;
use crate::rows::{Problem, Rows};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use heijunka_wire::document::Scores;

/// The mean gradient of a share.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradient {
    /// Samples computed: 0 if cancelled, fewer than asked for if a governor stopped.
    pub samples: u32,
    /// Sum of their losses.
    pub loss_sum: f64,
    /// Mean of their gradients.
    pub mean: Vec<f32>,
}

/// Runs lanes.
pub trait Crew<G> {
    /// Does `work` for each pair of a lane and a run, in any order or all at once. Returns the results in the order of the
    /// runs, of which there are no more than lanes.
    fn together<T: Send>(
        &mut self,
        lanes: &mut [Lane<G>],
        runs: &[&[usize]],
        work: impl Fn(&mut Lane<G>, &[usize]) -> T + Sync,
    ) -> Vec<T>;
}

/// One lane after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct InOrder;

impl<G> Crew<G> for InOrder {
    fn together<T: Send>(
        &mut self,
        lanes: &mut [Lane<G>],
        runs: &[&[usize]],
        work: impl Fn(&mut Lane<G>, &[usize]) -> T + Sync,
    ) -> Vec<T> {
        lanes.iter_mut().zip(runs).map(|(lane, run)| work(lane, run)).collect()
    }
}

/// Computes shares on a fixed number of lanes, in the same memory again and again.
#[derive(Debug)]
pub struct Engine<G> {
    lanes: Vec<Lane<G>>,
}

impl<G: Governor> Engine<G> {
    /// An engine with a lane for each governor. Without any it computes nothing.
    pub fn new(governors: impl IntoIterator<Item = G>) -> Self {
        Self { lanes: governors.into_iter().map(Lane::new).collect() }
    }

    /// The lanes' governors.
    pub fn governors(&mut self) -> impl Iterator<Item = &mut G> {
        self.lanes.iter_mut().map(Lane::governor)
    }

    /// The mean gradient of the rows at `indices`, into `gradient`, whose memory is used.
    pub fn gradient<R: Rows + Sync>(
        &mut self,
        problem: Problem<'_, R>,
        indices: &[usize],
        crew: &mut impl Crew<G>,
        gradient: &mut Gradient,
    ) {
        gradient.mean.clear();
        gradient.mean.resize(problem.model.len(), 0.0);
        (gradient.samples, gradient.loss_sum) = (0, 0.0);
        let runs: Vec<&[usize]> = indices.chunks(run_rows(indices.len(), problem.shape.work())).collect();
        for wave in runs.chunks(self.lanes.len().max(1)) {
            let first = gradient.samples == 0;
            let sums = crew.together(&mut self.lanes, wave, |lane, run| lane.add(problem, run, first));
            for (lane, sum) in self.lanes.iter_mut().zip(sums) {
                let Some(sum) = sum else {
                    gradient.samples = 0;
                    return;
                };
                if gradient.samples == 0 {
                    core::mem::swap(&mut gradient.mean, lane.sum());
                } else {
                    gradient.mean.iter_mut().zip(lane.sum()).for_each(|(mean, sum)| *mean += *sum);
                }
                gradient.samples += sum.samples;
                gradient.loss_sum += sum.loss;
            }
        }
        let share = 1.0 / gradient.samples.max(1) as f32;
        gradient.mean.iter_mut().for_each(|mean| *mean *= share);
    }

    /// Scores of the rows `range`; of none if cancelled.
    pub fn score<R: Rows + Sync>(
        &mut self,
        problem: Problem<'_, R>,
        range: Range<usize>,
        crew: &mut impl Crew<G>,
    ) -> Scores {
        let rows: Vec<usize> = range.collect();
        let classes = if problem.class_weights.is_empty() { 0 } else { problem.shape.outputs() };
        let empty = || Scores { confusion: vec![0; classes * classes], ..Scores::default() };
        let lane_rows = rows.len().div_ceil(self.lanes.len().max(1)).max(run_rows(1, problem.shape.work()));
        let runs: Vec<&[usize]> = rows.chunks(lane_rows).collect();
        let parts = crew.together(&mut self.lanes, &runs, |lane, run| {
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
