//! Written gradients and updates of a common model: all agents compute on the same bits, whatever is lost, and the model
//! learns what it learns from whole numbers.

use crate::helpers::{chunked, engine, seeds, small, sound, troubled, unruly};
use heijunka_learn::OptimizerKind;
use heijunka_round::{Compact, LocalSteps, RoundRecord};
use heijunka_sim::{LocalSteps as Steps, Record, Scenario, run};
use heijunka_units::ModelVersion;
use heijunka_wire::{Codec, DataMode};
use heijunka_worker::Note;

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
