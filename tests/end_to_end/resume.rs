//! A saved model is gone on from: after a power cut, after a stop, and by a job of its own.

use crate::watch::Watch;
use heijunka_tests::{Plant, steel_plates};

const TASK: &str = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"";
/// One agent: with the same batches in the same order the model is the same to the bit.
const EQUAL: &str = "[allocation]\npolicy = \"equal\"\n";

fn rounds(plant: &Plant) -> u64 {
    plant.card().unwrap()["training"]["rounds"].as_u64().unwrap()
}

fn model(plant: &Plant) -> Vec<u8> {
    std::fs::read(plant.folder().join("heijunka-output/model.safetensors")).unwrap()
}

#[test]
fn a_stopped_job_goes_on_to_the_same_model_as_one_that_was_not() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap();
    let training = "max_rounds = 1500\nresume = true";
    let aggregator = plant.aggregator(TASK, training, EQUAL).unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    watch.next(|_, status| status["round"].as_u64() >= Some(50));
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    let stopped_at = rounds(&plant);
    assert!((1..1500).contains(&stopped_at), "{stopped_at}");
    let ended = plant.aggregator(TASK, training, EQUAL).unwrap().wait().unwrap();
    assert!(ended.log.contains(&format!("training goes on after round {stopped_at} ")), "{}", ended.log);
    assert_eq!(rounds(&plant), 1500);
    let history = std::fs::read_to_string(plant.folder().join("heijunka-output/history.csv")).unwrap();
    assert_eq!(history.matches("model_version").count(), 1, "one header");
    let gone_on = model(&plant);
    // The job has ended by itself, so this one is new.
    let ended = plant.aggregator(TASK, training, EQUAL).unwrap().wait().unwrap();
    assert!(!ended.log.contains("training goes on after"), "{}", ended.log);
    assert_eq!(rounds(&plant), 1500);
    assert!(gone_on == model(&plant), "the same to the bit");
    drop(agent);
}

#[test]
fn a_killed_aggregator_goes_on_from_its_last_checkpoint() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap();
    let (training, more) = ("max_rounds = 100000\nresume = true", "[output]\ncheckpoint_every = \"100ms\"\nkeep = 2\n");
    let aggregator = plant.aggregator(TASK, training, more).unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    watch.next(|_, status| status["round"].as_u64() >= Some(150));
    aggregator.kill().unwrap();
    let saved_at = rounds(&plant);
    assert!(saved_at > 0);
    let older: Vec<String> = std::fs::read_dir(plant.folder().join("heijunka-output/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    assert!((1..=3).contains(&older.len()), "two, or a third if it was cut off while it tidied: {older:?}");
    let mut aggregator = plant.aggregator(TASK, training, more).unwrap();
    aggregator.wait_for(&format!("training goes on after round {saved_at} ")).unwrap();
    watch.next(|_, status| status["round"].as_u64() >= Some(20));
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    assert!(rounds(&plant) > saved_at);
    // A job of its own begins with one of the older ones.
    let from = format!("[model]\nstart_from = 'heijunka-output/checkpoints/{}'\n", newest(&plant));
    let more = format!("{from}[output]\ndirectory = \"second\"\nformats = [\"safetensors\"]\n");
    let ended = plant.aggregator(TASK, "max_rounds = 5", &more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(plant.folder().join("second/model.safetensors").exists());
    assert!(!plant.folder().join("second/model.onnx").exists());
    drop(agent);
}

/// One of the older checkpoints.
fn newest(plant: &Plant) -> String {
    let names = std::fs::read_dir(plant.folder().join("heijunka-output/checkpoints")).unwrap();
    let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".safetensors"));
    names.pop().unwrap()
}

#[test]
fn a_model_of_another_shape_is_refused_with_what_to_write() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "").unwrap();
    assert_eq!(plant.aggregator(TASK, "max_rounds = 3", "").unwrap().wait().unwrap().code, Some(0));
    let more = "[model]\nhidden = [32]\nstart_from = 'heijunka-output'\n";
    let ended = plant.aggregator(TASK, "max_rounds = 3", more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let log = ended.log.replace("\n  | ", " ");
    assert!(log.contains("its list of hidden layers is [64], and this job's [32]"), "{log}");
    assert!(ended.log.contains("write hidden = [64], or name another model"), "{}", ended.log);
    drop(agent);
}
