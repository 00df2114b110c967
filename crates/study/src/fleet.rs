//! Fleet files: how fast each emulated machine is.

use heijunka_settings::{Failure, Guide, Loaded, Problem, load, parse};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A fleet of emulated machines.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// Name of the fleet.
    pub name: String,
    /// Samples of a round, over all machines.
    #[serde(default = "batch")]
    pub batch_samples: u32,
    /// Rounds for each policy.
    #[serde(default = "rounds")]
    pub rounds: u64,
    /// Rounds that do not enter the figures.
    #[serde(default = "warmup")]
    pub warmup_rounds: u64,
    /// Its machines, 1 to 64.
    pub agent: Vec<FleetAgent>,
}

/// A machine: a share of n samples takes fixed + per_sample x event factor x n x exp(jitter x normal noise).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FleetAgent {
    /// Name of the agent.
    pub id: String,
    /// Milliseconds that every share takes.
    #[serde(default)]
    pub fixed_ms: f64,
    /// Microseconds that a sample takes.
    #[serde(default)]
    pub per_sample_us: f64,
    /// Standard deviation of the noise, 0 to 3.
    #[serde(default)]
    pub jitter: f64,
    /// Seed of the noise.
    #[serde(default)]
    pub seed: u64,
    /// Bits per second of its uplink; none: as fast as the broker takes it.
    pub uplink_bps: Option<u64>,
    /// Rounds in which it is slower or faster.
    #[serde(default)]
    pub events: Vec<FleetEvent>,
}

/// A stretch of rounds in which every sample takes `factor` times as long.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FleetEvent {
    /// First round.
    pub from_round: u64,
    /// The round after the last.
    pub to_round: u64,
    /// How many times as long a sample takes.
    pub factor: f64,
}

fn batch() -> u32 {
    256
}

fn rounds() -> u64 {
    120
}

fn warmup() -> u64 {
    20
}

const GUIDE: Guide = Guide {
    init: "heijunka-study simulate --fleet demo",
    examples: &[("name", "name = \"my-fleet\""), ("agent", "[[agent]]"), ("agent.id", "id = \"press-07\"")],
    also: &[],
};

/// The fleets that come with the program.
const BUNDLED: [(&str, &str); 8] = [
    ("demo", include_str!("../fleets/demo.toml")),
    ("paper-0.1", include_str!("../fleets/paper-0.1.toml")),
    ("paper-0.2", include_str!("../fleets/paper-0.2.toml")),
    ("ratio8", include_str!("../fleets/ratio8.toml")),
    ("busy", include_str!("../fleets/busy.toml")),
    ("slowlink", include_str!("../fleets/slowlink.toml")),
    ("homogeneous", include_str!("../fleets/homogeneous.toml")),
    ("zero8", include_str!("../fleets/zero8.toml")),
];

/// Names of the bundled fleets.
fn bundled_names() -> String {
    BUNDLED.map(|(name, _)| name).join(", ")
}

impl Fleet {
    /// The bundled fleet of that name, or the fleet in that file.
    pub fn load(name_or_path: &str) -> Result<Self, Failure> {
        let loaded: Loaded<Self> = match BUNDLED.iter().find(|(name, _)| *name == name_or_path) {
            Some((name, text)) => parse(&PathBuf::from(format!("{name}.toml")), (*text).to_owned(), &GUIDE)?,
            None => load(Path::new(name_or_path), &GUIDE)
                .map_err(|error| Failure::from(error).why(format!("bundled fleets: {}", bundled_names())))?,
        };
        loaded.settings.check().map_err(|problem| Failure::from(loaded.report(problem)))?;
        Ok(loaded.settings)
    }

    fn check(&self) -> Result<(), Problem> {
        if !(1..=64).contains(&self.agent.len()) {
            return Err(Problem::new(
                "agent",
                heijunka_allocate::agents(self.agent.len()),
                "write 1 to 64 [[agent]] sections",
            ));
        }
        let sane = |value: f64| value.is_finite() && (0.0..=600e6).contains(&value);
        for agent in &self.agent {
            heijunka_units::AgentId::new(&agent.id)
                .map_err(|error| Problem::new("agent.id", error.to_string(), "use letters, digits, '-' and '_'"))?;
            if !(sane(agent.fixed_ms) && sane(agent.per_sample_us) && (0.0..=3.0).contains(&agent.jitter)) {
                let message = format!("{}: times must not be negative, jitter is 0 to 3", agent.id);
                return Err(Problem::new("agent.per_sample_us", message, "write numbers within these bounds"));
            }
            if self.agent.iter().filter(|other| other.id == agent.id).count() > 1 {
                return Err(Problem::new(
                    "agent.id",
                    format!("'{}' stands twice", agent.id),
                    "give each agent its own",
                ));
            }
        }
        Ok(())
    }

    /// Seconds in which all would finish together without noise and events, for gradients of `gradient_bytes`: the
    /// smallest T with sum over the agents of max(0, T - fixed - uplink) / per_sample >= batch.
    pub fn ideal_seconds(&self, gradient_bytes: f64) -> f64 {
        let machines: Vec<(f64, f64)> = self
            .agent
            .iter()
            .map(|agent| {
                let uplink = agent.uplink_bps.map_or(0.0, |bps| gradient_bytes * 8.0 / bps as f64);
                (agent.fixed_ms * 1e-3 + uplink, agent.per_sample_us * 1e-6)
            })
            .collect();
        let done = |t: f64| -> f64 {
            machines
                .iter()
                .map(|(a, b)| if *b > 0.0 { ((t - a) / b).max(0.0) } else { f64::from(u8::from(t > *a)) * 1e18 })
                .sum()
        };
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if done(middle) >= f64::from(self.batch_samples) { high = middle } else { low = middle }
        }
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_fleets_have_the_ideals_of_the_comparison() {
        // Seconds of docs/measurements.md's peers, for digits (4,810 parameters).
        for (name, ideal) in [("paper-0.1", 0.178), ("paper-0.2", 0.228), ("ratio8", 0.0907), ("homogeneous", 0.160)] {
            let found = Fleet::load(name).unwrap().ideal_seconds(4.0 * 4810.0);
            assert!((found / ideal - 1.0).abs() < 0.01, "{name}: {found} against {ideal}");
        }
        for (name, _) in BUNDLED {
            Fleet::load(name).unwrap();
        }
    }
}
