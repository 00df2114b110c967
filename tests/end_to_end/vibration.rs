//! Convolutions over windows: two kinds of vibration that differ in frequency alone, and what others make of the model.

use crate::export::{python, same};
use heijunka_tests::Plant;
use std::fmt::Write;

/// Rows of a part, and numbers of a window.
const ROWS: u32 = 40;
const WINDOW: u32 = 32;

/// A number in [0, 1) that looks random.
fn noise(seed: u32) -> f64 {
    let mixed = (u64::from(seed) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((mixed ^ (mixed >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Parts `from..to`: two directions of one vibration in any phase and of any strength, with noise. Every second bearing is
/// worn, and swings faster.
fn parts(from: u32, to: u32) -> String {
    let mut text = String::from("part,x,y,bearing,angle\n");
    for part in from..to {
        let worn = part % 2 == 1;
        let (frequency, name) = if worn { (0.19, "worn") } else { (0.13, "good") };
        let (phase, strength) = (noise(part), 0.5 + noise(part + 10_000));
        for row in 0..ROWS {
            let turn = std::f64::consts::TAU * (frequency * f64::from(row) + phase);
            let [a, b] = [1, 2].map(|k| 0.4 * (noise(20_000 * k + part * ROWS + row) - 0.5));
            let (x, y) = (strength * turn.sin() + a, strength * turn.cos() + b);
            let _ = writeln!(text, "{part},{x:.4},{y:.4},{name},{:.4}", turn.sin());
        }
    }
    text
}

fn task(kind: &str, target: &str, other: &str) -> String {
    format!(
        "kind = \"{kind}\"\ntarget = \"{target}\"\nignore = [\"{other}\", \"part\"]\ngroup_by = \"part\"\n\
         window_rows = {WINDOW}\nwindow_every = 2"
    )
}

#[test]
fn three_uneven_machines_learn_a_frequency_by_convolution() {
    let plant = Plant::new().unwrap();
    let agents: Vec<_> = [(0, 60, 50), (60, 100, 150), (100, 160, 400)]
        .into_iter()
        .map(|(from, to, per_sample_us)| {
            let data = plant.write(&format!("from{from}.csv"), parts(from, to)).unwrap();
            let more = format!("[emulate]\nper_sample_us = {per_sample_us}.0");
            plant.agent(&format!("machine-{from}"), &data, &more).unwrap()
        })
        .collect();
    let model = "[model]\nkind = \"conv\"\nfilters = [8]\nkernel = 9\npooling = \"max\"\nhidden = [16]\n\
                 [allocation]\nmin_agents = 3\n";
    let training = "max_rounds = 200\nglobal_batch_samples = 64\nlearning_rate = 0.005\nscore_every_rounds = 100";
    let aggregator = plant.aggregator(&task("classification", "bearing", "angle"), training, model).unwrap();
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // 9 x 2 x 8 + 8, 8 x 16 + 16, 16 x 2 + 2
    assert!(ended.log.contains("the model has 330 parameters"), "{}", ended.log);
    let card = plant.card().unwrap();
    assert_eq!(card["model"]["convolutions"]["channels"], 2);
    let accuracy = card["scores"]["accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.97, "{accuracy} of parts that no agent trained on");
    drop(agents);
    plant.write("all.csv", parts(160, 200)).unwrap();
    if let Some(python) = python() {
        same(&plant, &python, "all.csv", "heijunka-output/model.onnx");
    }
}

#[test]
fn convolutions_are_the_same_in_onnx() {
    let Some(python) = python() else { return };
    for model in [
        "filters = [6, 7]\nkernel = [5, 3]\nstride = [2, 1]\nactivation = \"tanh\"\nhidden = []",
        "filters = [4]\nkernel = 6\nstride = 3\npooling = \"mean\"\nhidden = [5]",
    ] {
        let plant = Plant::new().unwrap();
        let data = plant.write("parts.csv", parts(0, 40)).unwrap();
        let agent = plant.agent("press-07", &data, "").unwrap();
        let model = format!("[model]\nkind = \"conv\"\n{model}\n");
        let task = task("regression", "angle", "bearing");
        let ended = plant.aggregator(&task, "max_rounds = 30", &model).unwrap().wait().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        drop(agent);
        same(&plant, &python, "parts.csv", "heijunka-output/model.onnx");
    }
}

#[test]
fn a_kernel_that_is_longer_than_the_window_is_reported_with_its_key() {
    let plant = Plant::new().unwrap();
    let run = |task: &str, model: &str| {
        let ended = plant.aggregator(task, "max_rounds = 3", model).unwrap().wait().unwrap();
        assert_ne!(ended.code, Some(0), "{}", ended.log);
        ended.log
    };
    let log = run(&task("regression", "angle", "bearing"), "[model]\nkind = \"conv\"\nkernel = 33\n");
    assert!(log.contains("33 rows are longer than the window of 32 rows"), "{log}");
    let log = run("kind = \"regression\"\ntarget = \"angle\"", "[model]\nkind = \"conv\"\n");
    assert!(log.contains("window_rows = 30"), "{log}");
}
