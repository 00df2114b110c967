//! Compact gradients and model updates: what the plan asks for, and what a round's head says of it.

use heijunka_learn::OptimizerKind;
use heijunka_units::Codec;

/// Share of the numbers that sparse gradients begin with where there is a warm-up (Lin et al., 2018, section 3.3).
const WARM_UP_FROM: f64 = 0.25;
/// Largest share of the model's numbers that a sparse update carries: beyond, denser codecs are shorter.
const UPDATE_SHARE_MAX: f64 = 0.1;

/// How gradients and models are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compact {
    /// How agents write their gradients; `None`: settled for each agent by what its link needs.
    pub gradient: Option<Codec>,
    /// How the model's updates are written; `Float32`: whole models. `None`: settled by what the links need.
    pub update: Option<Codec>,
    /// Share of the numbers that sparse gradients keep, above 0, at most 1.
    pub kept: f64,
    /// Steps in which sparse gradients fall from a quarter of the numbers to `kept`.
    pub warm_up_rounds: u64,
}

impl Default for Compact {
    fn default() -> Self {
        Self { gradient: Some(Codec::Float32), update: Some(Codec::Float32), kept: 0.01, warm_up_rounds: 0 }
    }
}

impl Compact {
    /// Share of the numbers that sparse gradients keep after so many steps, in millionths.
    pub(crate) fn kept_ppm(&self, steps: u64) -> u32 {
        let done = if self.warm_up_rounds == 0 { 1.0 } else { steps as f64 / self.warm_up_rounds as f64 };
        let warm = WARM_UP_FROM * libm::pow(self.kept / WARM_UP_FROM, done.min(1.0));
        (warm.max(self.kept) * 1e6) as u32
    }

    /// How many of `numbers` an update keeps when `agents` sparse gradients make it: as many as there can be in their mean.
    pub(crate) fn update_kept(kept_ppm: u32, agents: usize, numbers: usize) -> usize {
        let share = (f64::from(kept_ppm) / 1e6 * agents as f64).min(UPDATE_SHARE_MAX);
        ((numbers as f64 * share) as usize).max(1)
    }
}

/// Momentum is given by the agents, before they choose what to send (Lin et al., 2018, section 3.2): what is left for the
/// aggregator, and their share of it. Never both.
pub(crate) fn corrected(kind: OptimizerKind) -> (OptimizerKind, f64) {
    match kind {
        OptimizerKind::Sgd { momentum, nesterov: false, weight_decay } if momentum > 0.0 => {
            // Without the velocity a pull towards zero would act once, rather than 1 / (1 - momentum) times.
            let weight_decay = weight_decay / (1.0 - momentum);
            (OptimizerKind::Sgd { momentum: 0.0, nesterov: false, weight_decay }, momentum)
        }
        other => (other, 0.0),
    }
}
