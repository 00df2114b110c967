//! Limits that protect a machine's first job, over a real broker.

use crate::training::STEEL;
use crate::watch::Watch;
use heijunka_tests::{Plant, steel_plates};
use serde_json::Value;

const FOREVER: &str = "max_rounds = 1000000";

/// Hours that are on and off in turn, each time a quarter longer, for some half an hour from now: a machine of any speed
/// comes to a turn that is long enough for it.
fn turns() -> String {
    let now = jiff::ZonedDateTime::now();
    let at = |second: f64| {
        let time = now.checked_add(jiff::SignedDuration::from_secs(second as i64)).unwrap();
        time.strftime("%H:%M:%S").to_string()
    };
    let (mut begin, mut on_s) = (0.0, 5.0);
    let mut span = |_| {
        let end = begin + on_s;
        let span = format!("{}-{}", at(begin), at(end));
        (begin, on_s) = (end + 0.7 * on_s, 1.25 * on_s);
        span
    };
    (0..20).map(&mut span).collect::<Vec<_>>().join(", ")
}

fn is(code: &'static str, agent: &'static str) -> impl Fn(&str, &Value) -> bool {
    move |topic, event| topic.ends_with("events") && event["code"] == code && event["agent"] == agent
}

fn state(agent: &'static str, state: &'static str) -> impl Fn(&str, &Value) -> bool {
    move |topic, value| topic.ends_with(&format!("{agent}/state")) && value["state"] == state
}

#[test]
fn an_agent_leaves_when_its_hours_are_over_and_comes_back_by_itself() {
    let plant = Plant::new().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    let slow = "[status]\npublish_every = \"200ms\"\n[emulate]\nper_sample_us = 200\n";
    let steady = plant.agent("steady", &steel_plates(), slow).unwrap();
    let hours = format!("train_only = \"{}\"", turns());
    let nightly = plant.limited_agent("nightly", &steel_plates(), &hours, slow).unwrap();
    let aggregator = plant.aggregator(STEEL, FOREVER, "").unwrap();
    for _ in 0..2 {
        watch.next(is("HJ-101", "nightly"));
        let mut seen = Vec::new();
        let (_, leave) = watch.next(|topic, value| {
            seen.push(value["code"].clone());
            is("HJ-103", "nightly")(topic, value)
        });
        assert!(leave["message"].as_str().unwrap().contains("as scheduled by its [limits] train_only"), "{leave}");
        let (_, away) = watch.next(state("nightly", "away"));
        assert!(away["reason"].as_str().unwrap().starts_with("until "), "{away}");
        for failure in ["HJ-102", "HJ-140", "HJ-141", "HJ-143"] {
            assert!(!seen.contains(&failure.into()), "{failure}: {seen:?}");
        }
    }
    let (_, status) = watch.next(|topic, value| topic.ends_with("aggregator/status") && value["round"].is_u64());
    assert_eq!(status["rounds_given_up"], 0);
    for agent in [steady, nightly] {
        let ended = agent.stop().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
    watch.next(state("nightly", "offline"));
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
}

#[test]
fn a_job_whose_only_agent_is_away_waits_for_it() {
    let plant = Plant::new().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    let hours = format!("train_only = \"{}\"", turns());
    let slow = "[emulate]\nper_sample_us = 200\n";
    let agent = plant.limited_agent("nightly", &steel_plates(), &hours, slow).unwrap();
    let aggregator = plant.aggregator(STEEL, FOREVER, "").unwrap();
    let paused = |topic: &str, event: &Value| topic.ends_with("events") && event["code"] == "HJ-130";
    let (_, event) = watch.next(paused);
    assert_eq!(event["level"], "info", "{event}");
    assert!(event["message"].as_str().unwrap().contains("Away as scheduled: 1 agent"), "{event}");
    watch.next(|topic, event| topic.ends_with("events") && event["code"] == "HJ-131");
    assert_eq!(agent.stop().unwrap().code, Some(0));
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
}

#[test]
fn an_agent_reports_that_its_own_limit_slows_it_down_and_the_job_still_finishes() {
    let plant = Plant::new().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    let often = "[status]\npublish_every = \"200ms\"\n";
    let limits = "cpu_share_percent = 30\nuplink = \"256kbit/s\"";
    let limited = plant.limited_agent("limited", &steel_plates(), limits, often).unwrap();
    let others = ["free-1", "free-2"].map(|id| plant.agent(id, &steel_plates(), often).unwrap());
    // With data of its own it has a share whatever its speed.
    let task = format!("{STEEL}\ndata = \"private\"");
    let aggregator = plant.aggregator(&task, "max_rounds = 20", "[allocation]\nmin_agents = 3\n").unwrap();
    let (_, info) = watch.next(|topic, _| topic.ends_with("limited/info"));
    assert_eq!((&info["cpu_share_percent"], &info["uplink_bps"]), (&30.into(), &256_000.into()), "{info}");
    let (_, status) =
        watch.next(|topic, value| topic.ends_with("limited/status") && value["dominated_by"] == "own limit");
    assert!(status["why"].as_str().unwrap().contains("by its own [limits]"), "{status}");
    assert!(status["limit_seconds"].as_f64() > Some(0.0), "{status}");
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for agent in others.into_iter().chain([limited]) {
        assert_eq!(agent.stop().unwrap().code, Some(0));
    }
}

#[test]
fn an_aggregator_keeps_to_its_downlink_and_no_agent_is_late_for_it() {
    let plant = Plant::new().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    let agents = ["press-07", "oven-02"].map(|id| plant.agent(id, &steel_plates(), "").unwrap());
    // 2,257 parameters take 45 ms at this rate.
    let more = "[limits]\ndownlink = \"1.6Mbit/s\"\n[allocation]\nmin_agents = 2\n";
    let aggregator = plant.aggregator(STEEL, "max_rounds = 60", more).unwrap();
    let held = |value: &Value| value["downlink_held_seconds"].as_f64().unwrap_or_default();
    let (_, status) = watch.next(|topic, value| {
        assert!(value["code"] != "HJ-140" && value["code"] != "HJ-141", "{value}");
        topic.ends_with("aggregator/status") && value["phase"] == "finished"
    });
    assert_eq!((&status["downlink_bps"], &status["rounds_given_up"]), (&1_600_000.into(), &0.into()), "{status}");
    assert!(held(&status) > 60.0 * 0.03, "each round waits until its model has left: {status}");
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for agent in agents {
        assert_eq!(agent.stop().unwrap().code, Some(0));
    }
    let checked = plant.start("heijunka-aggregator", &["check", "--config", "aggregator.toml"], "check.log").unwrap();
    let checked = checked.wait().unwrap();
    let line = "ok    downlink: 1.6Mbit/s: every 100000 parameters take 2.0 s to send whole; HJ-172 reports the model's own time";
    assert!(checked.log.lines().any(|said| said == line), "{}", checked.log);
}
