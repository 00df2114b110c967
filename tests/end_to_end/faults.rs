//! Faults of a plant, and that the job continues.

use crate::training::STEEL;
use crate::watch::Watch;
use heijunka_broker::mosquitto::Options;
use heijunka_tests::{Plant, Program, steel_plates};

/// Slow enough that trouble comes in the middle, quick enough for a test.
const UNHURRIED: &str = "[emulate]\nper_sample_us = 100";
const SHARED: &str = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"";

fn agents(plant: &Plant, count: usize) -> Vec<Program> {
    (0..count).map(|i| plant.agent(&format!("machine-{i}"), &steel_plates(), UNHURRIED).unwrap()).collect()
}

fn at_round(watch: &mut Watch, round: u64) -> serde_json::Value {
    watch.next(|_, status| status["round"].as_u64() >= Some(round)).1
}

fn finishes(aggregator: Program) -> String {
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("all rounds are done"), "{}", ended.log);
    ended.log
}

#[test]
fn agents_may_be_killed_and_come_back() {
    let plant = Plant::new().unwrap();
    let mut agents = agents(&plant, 3);
    let aggregator = plant.aggregator(SHARED, "max_rounds = 300", "[allocation]\nmin_agents = 3\n").unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    at_round(&mut watch, 20);
    agents.remove(1).kill().unwrap();
    watch.next(|_, status| status["phase"] == "paused");
    let back = plant.agent("machine-1", &steel_plates(), UNHURRIED).unwrap();
    let log = finishes(aggregator);
    assert!(log.contains("training resumes with 3 agents"), "{log}");
    drop((agents, back));
}

fn broker_restart(options: &Options) {
    let mut plant = Plant::with_broker(options).unwrap();
    let agents = agents(&plant, 3);
    let aggregator = plant.aggregator(SHARED, "max_rounds = 300", "[allocation]\nmin_agents = 3\n").unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    for round in [20, 60] {
        at_round(&mut watch, round);
        plant.mosquitto.kill().unwrap();
        plant.mosquitto.start_again().unwrap();
    }
    finishes(aggregator);
    assert_eq!(plant.card().unwrap()["training"]["rounds"], 300);
    drop(agents);
}

#[test]
fn a_killed_broker_with_its_state_needs_no_operator() {
    broker_restart(&Options::default());
}

#[test]
fn a_killed_broker_without_its_state_needs_no_operator() {
    broker_restart(&Options { without_persistence: true, ..Options::default() });
}

#[test]
fn others_compute_for_a_frozen_agent_until_it_is_dropped_and_it_comes_back() {
    let plant = Plant::new().unwrap();
    let agents = agents(&plant, 3);
    let patience = "[allocation]\nmin_agents = 3\ndeadline_floor = \"1s\"\n";
    let mut aggregator = plant.aggregator(SHARED, "max_rounds = 400", patience).unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    at_round(&mut watch, 20);
    agents[2].freeze().unwrap();
    aggregator.wait_for("machine-2 is late in round").unwrap();
    aggregator.wait_for("the next rounds do not wait for it").unwrap();
    aggregator.wait_for("training pauses").unwrap();
    agents[2].thaw().unwrap();
    let log = finishes(aggregator);
    assert!(log.contains("training resumes with 3 agents"), "{log}");
    drop(agents);
}

#[test]
fn the_order_of_starting_does_not_matter() {
    let mut plant = Plant::new().unwrap();
    plant.mosquitto.kill().unwrap();
    let mut agents = agents(&plant, 2);
    let mut aggregator = plant.aggregator(STEEL, "max_rounds = 30", "[allocation]\nmin_agents = 2\n").unwrap();
    agents[0].wait_for("refuses the connection").unwrap();
    aggregator.wait_for("refuses the connection").unwrap();
    plant.mosquitto.start_again().unwrap();
    finishes(aggregator);
    // The agents stay for the next run of the job.
    let again = plant.aggregator(STEEL, "max_rounds = 30", "[allocation]\nmin_agents = 2\n").unwrap();
    let log = finishes(again);
    assert!(log.contains("run 2 begins"), "{log}");
}

#[test]
fn the_older_of_two_aggregators_leaves_and_names_the_other() {
    let plant = Plant::new().unwrap();
    let agents = agents(&plant, 2);
    let mut older = plant.aggregator(SHARED, "max_rounds = 100000", "[allocation]\nmin_agents = 2\n").unwrap();
    older.wait_for("training begins").unwrap();
    let text = std::fs::read_to_string(plant.folder().join("aggregator.toml")).unwrap();
    let text = text.replace("max_rounds = 100000", "max_rounds = 50") + "[output]\ndirectory = \"other-output\"\n";
    plant.write("newer.toml", text).unwrap();
    let newer = plant.start("heijunka-aggregator", &["run", "--config", "newer.toml"], "newer.log").unwrap();
    let ended = older.wait().unwrap();
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    assert!(ended.log.contains("another aggregator has taken over job job: run 2"), "{}", ended.log);
    assert!(plant.card().unwrap()["training"]["ended"].is_null(), "what it had come to is kept in its own folder");
    finishes(newer);
    drop(agents);
}

#[test]
fn one_malformed_sender_does_not_stop_the_others() {
    let plant = Plant::new().unwrap();
    let agents = agents(&plant, 2);
    let mut aggregator = plant.aggregator(SHARED, "max_rounds = 200", "[allocation]\nmin_agents = 2\n").unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    aggregator.wait_for("training begins").unwrap();
    for channel in ["join", "gradient", "survey", "scores"] {
        let topic = format!("heijunka-wire/v2/test/job/{channel}/machine-0");
        for payload in [vec![], vec![0; 1], vec![2; 200_000], (0..=255).collect()] {
            watch.publish(&topic, payload);
        }
    }
    for topic in ["spec", "round", "assign/machine-1"] {
        watch.publish(&format!("heijunka-wire/v2/test/job/{topic}"), vec![2, 4, 0, 255, 255]);
    }
    let status = at_round(&mut watch, 150);
    assert!(status["rejected"].as_u64() >= Some(9), "{status}");
    finishes(aggregator);
    drop(agents);
}

#[test]
fn an_absent_broker_is_logged_when_it_leaves_at_intervals_and_when_it_is_back() {
    let mut plant = Plant::new().unwrap();
    let mut agent = agents(&plant, 1).remove(0);
    let mut aggregator = plant.aggregator(SHARED, "max_rounds = 100000", "").unwrap();
    aggregator.wait_for("training begins").unwrap();
    plant.mosquitto.kill().unwrap();
    for program in [&mut agent, &mut aggregator] {
        program.wait_for("still no connection to the broker after ").unwrap();
    }
    plant.mosquitto.start_again().unwrap();
    for program in [&mut agent, &mut aggregator] {
        program.wait_for("connected to the broker after ").unwrap();
        let log = program.text();
        // It tries at least once a second. Until the first reminder, after some seconds, one line is logged and not one
        // per attempt.
        let (before, _) = log.split_once("still no connection to the broker after ").unwrap();
        assert_eq!(before.matches("no connection to the broker").count(), 1, "{log}");
        assert!(!log.contains("in 0"), "{log}");
    }
}
