//! What training has come to is not lost: neither where it cannot be written for a while, nor by how a program is stopped.

use crate::watch::Watch;
use heijunka_tests::{Plant, Program, steel_plates};
use std::path::PathBuf;

const TASK: &str = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"";

/// A job that trains, and its output folder, which is somewhere else from now on: a file is in its place.
fn without_its_folder(plant: &Plant) -> (Program, Program, Watch, [PathBuf; 2]) {
    let agent = plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"15ms\"").unwrap();
    let aggregator = plant.aggregator(TASK, "max_rounds = 300", "").unwrap();
    let mut watch = Watch::new(plant, "heijunka/test/job/aggregator/status");
    watch.next(|_, status| status["round"].as_u64() >= Some(20));
    let folder = ["heijunka-output", "away"].map(|name| plant.folder().join(name));
    std::fs::rename(&folder[0], &folder[1]).unwrap();
    std::fs::write(&folder[0], "").unwrap();
    (agent, aggregator, watch, folder)
}

/// A failure's text without its frame.
fn plain(log: &str) -> String {
    log.replace("\n  | ", " ").replace("\n        ", " ")
}

#[test]
fn a_finished_job_waits_until_its_model_can_be_written() {
    let plant = Plant::new().unwrap();
    let (mut agent, mut aggregator, mut watch, [folder, away]) = without_its_folder(&plant);
    let (_, status) = watch.next(|_, status| status["phase"] == "cannot save");
    let why = status["cannot_save"].as_str().unwrap();
    assert!(why.contains("Not a directory") && why.contains("bring that folder back"), "{why}");
    assert_eq!(status["round"], 300);
    aggregator.wait_for("the model after round 300 cannot be written").unwrap();
    aggregator.wait_for("retrying in 1 s").unwrap();
    agent.wait_for("the job is over").unwrap();
    assert!(aggregator.is_running());
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&away, &folder).unwrap();
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("code=HJ-181"), "{}", ended.log);
    assert_eq!(plant.card().unwrap()["training"]["rounds"], 300);
    assert!(folder.join("model.onnx").exists());
    let history = std::fs::read_to_string(folder.join("history.csv")).unwrap();
    assert_eq!(history.lines().filter(|line| line.contains(",train,")).count(), 300);
    drop(agent);
}

#[test]
fn stopping_a_program_that_cannot_save_logs_what_is_lost() {
    let plant = Plant::new().unwrap();
    let (agent, mut aggregator, mut watch, _) = without_its_folder(&plant);
    watch.next(|_, status| status["phase"] == "cannot save");
    aggregator.wait_for("stopping now loses the model").unwrap();
    let ended = aggregator.stop().unwrap();
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    let log = plain(&ended.log);
    assert!(log.contains("stopped before the model after round 300 could be written: it is lost"), "{log}");
    assert!(log.contains("bring that folder back"), "{log}");
    assert!(log.contains("holds nothing of this job"), "{log}");
    drop(agent);
}

/// Starts a program through one that has its own mind of SIGHUP, whatever it is for these tests: `nohup` ignores it.
fn start_by(plant: &Plant, by: &[&str], program: &str, config: &str) -> Program {
    let path = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join(program);
    let arguments = [&by[1..], &[path.to_str().unwrap(), "run", "--config", config]].concat();
    plant.start(by[0], &arguments, &format!("{program}-by.log")).unwrap()
}

#[test]
fn a_closed_terminal_stops_both_programs_as_a_stop_does() {
    let plant = Plant::new().unwrap();
    drop(plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap());
    drop(plant.aggregator(TASK, "max_rounds = 100000", "").unwrap());
    let by = ["/usr/bin/env", "--default-signal=HUP"];
    let agent = start_by(&plant, &by, "heijunka-agent", "machine-1.toml");
    let aggregator = start_by(&plant, &by, "heijunka-aggregator", "aggregator.toml");
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    watch.next(|topic, status| topic.ends_with("aggregator/status") && status["round"].as_u64() >= Some(20));
    let gone = |topic: &str, state: &serde_json::Value| topic.ends_with("/state") && state["state"] == "offline";
    for (program, reason) in [(agent, "stopped"), (aggregator, "it was asked to stop")] {
        program.hang_up().unwrap();
        let ended = program.wait().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert_eq!(watch.next(gone).1["reason"], reason);
    }
    let card = plant.card().unwrap();
    assert!(card["training"]["rounds"].as_u64() >= Some(20), "{card}");
    assert_eq!(card["training"]["ended"], "it was asked to stop");
}

#[test]
fn nohup_keeps_a_program_running_when_its_terminal_is_closed() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap();
    drop(plant.aggregator(TASK, "max_rounds = 100000", "").unwrap());
    let aggregator = start_by(&plant, &["/usr/bin/nohup"], "heijunka-aggregator", "aggregator.toml");
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    let (_, status) = watch.next(|_, status| status["round"].as_u64() >= Some(20));
    aggregator.hang_up().unwrap();
    let begun = status["round"].as_u64();
    watch.next(|_, status| status["round"].as_u64() > begun && status["phase"] == "training");
    watch.next(|_, status| status["phase"] == "training");
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    drop(agent);
}
