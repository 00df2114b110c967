//! The learning rate as a function of the step.

use crate::error::Error;

/// How the learning rate falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// Not at all.
    Constant,
    /// By a factor at regular distances.
    Step {
        /// Steps between two reductions, at least 1.
        every: u64,
        /// What the rate is multiplied with then, in (0, 1].
        factor: f64,
    },
    /// Along half a cosine to a floor (Loshchilov and Hutter, "SGDR", 2017, equation 5, without restarts).
    Cosine {
        /// Steps until the floor is reached, at least 1.
        total: u64,
        /// The rate from then on, at least 0 and at most the first rate.
        floor: f64,
    },
}

/// The learning rate by step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Rate of the first step; finite and above 0.
    pub learning_rate: f64,
    /// How it falls.
    pub decay: Decay,
}

impl Schedule {
    /// The same rate for all steps.
    pub fn constant(learning_rate: f64) -> Self {
        Self { learning_rate, decay: Decay::Constant }
    }

    /// Refuses numbers outside their ranges.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return Err(Error::OutOfRange("learning rate"));
        }
        let sound = match self.decay {
            Decay::Constant => true,
            Decay::Step { every, factor } => every > 0 && factor > 0.0 && factor <= 1.0,
            Decay::Cosine { total, floor } => total > 0 && floor >= 0.0 && floor <= self.learning_rate,
        };
        if sound { Ok(()) } else { Err(Error::OutOfRange("schedule")) }
    }

    /// Rate of step `step`, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        match self.decay {
            Decay::Constant => self.learning_rate,
            Decay::Step { every, factor } => self.learning_rate * libm::pow(factor, (step / every.max(1)) as f64),
            Decay::Cosine { total, floor } => {
                let done = step.min(total) as f64 / total.max(1) as f64;
                floor + 0.5 * (self.learning_rate - floor) * (1.0 + libm::cos(core::f64::consts::PI * done))
            }
        }
    }
}
