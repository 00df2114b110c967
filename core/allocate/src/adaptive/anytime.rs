//! Rounds that end at a common time: everybody computes until then, and the batch is what is expected to be done.
//!
//! Ferdinand et al., "Anytime Minibatch", 2019. The common time is the one at which the expected samples are the
//! batch; the round closes a little later, when waiting for the rest would cost more time per sample than it brings.

use super::law::Law;
use super::slowest::Slowest;
use alloc::vec::Vec;
use heijunka_units::Samples;

/// Closing times that are weighed, as multiples of the common time.
const CLOSINGS: [f64; 8] = [1.02, 1.05, 1.1, 1.2, 1.4, 2.0, 4.0, 8.0];
/// An agent is asked for at most so many times its expected samples, and a few more.
const ROOM: (f64, f64) = (4.0, 8.0);
const BISECTIONS: usize = 30;

/// One agent that takes part.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    pub(crate) law: &'a Law,
    /// Seconds of travel that the agent leaves before the common time.
    pub(crate) allowance_s: f64,
    /// Most samples.
    pub(crate) most: f64,
}

/// When a round stops and closes, and the most that each runner may be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Anytime {
    pub(crate) stop_s: f64,
    pub(crate) close_s: f64,
    /// Expected seconds of the round.
    pub(crate) seconds: f64,
    pub(crate) caps: Vec<Samples>,
}

impl Runner<'_> {
    /// Samples done, and when they are in, by scenario: at least one sample is computed.
    fn scenarios(&self, stop_s: f64) -> impl Iterator<Item = (f64, f64)> {
        let law = self.law;
        let lines = law.intercepts.iter().zip(&law.slopes).zip(&law.travels);
        lines.map(move |((intercept, slope), travel)| {
            let fixed = intercept - travel;
            let done =
                ((stop_s - self.allowance_s - fixed) / slope.max(1e-12)).clamp(1.0_f64.min(self.most), self.most);
            let done = libm::floor(done);
            (done, intercept + slope * done)
        })
    }

    /// Expected samples that are in by `close_s`.
    fn expected(&self, stop_s: f64, close_s: f64) -> f64 {
        let in_time = |(done, at): (f64, f64)| if at <= close_s { done } else { 0.0 };
        self.scenarios(stop_s).map(in_time).sum::<f64>() / self.law.slopes.len().max(1) as f64
    }
}

/// The common time for `batch` expected samples.
pub(crate) fn anytime(runners: &[Runner<'_>], batch: f64, slowest: &mut Slowest) -> Option<Anytime> {
    let mut best: Option<(f64, Anytime)> = None;
    for closing in CLOSINGS {
        let Some(stop_s) = stop_for(runners, batch, closing) else { continue };
        let close_s = stop_s * closing;
        let arrivals: Vec<Law> = runners
            .iter()
            .map(|runner| Law::at(runner.scenarios(stop_s).map(|(_, at)| at.min(close_s)).collect()))
            .collect();
        let seconds = slowest.expect(&arrivals, &alloc::vec![1.0; arrivals.len()]);
        if best.as_ref().is_none_or(|(least, _)| seconds < *least) {
            let caps = runners.iter().map(|runner| {
                let expected = runner.expected(stop_s, f64::INFINITY);
                let most = runner.scenarios(stop_s).map(|(done, _)| done).fold(0.0, f64::max);
                (most * 1.05 + 1.0).min(expected * ROOM.0 + ROOM.1).min(runner.most) as Samples
            });
            best = Some((seconds, Anytime { stop_s, close_s, seconds, caps: caps.collect() }));
        }
    }
    best.map(|(_, anytime)| anytime)
}

/// The stop at which the expected samples in by `closing` times the stop are the batch; `None` if there is none.
fn stop_for(runners: &[Runner<'_>], batch: f64, closing: f64) -> Option<f64> {
    let expected = |stop: f64| runners.iter().map(|runner| runner.expected(stop, stop * closing)).sum::<f64>();
    let mut high = 1e-3;
    while expected(high) < batch {
        high *= 2.0;
        if high > 1e7 {
            return None;
        }
    }
    let mut low = high / 2.0;
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if expected(middle) < batch { low = middle } else { high = middle }
    }
    Some(high)
}
