//! `[gradient]`: how gradients and models are written.

use heijunka_learn::OptimizerKind;
use heijunka_round::{Compact, LocalSteps};
use heijunka_settings::Problem;
use heijunka_wire::limits::LOCAL_STEPS_MAX;
use heijunka_wire::{Codec, DataMode};
use serde::Deserialize;

/// At the beginning models move fast, and what waits grows old soon: mnist reaches .90 in 65 rounds instead of 90.
const WARM_UP_ROUNDS: u64 = 50;

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Float32,
    Float16,
    Int8,
    Int4,
    Sparse,
    SparseInt8,
    Auto,
}

impl Name {
    fn codec(self) -> Option<Codec> {
        match self {
            Self::Float32 => Some(Codec::Float32),
            Self::Float16 => Some(Codec::Float16),
            Self::Int8 => Some(Codec::Int8),
            Self::Int4 => Some(Codec::Int4),
            Self::Sparse => Some(Codec::SparseSign),
            Self::SparseInt8 => Some(Codec::SparseInt8),
            Self::Auto => None,
        }
    }

    /// What updates are written in if nothing is said: about as short as the gradients.
    fn update(self) -> Option<Codec> {
        match self {
            Self::Float32 => Some(Codec::Float32),
            Self::Float16 => Some(Codec::Float16),
            Self::Int8 | Self::Int4 => Some(Codec::Int8),
            Self::Sparse | Self::SparseInt8 => Some(Codec::SparseInt8),
            Self::Auto => None,
        }
    }
}

/// `[gradient]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Gradient {
    /// How gradients go: float32, float16, int8, int4, sparse and sparse-int8 (shared data), or auto: what each link
    /// needs. `codec = "float32"`
    codec: Name,
    /// How the model is sent: float32 whole, else its changes; if omitted as compact as codec; for example
    /// `update = "int8"`
    update: Option<Name>,
    /// sparse: share of the numbers that are sent, 0.0001 to 1; the rest is kept and sent later. `kept = 0.01`
    kept: f64,
    /// sparse: rounds in which that share falls from a quarter to kept. `warm_up_rounds = 50`
    warm_up_rounds: u64,
}

impl Default for Gradient {
    fn default() -> Self {
        Self { codec: Name::Float32, update: None, kept: Compact::default().kept, warm_up_rounds: WARM_UP_ROUNDS }
    }
}

impl Gradient {
    /// The same, checked against the other settings.
    pub(super) fn check(&self, optimizer: OptimizerKind, data: DataMode) -> Result<Compact, Problem> {
        if !(self.kept.is_finite() && (1e-4..=1.0).contains(&self.kept)) {
            let message = format!("{} is out of range", self.kept);
            return Err(Problem::new("gradient.kept", message, "write 0.0001 to 1, for example kept = 0.01"));
        }
        let sparse = matches!(self.codec, Name::Sparse | Name::SparseInt8 | Name::Auto);
        if sparse && matches!(optimizer, OptimizerKind::Sgd { nesterov: true, .. }) {
            let message = "sparse gradients carry plain momentum, not Nesterov's";
            return Err(Problem::new("training.nesterov", message, "remove it, or write codec = \"float32\""));
        }
        if matches!(self.codec, Name::Sparse | Name::SparseInt8) && data == DataMode::Private {
            let message = "with private data a sparse gradient holds back what only its agent knows";
            let fix =
                "write codec = \"int8\" or \"int4\", or data = \"shared\" in [task] if all agents have the same rows";
            return Err(Problem::new("gradient.codec", message, fix));
        }
        Ok(Compact {
            gradient: self.codec.codec(),
            update: self.update.map_or(self.codec.update(), Name::codec),
            kept: self.kept,
            warm_up_rounds: self.warm_up_rounds,
        })
    }
}

/// `local_steps` in `[training]`: a number, or "auto".
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Steps {
    Fixed(u64),
    Named(String),
}

impl Default for Steps {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

impl Steps {
    /// The same, checked. `exact`: a round ends when all of its batch is computed.
    pub(super) fn check(&self, exact: bool) -> Result<LocalSteps, Problem> {
        let key = "training.local_steps";
        let steps = match self {
            Self::Fixed(steps) => u16::try_from(*steps).ok().filter(|steps| (1..=LOCAL_STEPS_MAX).contains(steps)),
            Self::Named(name) if name == "auto" => None,
            Self::Named(_) => Some(0),
        };
        let steps = match (self, steps) {
            (Self::Named(_), None) => LocalSteps::Auto,
            (Self::Fixed(_), Some(steps)) => LocalSteps::Fixed(steps),
            _ => {
                let fix = format!("write 1 to {LOCAL_STEPS_MAX}, or \"auto\"");
                return Err(Problem::new(key, "this is not a number of steps", fix));
            }
        };
        if !exact && steps != LocalSteps::Fixed(1) {
            let message = "local steps are computed whole, but round_end stops computations";
            return Err(Problem::new(key, message, "write local_steps = 1, or round_end = \"exact\""));
        }
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(text: &str) -> Gradient {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn updates_go_with_the_gradients_unless_they_are_named() {
        let checked = |text: &str| gradient(text).check(OptimizerKind::adam(), DataMode::Shared).unwrap();
        assert_eq!(checked(""), Compact { warm_up_rounds: WARM_UP_ROUNDS, ..Compact::default() });
        let sparse = checked("codec = \"sparse\"\nkept = 0.003\nwarm_up_rounds = 50");
        assert_eq!((sparse.gradient, sparse.update), (Some(Codec::SparseSign), Some(Codec::SparseInt8)));
        assert_eq!((sparse.kept, sparse.warm_up_rounds), (0.003, 50));
        assert_eq!(checked("codec = \"int4\"\nupdate = \"float32\"").update, Some(Codec::Float32));
        assert_eq!((checked("codec = \"auto\"").gradient, checked("codec = \"auto\"").update), (None, None));
    }

    #[test]
    fn what_cannot_work_is_refused_with_what_to_do() {
        let refused = |text: &str, optimizer, data| gradient(text).check(optimizer, data).unwrap_err().message;
        let sparse = "codec = \"sparse\"";
        let nesterov = OptimizerKind::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.0 };
        assert!(refused(sparse, nesterov, DataMode::Shared).contains("Nesterov"));
        assert!(refused(sparse, OptimizerKind::adam(), DataMode::Private).contains("private data"));
        assert!(refused("kept = 0.0", OptimizerKind::adam(), DataMode::Shared).contains("out of range"));
        assert!(toml::from_str::<Gradient>("codec = \"zip\"").is_err());
        assert_eq!(Steps::Fixed(4).check(true).unwrap(), LocalSteps::Fixed(4));
        assert_eq!(Steps::Named("auto".into()).check(true).unwrap(), LocalSteps::Auto);
        assert!(Steps::Fixed(4).check(false).unwrap_err().message.contains("round_end"));
        for wrong in [Steps::Fixed(0), Steps::Fixed(70_000), Steps::Named("many".into())] {
            assert!(wrong.check(true).unwrap_err().message.contains("not a number of steps"));
        }
    }
}
