//! What people's tools see.

use crate::training::STEEL;
use crate::watch::Watch;
use heijunka_tests::{Plant, steel_plates};

#[test]
fn the_json_topics_hold_what_the_protocol_says() {
    let plant = Plant::new().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    let more = "[status]\npublish_every = \"200ms\"\n[emulate]\nper_sample_us = 200";
    let agent = plant.agent("press-07", &steel_plates(), more).unwrap();
    let (_, state) = watch.next(|topic, _| topic.ends_with("agents/press-07/state"));
    assert_eq!(state["state"], "online");
    assert!(state["since"].as_str().unwrap().ends_with('Z'));
    let aggregator = plant.aggregator(STEEL, "max_rounds = 100000", "").unwrap();
    let (_, state) = watch.next(|topic, _| topic.ends_with("aggregator/state"));
    assert_eq!((&state["state"], &state["run"]), (&"online".into(), &1.into()));
    let (_, event) = watch.next(|topic, value| topic.ends_with("events") && value["code"] == "HJ-101");
    assert_eq!(event["agent"], "press-07");
    let (_, info) = watch.next(|topic, value| topic.ends_with("press-07/info") && value["rows"] != 0);
    assert_eq!(info["rows"].as_u64().unwrap() + info["held_out_rows"].as_u64().unwrap(), 1941);
    let (_, status) =
        watch.next(|topic, value| topic.ends_with("press-07/status") && value["round"].as_u64() > Some(3));
    assert_eq!(status["share_samples"], 256);
    assert_eq!(status["share_ratio"], 1.0);
    assert!(status["compute_seconds"].as_f64() > Some(0.05), "{status}");
    let (_, status) =
        watch.next(|topic, value| topic.ends_with("aggregator/status") && value["round"].as_u64() > Some(3));
    assert_eq!((&status["phase"], &status["agents_online"]), (&"training".into(), &1.into()));
    agent.kill().unwrap();
    let (_, state) = watch.next(|topic, value| topic.ends_with("press-07/state") && value["state"] == "offline");
    assert_eq!(state["reason"], "connection lost");
    let (_, event) = watch.next(|topic, value| topic.ends_with("events") && value["code"] == "HJ-130");
    assert!(event["message"].as_str().unwrap().contains("training pauses"), "{event}");
    let ended = aggregator.stop().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let (_, state) = watch.next(|topic, value| topic.ends_with("aggregator/state") && value["state"] == "offline");
    assert_eq!(state["reason"], "it was asked to stop");
    assert!(plant.card().is_ok(), "a stopped job keeps its model");
}

#[test]
fn a_clean_stop_says_so() {
    let plant = Plant::new().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/agents/+/state");
    let agent = plant.agent("press-07", &steel_plates(), "").unwrap();
    watch.next(|_, state| state["state"] == "online");
    let ended = agent.stop().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let (_, state) = watch.next(|_, state| state["state"] == "offline");
    assert_eq!(state["reason"], "stopped", "F9: a clean DISCONNECT suppresses the will");
}
