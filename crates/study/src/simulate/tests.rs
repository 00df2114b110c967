//! The command, from its arguments to its files.

use super::*;
use clap::Parser;
use serde_json::Value;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn run(arguments: &[&str]) {
    let line = Line::try_parse_from(["simulate"].iter().chain(arguments)).unwrap();
    simulate(&line.arguments).unwrap();
}

fn json(folder: &Path, arguments: &[&str]) -> String {
    let path = folder.join("figures.json");
    run(&[arguments, &["--json", path.to_str().unwrap()]].concat());
    std::fs::read_to_string(path).unwrap()
}

/// Two agents, b twice as slow: equal shares of 6 take 0.5 + 6 x 0.2 s, and every second round a second more.
fn trace(folder: &Path) -> String {
    let path = folder.join("pair.csv");
    let mut text = String::from("round,agent,network_s,fixed_s,seconds_per_sample\n");
    for round in 0..4 {
        text += &format!("{round},a,0.5,0,0.1\n{round},b,{},0,0.2\n", 0.5 + f64::from(round % 2));
    }
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn figures_of_equal_shares_are_those_of_the_hand() {
    let folder = tempfile::tempdir().unwrap();
    let trace = trace(folder.path());
    let text = json(folder.path(), &["--trace", &trace, "--policy", "equal", "--global-batch", "12", "--rounds", "61"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let near = |pointer: &str, expected: f64| {
        let found = report.pointer(pointer).and_then(Value::as_f64).unwrap();
        assert!((found - expected).abs() < 1e-6, "{pointer}: {found}");
    };
    near("/agents", 2.0);
    near("/global_batch_samples", 12.0);
    near("/rounds", 61.0);
    // 31 rounds of 1.7 s and 30 of 2.7 s; the trace begins again after its four rounds. After 50: 6 and 5.
    near("/mean_s", (31.0 * 1.7 + 30.0 * 2.7) / 61.0);
    near("/mean_after_50_s", (6.0 * 1.7 + 5.0 * 2.7) / 11.0);
    near("/p95_s", 2.7);
    near("/seconds_per_batch", (31.0 * 1.7 + 30.0 * 2.7) / 61.0);
    near("/samples_mean", 12.0);
    near("/reallocations", 0.0);
    near("/policies/equal/mean_s", (31.0 * 1.7 + 30.0 * 2.7) / 61.0);
    assert_eq!(report["policy"], "equal");
    assert_eq!(report["trace"], Value::from(trace));
}

#[test]
fn every_policy_stands_beside_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let text = json(folder.path(), &["--trace", &trace(folder.path()), "--rounds", "20"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    for policy in PolicyName::ALL {
        assert!(report["policies"][policy.as_str()]["mean_s"].as_f64().unwrap() > 0.0, "{policy}");
    }
    assert!(report["policies"]["equal"]["mean_after_50_s"].is_null(), "there are no rounds after 50");
    assert!(report.get("policy").is_none() && report.get("mean_s").is_none());
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let folder = tempfile::tempdir().unwrap();
    let of = |seed| json(folder.path(), &["--fleet", "busy", "--rounds", "60", "--seed", seed]);
    let first = of("3");
    assert_eq!(first, of("3"));
    assert_ne!(first, of("4"));
}

#[test]
fn a_fleet_is_as_fast_as_its_file_says() {
    // 256 samples of 1 ms on two machines, one of which takes 0.1 s more: 0.178 s at best.
    let folder = tempfile::tempdir().unwrap();
    let text = json(folder.path(), &["--fleet", "paper-0.1", "--rounds", "100", "--policy", "adaptive"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    let seconds = report["mean_after_50_s"].as_f64().unwrap();
    assert!((seconds - 0.178).abs() < 0.001, "{seconds}");
    // Gradients of 4 x 4810 bytes take 0.154 s at 1 Mbit/s.
    let text = json(folder.path(), &["--fleet", "slowlink", "--rounds", "5", "--policy", "equal"]);
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(report["mean_s"].as_f64().unwrap() > 0.154);
}

#[test]
fn the_batch_of_a_reference_beside_the_trace_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let trace = trace(folder.path());
    let reference = r#"{"pair": {"agents": 2, "global_batch_samples": 20}}"#;
    std::fs::write(folder.path().join("reference.json"), reference).unwrap();
    let report: Value = serde_json::from_str(&json(folder.path(), &["--trace", &trace])).unwrap();
    assert_eq!(report["global_batch_samples"], 20);
    assert_eq!(report["rounds"], 4);
}

#[test]
fn a_picture_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture.svg");
    run(&["--trace", &trace(folder.path()), "--policy", "adaptive", "--plot", path.to_str().unwrap()]);
    let picture = std::fs::read_to_string(path).unwrap();
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
    assert!(picture.contains("<title>adaptive</title>") && !picture.contains("<title>equal</title>"));
}

#[test]
fn wrong_arguments_are_refused() {
    for wrong in [
        &["--policy", "equal"] as &[&str],
        &["--trace", "a.csv", "--fleet", "busy"],
        &["--fleet", "busy", "--policy", "fair"],
        &["--fleet", "busy", "--rounds", "0"],
        &["--fleet", "busy", "--round-end", "never"],
        &["--fleet", "busy", "--global-batch", "0"],
    ] {
        assert!(Line::try_parse_from(["simulate"].iter().chain(wrong)).is_err(), "{wrong:?}");
    }
}
