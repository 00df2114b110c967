//! The world, seeded: one job's aggregators and agents run against each other under virtual time, over a bus that
//! delays, reorders, repeats and loses, on machines that are slow, freeze, crash and lie.
//!
//! ```
//! use heijunka_allocate::PolicyName;
//! use heijunka_sim::{Truth, machines, plan, run, scenario};
//! use heijunka_wire::DataMode;
//!
//! // Five rounds of 30 samples on two machines, of which the second takes twice the time for a sample.
//! let plan = plan(Truth::Linear, DataMode::Shared, PolicyName::Enhanced, 5, 30);
//! let record = run(&scenario(plan, Truth::Linear, machines([(0.0, 0.001), (0.0, 0.002)])), 1);
//! assert!(record.violations.is_empty());
//! assert_eq!(record.last().map(|run| run.steps().count()), Some(5));
//! ```
//!
//! [`run`] takes a [`Scenario`] and a seed and returns a [`Record`]. The same scenario and seed give the same trace, bit
//! by bit. The seed drives delays and faults alone; rows, first model and order of rows have seeds of their own, so that models of
//! runs with different troubles can be compared. What must hold in every step is checked while the world
//! runs; see [`Record::violations`].
//!
//! [`Replay`] runs the same minds on a fleet whose costs are known, to compare policies.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod agent;
mod aggregator;
mod bus;
mod check;
mod data;
mod engine;
mod garbage;
mod presets;
mod record;
mod replay;
mod replay_agent;
#[cfg(test)]
mod replay_tests;
mod scenario;
mod traffic;
mod troubles;
mod world;

pub use data::{Data, Truth};
pub use engine::Engine;
pub use heijunka_compute::LocalSteps;
pub use presets::{machines, plan, scenario};
pub use record::{Record, RunRecord, Sent};
pub use replay::{Costs, Replay, ReplayError};
pub use scenario::{BusFaults, Machine, Scenario, Step, Trouble};
pub use world::run;
