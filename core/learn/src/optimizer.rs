//! How the mean gradient moves the model.

use crate::error::{Error, same_length};
use crate::finite::{all_finite, first_not_finite};
use crate::update::update_all;

/// A rule and its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerKind {
    /// Stochastic gradient descent with momentum, as in PyTorch with dampening 0: g += weight_decay w;
    /// v = momentum v + g, from v = 0; w -= rate v, or with Nesterov's rule w -= rate (g + momentum v).
    Sgd {
        /// Share of the velocity kept, in [0, 1). 0: plain descent, without state.
        momentum: f64,
        /// Nesterov's rule (Sutskever et al., 2013, section 7); without momentum it changes nothing.
        nesterov: bool,
        /// L2 penalty: 0.5 weight_decay |w|^2 joins the loss. At least 0.
        weight_decay: f64,
    },
    /// Adam (Kingma and Ba, 2015, algorithm 1).
    Adam {
        /// Decay of the mean of gradients, in [0, 1); 0.9 is usual.
        beta1: f64,
        /// Decay of the mean of squared gradients, in [0, 1); 0.999 is usual.
        beta2: f64,
        /// Added to the denominator, above 0; 1e-8 is usual.
        epsilon: f64,
        /// L2 penalty, added to the gradient as for descent. At least 0.
        weight_decay: f64,
    },
}

impl OptimizerKind {
    /// Plain descent with momentum.
    pub fn sgd(momentum: f64) -> Self {
        Self::Sgd { momentum, nesterov: false, weight_decay: 0.0 }
    }

    /// Adam with the usual constants.
    pub fn adam() -> Self {
        Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }

    /// Refuses constants outside their ranges.
    pub fn check(&self) -> Result<(), Error> {
        let share = |value: f64| (0.0..1.0).contains(&value);
        let (shares, weight_decay, epsilon) = match *self {
            Self::Sgd { momentum, weight_decay, .. } => (share(momentum), weight_decay, 1.0),
            Self::Adam { beta1, beta2, epsilon, weight_decay } => (share(beta1) && share(beta2), weight_decay, epsilon),
        };
        // As f32, in which it is added, epsilon must not vanish.
        let sound = shares && (0.0..=1e30).contains(&weight_decay) && epsilon as f32 > 0.0 && epsilon <= 1e30;
        if sound { Ok(()) } else { Err(Error::OutOfRange("optimizer")) }
    }

    /// Elements of state for a model of `parameters` parameters: none, velocities, or both of Adam's means.
    pub fn state_len(&self, parameters: usize) -> usize {
        match self {
            Self::Sgd { momentum, .. } if *momentum == 0.0 => 0,
            Self::Sgd { .. } => parameters,
            Self::Adam { .. } => parameters.saturating_mul(2),
        }
    }
}

/// A rule with its state, which the caller provides: a slice, an array or a vector.
#[derive(Clone, Debug)]
pub struct Optimizer<S> {
    kind: OptimizerKind,
    steps: u64,
    state: S,
}

impl<S: AsRef<[f32]> + AsMut<[f32]>> Optimizer<S> {
    /// An optimizer before its first step. `state` has [`OptimizerKind::state_len`] elements and is zeroed.
    pub fn new(kind: OptimizerKind, mut state: S) -> Result<Self, Error> {
        kind.check()?;
        state.as_mut().fill(0.0);
        Ok(Self { kind, steps: 0, state })
    }

    /// An optimizer that has taken `steps` steps, with the state they left.
    pub fn resume(kind: OptimizerKind, steps: u64, state: S) -> Result<Self, Error> {
        kind.check()?;
        match first_not_finite(state.as_ref()) {
            Some(index) => Err(Error::NotFinite { what: "state", index }),
            None => Ok(Self { kind, steps, state }),
        }
    }

    /// The rule.
    pub fn kind(&self) -> OptimizerKind {
        self.kind
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What the steps left, for a checkpoint.
    pub fn state(&self) -> &[f32] {
        self.state.as_ref()
    }

    /// Takes one step along the mean gradient. `rate` is the learning rate, finite and at least 0.
    ///
    /// Refused, with parameters and state untouched, if the gradient is not finite or a parameter or the state would
    /// not be finite after the step.
    pub fn step(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f64) -> Result<(), Error> {
        let state = self.state.as_mut();
        same_length("gradient", gradient.len(), parameters.len())?;
        same_length("optimizer state", state.len(), self.kind.state_len(parameters.len()))?;
        if !(rate >= 0.0 && rate.is_finite()) {
            return Err(Error::OutOfRange("learning rate"));
        }
        if !all_finite(gradient) {
            let index = first_not_finite(gradient).unwrap_or_default();
            return Err(Error::NotFinite { what: "gradient", index });
        }
        let steps = self.steps.saturating_add(1);
        match self.kind {
            OptimizerKind::Sgd { momentum, nesterov, weight_decay } => {
                descend(parameters, gradient, state, [momentum, weight_decay, rate], nesterov)
            }
            OptimizerKind::Adam { beta1, beta2, epsilon, weight_decay } => {
                adapt(parameters, gradient, state, [beta1, beta2, epsilon, weight_decay, rate], steps)
            }
        }?;
        self.steps = steps;
        Ok(())
    }
}

fn descend(w: &mut [f32], g: &[f32], velocity: &mut [f32], constants: [f64; 3], nesterov: bool) -> Result<(), Error> {
    let [momentum, decay, rate] = constants.map(|constant| constant as f32);
    if velocity.is_empty() {
        return update_all(w, g, [], |w, g, []| (w - rate * (g + decay * w), []));
    }
    update_all(w, g, [velocity], |w, g, [v]| {
        let g = g + decay * w;
        let v = momentum * v + g;
        let direction = if nesterov { g + momentum * v } else { v };
        (w - rate * direction, [v])
    })
}

fn adapt(w: &mut [f32], g: &[f32], means: &mut [f32], constants: [f64; 5], steps: u64) -> Result<(), Error> {
    let [beta1, beta2, epsilon, decay, rate] = constants;
    let correction = |beta: f64| 1.0 - libm::pow(beta, steps as f64);
    let pace = (rate / correction(beta1)) as f32;
    let root = (1.0 / libm::sqrt(correction(beta2))) as f32;
    let [new1, new2] = [(1.0 - beta1) as f32, (1.0 - beta2) as f32];
    let [beta1, beta2, epsilon, decay] = [beta1, beta2, epsilon, decay].map(|constant| constant as f32);
    let (first, second) = means.split_at_mut(means.len() / 2);
    update_all(w, g, [first, second], |w, g, [m, v]| {
        let g = g + decay * w;
        let m = beta1 * m + new1 * g;
        let v = beta2 * v + new2 * (g * g);
        (w - pace * m / (libm::sqrtf(v) * root + epsilon), [m, v])
    })
}
