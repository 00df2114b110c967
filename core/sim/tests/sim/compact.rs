//! Written gradients and updates of a common model: all agents compute on the same bits, whatever is lost, and the model
//! learns what it learns from whole numbers.

use crate::helpers::{chunked, engine, seeds, small, sound, troubled, unruly};
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_learn::OptimizerKind;
use heijunka_round::{Compact, Ending, LocalSteps, RoundRecord};
use heijunka_sim::{LocalSteps as Steps, Record, Scenario, Step, Trouble, Truth, machines, plan, run, scenario};
use heijunka_units::ModelVersion;
use heijunka_wire::{Codec, DataMode};
use heijunka_worker::Note;
use std::time::Duration;

/// Ways of writing gradients and updates.
const WAYS: [(Codec, Codec); 6] = [
    (Codec::Float32, Codec::Float16),
    (Codec::Float16, Codec::Int8),
    (Codec::Int8, Codec::Int4),
    (Codec::Int4, Codec::Int8),
    (Codec::SparseInt8, Codec::SparseInt8),
    (Codec::SparseSign, Codec::SparseInt8),
];

fn written(mut world: Scenario, (gradient, update): (Codec, Codec)) -> Scenario {
    world.plan.compact = Compact { gradient: Some(gradient), update: Some(update), kept: 0.1, warm_up_rounds: 5 };
    world.plan.optimizer = OptimizerKind::sgd(0.5);
    world.plan.schedule.learning_rate = 0.05;
    world
}

fn lacked(record: &Record) -> usize {
    record.notes.iter().filter(|(_, note)| matches!(note, Note::Lacks(_))).count()
}

#[test]
fn agents_that_missed_an_update_ask_for_the_whole_and_compute_on_the_same_bits() {
    let (mut lacking, mut snapshots, mut damaged) = (0, 0, 0);
    for seed in seeds(60) {
        let way = WAYS[seed as usize % WAYS.len()];
        for mut world in [
            written(troubled(unruly(small(40)), seed), way),
            written(troubled(unruly(chunked(20, DataMode::Shared)), seed), way),
        ] {
            if seed % 3 == 0 {
                (world.bus.noise, world.bus.damage, world.bus.forgery) = (0.05, 0.05, 0.1);
            }
            let record = run(&world, seed);
            sound(&record, seed);
            lacking += lacked(&record);
            snapshots += record.last().unwrap().counters.snapshots;
            damaged += record.notes.iter().filter(|(_, note)| matches!(note, Note::DigestMismatch)).count();
        }
    }
    assert!(lacking > 0 && snapshots > 0 && damaged > 0, "too tame: {lacking} {snapshots} {damaged}");
}

#[test]
fn where_nothing_is_lost_the_whole_model_travels_once() {
    for way in WAYS {
        let record = run(&written(chunked(60, DataMode::Shared), way), 5);
        sound(&record, 5);
        assert_eq!((record.last().unwrap().counters.snapshots, lacked(&record)), (0, 0), "{way:?}");
        let whole = record.last().unwrap().rounds[0].bytes_down;
        let later = record.last().unwrap().rounds[1..].iter().map(|round| round.bytes_down).max().unwrap();
        assert!(later < whole * 3 / 4, "{way:?}: {later} of {whole} bytes");
    }
}

fn accuracy(world: &Scenario, seed: u64) -> f64 {
    let record = run(world, seed);
    sound(&record, seed);
    let scores = record.last().unwrap().scores.clone().expect("scores");
    let classes = scores.confusion.len().isqrt();
    (0..classes).map(|class| scores.confusion[class * classes + class]).sum::<u64>() as f64 / scores.rows as f64
}

#[test]
fn the_model_learns_as_from_whole_numbers() {
    let whole = accuracy(&chunked(150, DataMode::Shared), 2);
    for way in WAYS {
        let compact = accuracy(&written(chunked(150, DataMode::Shared), way), 2);
        assert!(compact > whole - 0.035, "{way:?}: {compact} beside {whole}");
    }
}

/// The model after a round of local steps, from the model before it and the slices that the round's record names.
fn stepped(round: &RoundRecord, world: &Scenario, record: &Record, before: &[f32], steps: u16) -> Vec<f64> {
    let engine = engine(world, record.last().unwrap(), 0);
    let batch = u64::from(world.plan.batch_samples);
    let mut position = (round.model.0 - 1) * batch * u64::from(steps);
    let mut sum = vec![0.0; before.len()];
    for agent in &round.agents {
        let samples = agent.samples + agent.reissued;
        if samples > 0 {
            let local = Steps { steps, stride: batch, rate: round.learning_rate as f32 };
            let (gradient, _) = engine.compute(position, samples, before, local);
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += f64::from(samples) * f64::from(g));
        }
        position += u64::from(agent.assigned);
    }
    let mean = sum.iter().map(|sum| sum / f64::from(round.samples));
    before.iter().zip(mean).map(|(w, g)| f64::from(*w) - round.learning_rate * g).collect()
}

#[test]
fn local_steps_are_the_weighted_mean_of_what_each_agent_did_by_itself() {
    let mut world = small(30);
    world.keep_models = true;
    world.plan.local_steps = LocalSteps::Fixed(3);
    world.plan.schedule.learning_rate = 0.03;
    let record = run(&world, 4);
    sound(&record, 4);
    let last = record.last().unwrap();
    assert_eq!(last.rounds.last().unwrap().model, ModelVersion(30));
    for (round, models) in last.rounds.iter().zip(last.models.windows(2)).take(30) {
        let expected = stepped(round, &world, &record, &models[0], 3);
        let worst = expected.iter().zip(&models[1]).map(|(e, f)| (e - f64::from(*f)).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-6, "round {}: {worst:e}", round.round);
    }
    for seed in seeds(20) {
        let mut world = written(troubled(unruly(small(30)), seed), WAYS[seed as usize % WAYS.len()]);
        world.plan.local_steps = LocalSteps::Fixed(4);
        sound(&run(&world, seed), seed);
    }
}

/// Everybody computes until a common time, and the round does not wait for those whose answers are late: three machines
/// whose times vary, all of whose gradients are sparse. In the end the job is paused, so that nothing is under way.
fn late(seed: u64) -> Scenario {
    let mut plan = plan(Truth::Linear, DataMode::Shared, PolicyName::Adaptive, 1_000_000, 60);
    plan.round_end = RoundEnd::Anytime;
    plan.patience.quorum = 0.3;
    plan.compact = Compact { gradient: Some(Codec::SparseInt8), ..Compact::default() };
    (plan.compact.kept, plan.seed) = (0.3, seed);
    plan.schedule.learning_rate = 0.01;
    let mut world = scenario(plan, Truth::Linear, machines([(0.06, 0.001), (0.07, 0.002), (0.06, 0.004)]));
    world.machines.iter_mut().for_each(|machine| machine.jitter = 0.3);
    world.bus.delay = (Duration::from_millis(1), Duration::from_millis(15));
    world.keep_models = true;
    world.steps = vec![Step { at: Duration::from_secs(30), trouble: Trouble::Pause }];
    world.limit = Duration::from_secs(40);
    world
}

#[test]
fn what_late_answers_carried_is_sent_with_later_ones() {
    let (mut missed, mut worst) = (0, 0.0_f64);
    for seed in seeds(30) {
        let world = late(seed);
        let record = run(&world, seed);
        assert_eq!(record.violations, Vec::<String>::new(), "seed {seed}");
        let last = record.last().unwrap();
        // What a round that was given up would have taken back is taken back by the next one.
        if last.rounds.last().is_none_or(|round| round.ending == Ending::GivenUp) {
            continue;
        }
        let width = last.model.len();
        let mut left = vec![0.0_f64; width];
        let mut add = |factor: f64, numbers: &[f32]| {
            left.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += factor * f64::from(*number));
        };
        record.computed.iter().for_each(|(samples, gradient)| add(f64::from(*samples), gradient));
        record.residuals.iter().for_each(|residual| add(-1.0, residual));
        for (models, round) in last.models.windows(2).zip(&last.rounds) {
            // A step is the rate times the sum over the round's samples, divided by their number.
            let factor = f64::from(round.samples) / round.learning_rate.max(1e-9);
            add(-factor, &models[0]);
            add(factor, &models[1]);
            missed += round.agents.iter().filter(|agent| agent.samples == 0).count();
        }
        let computed: f64 = record.computed.iter().map(|(samples, _)| f64::from(*samples)).sum();
        worst = left.iter().fold(worst, |worst, left| worst.max(left.abs() / computed));
        assert!(worst < 1e-5, "seed {seed}: of the sum over {computed} samples {left:?} is missing");
    }
    assert!(missed > 30, "too tame: {missed} answers were late");
}
