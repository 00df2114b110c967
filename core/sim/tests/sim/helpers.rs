//! What the tests have in common.

use heijunka_allocate::PolicyName;
use heijunka_learn::{ModelShape, Optimizer, initialize};
use heijunka_round::Outcome;
use heijunka_sim::{Engine, LocalSteps, Record, RunRecord, Scenario, Step, Trouble, Truth, machines, plan, scenario};
use heijunka_units::AgentId;
use heijunka_units::SplitMix64;
use heijunka_wire::document::Document;
use heijunka_wire::{DataMode, Loss, Model, Part, Shape, Spec, digest};
use std::time::Duration;

/// Seeds to try: `usual`, or so many times as many as `HEIJUNKA_SEEDS` says.
#[expect(clippy::disallowed_methods, reason = "how long to test is for the tester to say; the minds never see it")]
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let times: u64 =
        std::env::var("HEIJUNKA_SEEDS").map_or(1, |times| times.parse().expect("HEIJUNKA_SEEDS: a number"));
    0..usual * times
}

/// A small regression with shared data on three uneven machines.
pub(crate) fn small(rounds: u64) -> Scenario {
    let plan = plan(Truth::Linear, DataMode::Shared, PolicyName::Equal, rounds, 30);
    scenario(plan, Truth::Linear, machines([(0.01, 0.001), (0.02, 0.002), (0.01, 0.004)]))
}

/// Three classes, a hidden layer, and packets so small that model, gradients, spec and surveys travel in chunks.
pub(crate) fn chunked(rounds: u64, data_mode: DataMode) -> Scenario {
    let truth = Truth::Clouds(3);
    let mut plan = plan(truth, data_mode, PolicyName::Enhanced, rounds, 30);
    plan.hidden = vec![24];
    plan.packet_bytes_max = 1024;
    plan.score_every_rounds = 7;
    let mut world = scenario(plan, truth, machines([(0.01, 0.001), (0.02, 0.002), (0.01, 0.004), (0.0, 0.01)]));
    world.data.inputs = 12;
    world
}

/// A bus that loses, repeats and reorders.
pub(crate) fn unruly(mut world: Scenario) -> Scenario {
    world.bus.delay = (Duration::from_millis(1), Duration::from_millis(60));
    world.bus.drop = 0.05;
    world.bus.duplicate = 0.1;
    world
}

/// Troubles of all kinds at times drawn from the seed.
pub(crate) fn troubled(mut world: Scenario, seed: u64) -> Scenario {
    let mut random = SplitMix64::stream(seed, 99);
    let agents = world.machines.len() as u64;
    for _ in 0..1 + random.next_u64() % 6 {
        let at = Duration::from_secs_f64(random.uniform() * 20.0);
        let lasts = Duration::from_secs_f64(0.05 + random.uniform() * 25.0);
        let agent = (random.next_u64() % agents) as usize;
        let keeps = random.next_u64().is_multiple_of(2);
        let trouble = match random.next_u64() % 5 {
            0 => Trouble::AgentCutOff { agent, lasts, keeps_session: keeps },
            1 => Trouble::AgentCrashes { agent, back_after: Some(lasts) },
            2 => Trouble::AgentFreezes { agent, lasts },
            3 => Trouble::AggregatorCutOff { lasts, keeps_session: keeps },
            _ => Trouble::BrokerRestarts { lasts, keeps_state: keeps },
        };
        world.steps.push(Step { at, trouble });
    }
    world
}

/// Panics unless the last aggregator finished its rounds and no law was broken.
pub(crate) fn sound(record: &Record, seed: u64) {
    assert_eq!(record.violations, Vec::<String>::new(), "seed {seed}");
    let last = record.last().expect("an aggregator");
    let events: Vec<String> = last.events.iter().map(|event| event.to_string()).collect();
    let end = &events[events.len().saturating_sub(8)..];
    assert_eq!(
        last.outcome,
        Some(Outcome::Rounds),
        "seed {seed}: after {} rounds and {:.1} s, last events {end:#?}, last notes {:?}",
        last.rounds.len(),
        record.seconds,
        &record.notes[record.notes.len().saturating_sub(8)..],
    );
}

/// The engine of an agent, ready for the job of a run.
pub(crate) fn engine(world: &Scenario, run: &RunRecord, index: usize) -> Engine {
    let document = run.job.to_bytes();
    let model = Model::Layers(shape(world, run));
    let part = Part { index: 0, chunk_bytes: 4, total_bytes: 0 };
    let (data_mode, seed) = (world.plan.job.data_mode, world.plan.seed);
    let spec = Spec { content: digest(&document), model, data_mode, seed, part };
    let id = AgentId::new(&format!("agent-{index:02}")).unwrap();
    let mut engine = Engine::new(world, &id, index);
    engine.prepare(&spec, &document).expect("a fitted job");
    engine
}

fn shape(world: &Scenario, run: &RunRecord) -> Shape {
    let outputs = match world.data.truth {
        Truth::Linear => 1,
        Truth::Clouds(classes) => classes,
    };
    let loss = if outputs == 1 { Loss::MeanSquaredError } else { Loss::CrossEntropy };
    let inputs = run.job.fitted.as_ref().expect("a fitted job").input_width() as u32;
    let widths = [inputs].into_iter().chain(world.plan.hidden.iter().copied()).chain([outputs]).collect();
    Shape { widths, activation: world.plan.activation, loss, convolutions: None }
}

/// The last model of one process that computes every whole batch itself.
pub(crate) fn alone(world: &Scenario, run: &RunRecord) -> Vec<f32> {
    let engine = engine(world, run, 0);
    let shape = shape(world, run);
    let loss = match shape.loss {
        Loss::MeanSquaredError => heijunka_units::Loss::MeanSquaredError,
        Loss::CrossEntropy => heijunka_units::Loss::CrossEntropy,
    };
    let shape = ModelShape::dense(&shape.widths, heijunka_units::Activation::Tanh, loss).unwrap();
    let mut model = vec![0.0; shape.parameters()];
    initialize(&shape, world.plan.seed, &mut model).unwrap();
    let state = vec![0.0; world.plan.optimizer.state_len(model.len())];
    let mut optimizer = Optimizer::new(world.plan.optimizer, state).unwrap();
    let batch = world.plan.batch_samples;
    for step in 0..world.plan.until.rounds {
        let (gradient, _) = engine.compute(step * u64::from(batch), batch, &model, LocalSteps::ONE);
        optimizer.step(&mut model, &gradient, world.plan.schedule.at(step)).unwrap();
    }
    model
}
