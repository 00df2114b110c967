//! With shared data a round is the step of one machine, whatever the allocation.
//!
//! The model is smooth (tanh): with ReLU the same rounding differences of 1e-8 now and then push one unit of one sample
//! over its kink, which moves a trajectory by some 5e-4 although every round is right (docs/measurements.md).

use heijunka_data::{Source, Table, Targets as RowTargets};
use heijunka_learn::{
    BLOCK, ModelShape, Optimizer, OptimizerKind, StreamOrder, Targets, gradient_sum, initialize, scratch_len,
};
use heijunka_tests::{Plant, digits, steel_plates};
use heijunka_units::{Activation, Loss};
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, Encoding, Fitted, HeldOut, Input, Job, Normalize, Target, Task};
use serde_json::Value;
use std::path::Path;

const ROUNDS: u64 = 200;
const BATCH: u64 = 256;
const SEED: u64 = 11;

fn encoding(input: &Value) -> Encoding {
    match input["values"].as_array() {
        Some(values) => Encoding::OneHot { values: values.iter().map(|v| v.as_str().unwrap().to_owned()).collect() },
        None => Encoding::Scaled {
            offset: input["scaling"]["offset"].as_f64().unwrap(),
            scale: input["scaling"]["scale"].as_f64().unwrap(),
        },
    }
}

fn job(card: &Value) -> Job {
    let names: Vec<String> =
        card["classes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
    let inputs = card["inputs"].as_array().unwrap().iter();
    Job {
        task: Task::Classification,
        target: card["target"].as_str().unwrap().to_owned(),
        inputs: vec![],
        ignore: vec![],
        normalize: Normalize::Standard,
        class_weights: ClassWeights::None,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(2000),
        group: None,
        window: None,
        fitted: Some(Fitted {
            inputs: inputs
                .map(|input| Input { name: input["name"].as_str().unwrap().to_owned(), encoding: encoding(input) })
                .collect(),
            target: Target::Classes { weights: vec![1.0; names.len()], names },
        }),
    }
}

/// The whole batch on one machine, round after round.
fn single_process(card: &Value, source: &Source) -> Vec<f32> {
    let dataset = Table::read(source).unwrap().encode(&job(card)).unwrap();
    let widths: Vec<u32> = card["model"]["widths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| u32::try_from(w.as_u64().unwrap()).unwrap())
        .collect();
    let shape = ModelShape::dense(&widths, Activation::Tanh, Loss::CrossEntropy).unwrap();
    let mut model = vec![0.0; shape.parameters()];
    initialize(&shape, SEED, &mut model).unwrap();
    let kind = OptimizerKind::sgd(0.9);
    let mut optimizer = Optimizer::new(kind, vec![0.0; kind.state_len(model.len())]).unwrap();
    let order = StreamOrder::new(dataset.train.len() as u64, SEED);
    let mut scratch = vec![0.0; scratch_len(&shape, BLOCK)];
    let (mut x, mut y) = (Vec::new(), RowTargets::Classes(Vec::new()));
    for round in 0..ROUNDS {
        let rows: Vec<usize> =
            (round * BATCH..(round + 1) * BATCH).map(|position| order.row(position) as usize).collect();
        let mut gradient = vec![0.0; model.len()];
        for block in rows.chunks(BLOCK) {
            dataset.train.gather(block.iter().copied(), &mut x, &mut y);
            let RowTargets::Classes(classes) = &y else { panic!() };
            let targets = Targets::Classes(classes);
            gradient_sum(&shape, &model, &x, targets, None, &mut scratch, &mut gradient).unwrap();
        }
        gradient.iter_mut().for_each(|g| *g /= BATCH as f32);
        optimizer.step(&mut model, &gradient, 0.05).unwrap();
    }
    model
}

/// The parameters in `model.safetensors`, in the order of the layers: an 8-byte length, a JSON header, the numbers.
pub(crate) fn trained(plant: &Plant) -> Vec<f32> {
    let bytes = std::fs::read(plant.folder().join("heijunka-output/model.safetensors")).unwrap();
    let header_bytes = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + header_bytes]).unwrap();
    let data = &bytes[8 + header_bytes..];
    let mut model = Vec::new();
    for layer in 0.. {
        for part in ["weight", "bias"] {
            let Some(tensor) = header.get(format!("layers.{layer}.{part}")) else { return model };
            let offset = |i: usize| tensor["data_offsets"][i].as_u64().unwrap() as usize;
            model.extend(data[offset(0)..offset(1)].chunks(4).map(|n| f32::from_le_bytes(n.try_into().unwrap())));
        }
    }
    model
}

/// Distance of two models in units of the second one's norm.
pub(crate) fn distance(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let distance = norm(&mut ours.iter().zip(theirs).map(|(a, b)| f64::from(a - b)));
    distance / norm(&mut theirs.iter().map(|b| f64::from(*b)))
}

fn follows(policy: &str, data: &Path, header: bool, target: &str) {
    let plant = Plant::new().unwrap();
    let agents: Vec<_> = (0..8)
        .map(|i| {
            // Uneven machines, so that `enhanced` really moves shares.
            let more = format!("header = {header}\n[emulate]\nper_sample_us = {}", 10 + 30 * i);
            plant.agent(&format!("machine-{i}"), data, &more).unwrap()
        })
        .collect();
    let ignore = if header { "ignore = [\"split\"]\n" } else { "" };
    let task = format!("kind = \"classification\"\ntarget = \"{target}\"\n{ignore}data = \"shared\"");
    let training = format!(
        "max_rounds = {ROUNDS}\nseed = {SEED}\nglobal_batch_samples = {BATCH}\noptimizer = \"sgd\"\n\
         momentum = 0.9\nlearning_rate = 0.05\nscore_every_rounds = 100"
    );
    let more = format!(
        "[model]\nactivation = \"tanh\"\n[allocation]\npolicy = \"{policy}\"\nmin_agents = 8\ndeadline_floor = \"60s\"\n"
    );
    let ended = plant.aggregator(&task, &training, &more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agents);
    let card = plant.card().unwrap();
    let mut source = Source::new(data);
    source.header_rows = Some(usize::from(header));
    let relative = distance(&trained(&plant), &single_process(&card, &source));
    println!("{policy} on {}: relative distance {relative:.2e} after {ROUNDS} rounds", data.display());
    assert!(relative <= 1e-4, "{policy}: {relative:.2e}");
}

#[test]
fn equal_shares_follow_one_machine_on_digits() {
    follows("equal", &digits(), false, "col64");
}

#[test]
fn enhanced_shares_follow_one_machine_on_digits() {
    follows("enhanced", &digits(), false, "col64");
}

#[test]
fn equal_shares_follow_one_machine_on_steel_plates() {
    follows("equal", &steel_plates(), true, "fault");
}

#[test]
fn enhanced_shares_follow_one_machine_on_steel_plates() {
    follows("enhanced", &steel_plates(), true, "fault");
}
