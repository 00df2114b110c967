//! Whose gradient is out of all proportion. It is named when the model diverges, and never left out: a step is the mean of all
//! that was asked for.

use alloc::vec::Vec;
use core::fmt;
use heijunka_units::AgentId;

/// So many times the median of the others is beyond what gradients of one batch differ by.
const RATIO_MIN: f64 = 1e3;
/// With fewer others it cannot be known which is right.
const OTHERS_MIN: usize = 3;
/// Steps for which it is remembered: a model that was thrown off diverges soon.
const STEPS_MAX: u64 = 20;

/// A gradient that was much larger than those of the others.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    /// Whose.
    pub agent: AgentId,
    /// Its largest number divided by the median of the others' largest numbers.
    pub ratio: f64,
    /// The round that it came in, counted by the model's steps.
    pub round: u64,
}

impl Outlier {
    /// The gradient that is out of proportion, of those that have entered a round's mean: each agent's largest number.
    pub(crate) fn among(all: &[(&AgentId, f32)], round: u64) -> Option<Self> {
        let entered = || all.iter().filter(|(_, magnitude)| *magnitude > 0.0);
        let (agent, most) = entered().max_by(|a, b| a.1.total_cmp(&b.1))?;
        let mut others: Vec<f32> =
            entered().filter(|(other, _)| other != agent).map(|(_, magnitude)| *magnitude).collect();
        if others.len() < OTHERS_MIN {
            return None;
        }
        others.sort_unstable_by(f32::total_cmp);
        let ratio = f64::from(*most) / f64::from(*others.get(others.len() / 2)?);
        (ratio > RATIO_MIN).then(|| Self { agent: (*agent).clone(), ratio, round })
    }

    /// Whether it may explain what happens after so many steps of the model.
    pub(crate) fn is_recent(&self, steps: u64) -> bool {
        steps < self.round + STEPS_MAX
    }
}

impl fmt::Display for Outlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "in round {} the gradient of {} was ", self.round, self.agent)?;
        match self.ratio {
            ..1e6 => write!(f, "{:.0} times the others'", self.ratio),
            _ => write!(f, "{:.0e} times the others'", self.ratio),
        }
    }
}
