//! `[model]`: the shape of what is trained.

use heijunka_settings::Problem;
use heijunka_wire::Activation;
use heijunka_wire::limits::WIDTHS_MAX;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HiddenActivation {
    #[default]
    Relu,
    Tanh,
}

/// `[model]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Model {
    /// Widths of the hidden layers, 1 to 65536; [] for linear or softmax regression. `hidden = [64]`
    hidden: Vec<u32>,
    /// What hidden layers do with their sums. `activation = "relu"`
    activation: HiddenActivation,
}

impl Default for Model {
    fn default() -> Self {
        Self { hidden: vec![64], activation: HiddenActivation::Relu }
    }
}

impl Model {
    /// Widths of the hidden layers.
    pub(super) fn hidden(&self) -> Result<Vec<u32>, Problem> {
        if self.hidden.len() + 2 > WIDTHS_MAX || self.hidden.iter().any(|w| !(1..=65_536).contains(w)) {
            let fix = format!("write at most {} widths of 1 to 65536, for example hidden = [64]", WIDTHS_MAX - 2);
            return Err(Problem::new("model.hidden", "these layers cannot be built", fix));
        }
        Ok(self.hidden.clone())
    }

    /// What the hidden layers do with their sums.
    pub(super) fn activation(&self) -> Activation {
        match self.activation {
            HiddenActivation::Relu => Activation::Relu,
            HiddenActivation::Tanh => Activation::Tanh,
        }
    }
}
