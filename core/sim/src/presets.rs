//! Worlds to begin with: a small job, machines of a fleet, a quiet bus.

use crate::data::{Data, Truth};
use crate::scenario::{BusFaults, Machine, Scenario};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_learn::{OptimizerKind, Schedule};
use heijunka_round::{Compact, Judging, LocalSteps, Patience, Plan, Until};
use heijunka_units::Samples;
use heijunka_wire::document::{ClassWeights, HeldOut, Job, Normalize, Task};
use heijunka_wire::{Activation, DataMode, limits};

/// A plan for `rounds` rounds of `batch_samples` samples.
pub fn plan(truth: Truth, data_mode: DataMode, policy: PolicyName, rounds: u64, batch_samples: Samples) -> Plan {
    let task = match truth {
        Truth::Linear => Task::Regression,
        Truth::Clouds(_) => Task::Classification,
    };
    Plan {
        job: Job {
            task,
            target: "y".into(),
            inputs: Vec::<String>::new(),
            ignore: Vec::<String>::new(),
            normalize: Normalize::Standard,
            class_weights: ClassWeights::None,
            data_mode,
            held_out: HeldOut::ByHash(2000),
            group: None,
            window: None,
            fitted: None,
        },
        hidden: Vec::new(),
        convolutions: Vec::new(),
        pooling: Default::default(),
        activation: Activation::Tanh,
        seed: 7,
        batch_samples,
        optimizer: OptimizerKind::sgd(0.0),
        schedule: Schedule::constant(0.1),
        policy,
        round_end: RoundEnd::Exact,
        pins: BTreeMap::new(),
        patience: Patience { min_agents: 1, ..Patience::default() },
        until: Until { rounds, time: None, no_better_for_rounds: None },
        score_every_rounds: 0,
        judging: Judging::default(),
        compact: Compact::default(),
        local_steps: LocalSteps::Fixed(1),
        packet_bytes_max: limits::PACKET_BYTES_DEFAULT,
        downlink: None,
        start: None,
    }
}

/// Machines with these fixed times and times a sample, in seconds.
pub fn machines(times: impl IntoIterator<Item = (f64, f64)>) -> Vec<Machine> {
    let machine = |(fixed_s, per_sample_s)| Machine {
        starts: Duration::from_millis(10),
        prepare: Duration::from_millis(50),
        fixed_s,
        per_sample_s,
        jitter: 0.0,
        rows: None,
        class: None,
        other_rows: false,
        samples_max: limits::BATCH_SAMPLES_MAX,
        uplink: None,
        lies: false,
    };
    times.into_iter().map(machine).collect()
}

/// A world without troubles: messages take 1 to 3 ms.
pub fn scenario(plan: Plan, truth: Truth, machines: Vec<Machine>) -> Scenario {
    Scenario {
        plan,
        machines,
        data: Data { truth, inputs: 4, rows: 500, held_out_rows: 60, seed: 11 },
        bus: BusFaults {
            delay: (Duration::from_millis(1), Duration::from_millis(3)),
            drop: 0.0,
            duplicate: 0.0,
            noise: 0.0,
            damage: 0.0,
            forgery: 0.0,
        },
        steps: Vec::new(),
        limit: Duration::from_secs(100_000),
        keep_alive: Duration::from_secs(15),
        clock_offset: Duration::ZERO,
        keep_models: false,
    }
}
