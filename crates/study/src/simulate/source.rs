//! Where the times of a simulation come from: a trace, or a fleet file with seeded noise.

use super::run::{Fleetlike, Setup};
use crate::fleet::{Fleet, FleetAgent};
use crate::trace::Trace;
use clap::Args;
use heijunka_settings::{Exit, Failure};
use heijunka_sim::Costs;
use heijunka_units::{AgentId, SplitMix64, grouped, mix};
use std::path::{Path, PathBuf};

const BATCH_SAMPLES: u32 = 256;
const FLEET_ROUNDS: u64 = 500;

/// Options that name the times.
#[derive(Args)]
#[group(required = true, multiple = false, id = "place")]
pub(crate) struct Place {
    /// Recorded costs, csv or csv.gz: round,agent,network_s,fixed_s,seconds_per_sample.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// A bundled fleet (demo, paper-0.1, paper-0.2, ratio8, busy, slowlink, homogeneous, zero8) or a fleet file.
    #[arg(long, value_name = "NAME|FILE")]
    fleet: Option<String>,
}

/// Where the times come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A recording.
    Trace { name: String, trace: Trace, batch_samples: u32 },
    /// Machines as described.
    Fleet { fleet: Fleet, agents: Vec<AgentId>, seed: u64, gradient_bytes: f64 },
}

impl Source {
    /// The trace, or the fleet with the noise of that seed and a model of that many parameters.
    pub(crate) fn load(place: &Place, seed: u64, parameters: u32) -> Result<Self, Failure> {
        if let Some(path) = &place.trace {
            return Self::load_trace(path);
        }
        let fleet = Fleet::load(place.fleet.as_deref().unwrap_or_default())?;
        let agents = fleet.agent.iter().map(|agent| AgentId::new(&agent.id)).collect::<Result<_, _>>();
        let agents = agents.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
        Ok(Self::Fleet { fleet, agents, seed, gradient_bytes: 4.0 * f64::from(parameters) })
    }

    pub(crate) fn load_trace(path: &Path) -> Result<Self, Failure> {
        let trace = Trace::load(path)?;
        let batch_samples = reference_batch(path).unwrap_or(BATCH_SAMPLES);
        Ok(Self::Trace { name: path.display().to_string(), trace, batch_samples })
    }

    /// What is simulated, as the simulation sees it.
    pub(crate) fn fleetlike(&self) -> Fleetlike<'_> {
        match self {
            Self::Trace { trace, .. } => {
                Fleetlike { agents: trace.agents.clone(), costs: Box::new(|round, agent| trace.costs(round, agent)) }
            }
            Self::Fleet { fleet, agents, seed, gradient_bytes } => {
                let of = |round, agent| {
                    let machine = fleet.agent.get(agent);
                    machine.map_or_else(Costs::default, |machine| costs(machine, *seed, round, *gradient_bytes))
                };
                Fleetlike { agents: agents.clone(), costs: Box::new(of) }
            }
        }
    }

    pub(crate) fn batch_samples(&self) -> u32 {
        match self {
            Self::Trace { batch_samples, .. } => *batch_samples,
            Self::Fleet { fleet, .. } => fleet.batch_samples,
        }
    }

    pub(crate) fn rounds(&self) -> u64 {
        match self {
            Self::Trace { trace, .. } => trace.rounds(),
            Self::Fleet { .. } => FLEET_ROUNDS,
        }
    }

    pub(crate) fn trace_name(&self) -> Option<&str> {
        match self {
            Self::Trace { name, .. } => Some(name),
            Self::Fleet { .. } => None,
        }
    }

    pub(crate) fn fleet_name(&self) -> Option<&str> {
        match self {
            Self::Trace { .. } => None,
            Self::Fleet { fleet, .. } => Some(&fleet.name),
        }
    }

    /// One line that says what is simulated.
    pub(crate) fn title(&self, setup: &Setup) -> String {
        let (what, agents) = match self {
            Self::Trace { name, trace, .. } => {
                let file = Path::new(name).file_name().unwrap_or_default();
                (format!("trace {}", file.to_string_lossy()), trace.agents.len())
            }
            Self::Fleet { fleet, agents, .. } => (format!("fleet {}", fleet.name), agents.len()),
        };
        let (rounds, samples) = (grouped(setup.rounds), setup.batch_samples);
        let agents = heijunka_allocate::agents(agents);
        format!("{what}: {agents}, {rounds} rounds of {samples} samples, round_end {}", setup.round_end_name())
    }

    /// What should be known about the source before its figures are believed; empty if nothing.
    pub(crate) fn remarks(&self) -> String {
        let Self::Trace { trace, .. } = self else { return String::new() };
        let mut text = String::new();
        if trace.filled > 0 {
            let all = trace.rounds() * trace.agents.len() as u64;
            text += &format!(
                "{} of {} rows are missing from the trace: an agent's last known row replaces them\n",
                grouped(trace.filled as u64),
                grouped(all)
            );
        }
        if trace.cut_off {
            text += "the file is cut off in the middle of a piece: rows before that are used\n";
        }
        text
    }
}

/// A fleet's machine in a round; noise multiplies the time a sample, as the emulation does.
fn costs(machine: &FleetAgent, seed: u64, round: u64, gradient_bytes: f64) -> Costs {
    let z = if machine.jitter > 0.0 {
        SplitMix64::stream(mix(seed) ^ machine.seed ^ heijunka_wire::digest(machine.id.as_bytes()), round).normal()
    } else {
        0.0
    };
    let busy = machine.events.iter().filter(|event| (event.from_round..event.to_round).contains(&round));
    let factor: f64 = busy.map(|event| event.factor).product();
    Costs {
        network_s: machine.uplink_bps.map_or(0.0, |bps| gradient_bytes * 8.0 / bps as f64),
        fixed_s: machine.fixed_ms * 1e-3,
        seconds_per_sample: machine.per_sample_us * 1e-6 * factor * (machine.jitter * z).exp(),
    }
}

/// The global batch that a `reference.json` beside the trace names for it.
fn reference_batch(trace: &Path) -> Option<u32> {
    let name = trace.file_name()?.to_str()?.split(".csv").next()?;
    let bytes = std::fs::read(trace.with_file_name("reference.json")).ok()?;
    let reference: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
    let samples = reference.get(name)?.get("global_batch_samples")?.as_u64()?;
    u32::try_from(samples).ok().filter(|samples| (1..=heijunka_wire::limits::BATCH_SAMPLES_MAX).contains(samples))
}
