//! Sparse gradients and updates over the broker: as good a model for a fraction of the bytes, whatever goes wrong meanwhile.

use crate::watch::Watch;
use heijunka_broker::mosquitto::Options;
use heijunka_tests::{Plant, Program, digits};

const TASK: &str = "kind = \"classification\"\ntarget = \"col64\"\ndata = \"shared\"";
/// Slow enough that trouble comes in the middle.
const UNHURRIED: &str = "header = false\n[emulate]\nper_sample_us = 100";
/// Bytes of the model, 64-64-10.
const WHOLE: f64 = 4810.0 * 4.0;

fn training(rounds: u32) -> String {
    format!("max_rounds = {rounds}\noptimizer = \"sgd\"\nmomentum = 0.9\nlearning_rate = 0.1\nschedule = \"cosine\"")
}

fn more(agents: usize) -> String {
    format!("[gradient]\ncodec = \"sparse\"\n[allocation]\npolicy = \"equal\"\nmin_agents = {agents}\n")
}

fn finishes(plant: &Plant, aggregator: Program, accuracy_min: f64) {
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let accuracy = plant.card().unwrap()["scores"]["accuracy"].as_f64().unwrap();
    assert!(accuracy >= accuracy_min, "{accuracy}");
}

/// Mean bytes down and up of the training rounds, for each of `agents`, without the first.
fn bytes_a_round(plant: &Plant, agents: f64) -> [f64; 2] {
    let history = std::fs::read_to_string(plant.folder().join("heijunka-output/history.csv")).unwrap();
    let mut lines = history.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let rounds: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let training: Vec<_> = rounds.iter().filter(|round| round[column("purpose")] == "train").skip(1).collect();
    ["bytes_down", "bytes_up"].map(|name| {
        let sum: f64 = training.iter().map(|round| round[column(name)].parse::<f64>().unwrap()).sum();
        sum / training.len() as f64 / agents
    })
}

#[test]
fn sparse_gradients_reach_the_reference_for_a_hundredth_of_the_bytes() {
    let plant = Plant::new().unwrap();
    let agents: Vec<_> =
        (0..8).map(|i| plant.agent(&format!("machine-{i}"), &digits(), "header = false").unwrap()).collect();
    let aggregator = plant.aggregator(TASK, &training(400), &more(8)).unwrap();
    finishes(&plant, aggregator, 0.965);
    let [down, up] = bytes_a_round(&plant, 8.0);
    assert!(WHOLE / up >= 100.0 && WHOLE / down >= 20.0, "{down} bytes down, {up} up");
    drop(agents);
}

fn unhurried(plant: &Plant) -> Vec<Program> {
    (0..3).map(|i| plant.agent(&format!("machine-{i}"), &digits(), UNHURRIED).unwrap()).collect()
}

#[test]
fn an_agent_that_comes_back_gets_the_whole_model_alone() {
    let plant = Plant::new().unwrap();
    let mut agents = unhurried(&plant);
    let mut aggregator = plant.aggregator(TASK, &training(400), &more(2)).unwrap();
    aggregator.wait_for("training begins").unwrap();
    let mut status = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    let mut snapshots = Watch::new(&plant, "heijunka-wire/v2/test/job/snapshot/machine-1");
    status.next(|_, status| status["round"].as_u64() >= Some(20));
    agents.remove(1).kill().unwrap();
    aggregator.wait_for("machine-1 left").unwrap();
    let back = plant.agent("machine-1", &digits(), UNHURRIED).unwrap();
    assert!(snapshots.bytes() >= WHOLE as usize);
    finishes(&plant, aggregator, 0.9);
    let log = back.stop().unwrap().log;
    assert!(!log.contains("damaged"), "{log}");
    drop(agents);
}

#[test]
fn a_killed_broker_without_its_state_costs_no_update_for_good() {
    let mut plant = Plant::with_broker(&Options { without_persistence: true, ..Options::default() }).unwrap();
    let agents = unhurried(&plant);
    let aggregator = plant.aggregator(TASK, &training(300), &more(3)).unwrap();
    let mut status = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    for round in [20, 60] {
        status.next(|_, status| status["round"].as_u64() >= Some(round));
        plant.mosquitto.kill().unwrap();
        plant.mosquitto.start_again().unwrap();
    }
    finishes(&plant, aggregator, 0.9);
    drop(agents);
}
