//! A thread computes in slices: short enough to notice that it is cancelled or its time is over, with rests between them
//! where `cpu_share_percent` asks for rests.

use crate::cancel::Cancel;
use crate::duty::{Duty, thread_cpu};
use heijunka_compute::{Ahead, Governor, Next, Piece};
use std::time::{Duration, Instant};

/// Time for a slice, so that a thread notices soon that it is cancelled.
const SLICE: Duration = Duration::from_millis(20);

/// One thread's slices.
#[derive(Debug)]
pub(crate) struct Slices {
    duty: Duty,
    /// The duty's account counts from here.
    origin: Instant,
    /// Slices that were charged since [`Self::take_charged`].
    charged: Duration,
    cancel: Cancel,
    /// What is not done then is left out.
    stop: Option<Instant>,
    /// Parameters of the model and time for each row of the last slice of gradients, once there was one.
    pace: Option<(usize, Duration)>,
    slice: Slice,
    gathering: Duration,
    resting: Duration,
}

/// The slice under way.
#[derive(Debug)]
struct Slice {
    began: Instant,
    /// The thread's time then, where it is charged.
    cpu: Duration,
}

impl Slices {
    pub(crate) fn new(duty: Duty) -> Self {
        let now = Instant::now();
        Self {
            duty,
            origin: now,
            charged: Duration::ZERO,
            cancel: Cancel::default(),
            stop: None,
            pace: None,
            slice: Slice { began: now, cpu: Duration::ZERO },
            gathering: Duration::ZERO,
            resting: Duration::ZERO,
        }
    }

    /// A share begins.
    pub(crate) fn begin(&mut self, cancel: &Cancel, stop: Option<Instant>) {
        (self.cancel, self.stop) = (cancel.clone(), stop);
        (self.gathering, self.resting) = (Duration::ZERO, Duration::ZERO);
    }

    /// Time of gathering rows in this share.
    pub(crate) fn gathering(&self) -> Duration {
        self.gathering
    }

    /// Time of rests in this share.
    pub(crate) fn resting(&self) -> Duration {
        self.resting
    }

    pub(crate) fn is_limited(&self) -> bool {
        self.duty.is_limited()
    }

    /// The processor's time of the slices since this was last asked.
    pub(crate) fn take_charged(&mut self) -> Duration {
        std::mem::take(&mut self.charged)
    }

    /// Others took `cpu` of the processor's time since `began`: this thread rests for it.
    pub(crate) fn charge_others(&mut self, began: Instant, cpu: Duration) {
        let [began, now] = [began, Instant::now()].map(|at| at.saturating_duration_since(self.origin));
        self.duty.charge_others(began, now, cpu);
    }

    /// Rests until the work done so far is paid for, or is cancelled.
    fn rest(&mut self) {
        let rest = self.duty.rest(self.origin.elapsed());
        if !rest.is_zero() {
            let end = Instant::now() + rest;
            self.resting += self.cancel.sleep_until(self.stop.map_or(end, |stop| stop.min(end)));
        }
    }

    /// Rows that take [`SLICE`], but no more than half of the time that is left.
    fn rows(&self, parameters: usize, now: Instant) -> usize {
        let slice = if self.is_limited() { SLICE.min(self.duty.slice()) } else { SLICE };
        let time = self.stop.map_or(slice, |stop| slice.min(stop.saturating_duration_since(now) / 2));
        match self.pace {
            Some((known, row)) if known == parameters => (time.as_nanos() / row.as_nanos().max(1)) as usize,
            _ => 0,
        }
    }
}

impl Governor for Slices {
    fn next(&mut self, ahead: Ahead) -> Next {
        self.rest();
        if self.cancel.is_cancelled() {
            return Next::Cancelled;
        }
        let began = Instant::now();
        if !ahead.must && self.stop.is_some_and(|stop| began >= stop) {
            return Next::Over;
        }
        let cpu = if self.is_limited() { thread_cpu() } else { Duration::ZERO };
        self.slice = Slice { began, cpu };
        Next::Rows(self.rows(ahead.parameters, began))
    }

    fn gathered(&mut self) {
        self.gathering += self.slice.began.elapsed();
    }

    fn done(&mut self, piece: Piece) {
        if let Piece::Gradient { rows, parameters } = piece {
            self.pace = Some((parameters, self.slice.began.elapsed() / (rows as u32).max(1)));
        }
        if self.is_limited() {
            let cpu = thread_cpu().saturating_sub(self.slice.cpu);
            self.duty.charge(self.slice.began.saturating_duration_since(self.origin), cpu);
            self.charged += cpu;
        }
    }
}
