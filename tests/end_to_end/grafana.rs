//! What docs/grafana shows is served.

use crate::training::STEEL;
use crate::web::{address, get};
use heijunka_tests::{Plant, Program, steel_plates};
use std::collections::BTreeSet;
use std::path::Path;

/// Metrics of Heijunka and of its processes that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let words = text.split(|c| !is_part(c));
    words.filter(|word| word.starts_with("heijunka_") || word.starts_with("process_")).collect()
}

/// Metrics that have a sample.
fn served(text: &str) -> BTreeSet<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

/// What an aggregator serves once it has scored.
fn scored(plant: &Plant, task: &str, more: &str) -> (Program, String) {
    let more = format!("[web]\nlisten = \"127.0.0.1:0\"\n{more}");
    let mut aggregator = plant.aggregator(task, "max_rounds = 100000\nscore_every_rounds = 5", &more).unwrap();
    let address = address(&mut aggregator, "training begins");
    let text = crate::web::until(&address, "/metrics", "heijunka_held_out_loss");
    (aggregator, text)
}

#[test]
fn every_metric_of_the_dashboard_and_of_the_alerts_is_served() {
    let plant = Plant::new().unwrap();
    let door = "[status]\nhttp_listen = \"127.0.0.1:0\"";
    let limits = "cpu_share_percent = 50\nuplink = \"10Mbit/s\"";
    let mut agent = plant.limited_agent("press-07", &steel_plates(), limits, door).unwrap();
    let (aggregator, classes) = scored(&plant, STEEL, "[limits]\ndownlink = \"10Mbit/s\"");
    agent.wait_for("figures for Prometheus are at http://").unwrap();
    let log = agent.text();
    let (_, rest) = log.split_once("figures for Prometheus are at http://").unwrap();
    let own = get(rest.split('/').next().unwrap(), "/metrics");
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    let regression = "kind = \"regression\"\ntarget = \"Steel_Plate_Thickness\"\nignore = [\"split\", \"fault\"]";
    let (aggregator, values) = scored(&plant, regression, "[output]\ndirectory = \"other\"");
    let all: BTreeSet<&str> = [&classes, &own, &values].into_iter().flat_map(|text| served(text)).collect();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grafana");
    for file in ["dashboard.json", "alerts.yml"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let lacking: Vec<&str> = named(&text).into_iter().filter(|name| !all.contains(name)).collect();
        assert!(
            named(&text).len() > 5 && lacking.is_empty(),
            "{file} names metrics that no program serves: {lacking:?}"
        );
    }
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
}
