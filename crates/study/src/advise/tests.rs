//! The command, from its arguments to its findings.

use super::*;
use clap::Parser;
use serde_json::Value;
use std::fmt::Write as _;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// PC-1 and PC-2 take 10 ms per sample, PC-3 30 ms; with equal shares of 20 it is awaited for 0.6 s.
fn trace(folder: &Path) -> String {
    let path = folder.join("trace.csv");
    let mut text = String::from("round,agent,network_s,fixed_s,seconds_per_sample\n");
    for round in 0..150 {
        for (agent, per_sample) in [("PC-1", 0.01), ("PC-2", 0.01), ("PC-3", 0.03)] {
            writeln!(text, "{round},{agent},0,0,{per_sample}").unwrap();
        }
    }
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn report(arguments: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (trace, path) = (trace(folder.path()), folder.path().join("findings.json"));
    let fixed = ["advise", "--trace", &trace, "--global-batch", "60", "--json", path.to_str().unwrap()];
    let line = Line::try_parse_from(fixed.iter().chain(arguments)).unwrap();
    advise(&line.arguments).unwrap();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_slow_machine_hinders_equal_shares_and_helps_levelled_ones() {
    let equal = report(&["--policy", "equal"]);
    let first = &equal["findings"][0];
    // Without it: 30 samples each take 0.3 s.
    assert_eq!((first["change"].as_str(), first["agent"].as_str()), (Some("without"), Some("PC-3")));
    assert_eq!(first["text"], "without PC-3 rounds are 50 % shorter (0.300 s instead of 0.600 s)");
    assert_eq!(equal["equal_shares"]["text"], "equal shares would have done as well");

    let levelled = report(&["--policy", "adaptive", "--per-week-rounds", "36000"]);
    // 60 samples of 2 x 100 + 33.3 a second take 0.257 s; with one more machine of 100 a second 0.18 s.
    let first = &levelled["findings"][0];
    assert_eq!(first["change"], "second");
    let text = first["text"].as_str().unwrap();
    assert!(text.starts_with("a second PC-") && text.contains(" saves 3") && text.ends_with("a week"), "{text}");
    let saving = first["saving_fraction"].as_f64().unwrap();
    assert!((saving - 0.3).abs() < 0.02, "{saving}");
    let last = levelled["findings"].as_array().unwrap().last().unwrap();
    assert!(last["text"].as_str().unwrap().contains("longer"), "{last}");
    assert_eq!(levelled["findings"].as_array().unwrap().len(), 6);
    let more = levelled["equal_shares"]["more_seconds"].as_f64().unwrap();
    assert!((more - 150.0 * (0.6 - 0.26)).abs() < 1.0, "{more}");
}

#[test]
fn a_finish_is_told_with_its_probability() {
    let arguments = ["--policy", "adaptive", "--rounds-left", "100000", "--now", "22:00", "--finish-by", "06:00"];
    // 100,000 rounds of 0.26 s: seven hours and a quarter.
    let finish = &report(&arguments)["finish"];
    assert_eq!((finish["by"]["yes"].as_bool(), finish["by"]["probability"].as_f64()), (Some(true), Some(1.0)));
    let text = finish["text"].as_str().unwrap();
    assert!(text.contains("the next day with 95 %") && text.contains("done by 06:00: yes"), "{text}");
    assert_eq!(report(&arguments)["finish"], *finish, "the same seed gives the same answer");
}

#[test]
fn fleets_of_one_and_short_traces_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, json) = (folder.path().join("one.csv"), folder.path().join("one.json"));
    std::fs::write(&trace, "round,agent,network_s,fixed_s,seconds_per_sample\n0,7,0,0,0.01\n").unwrap();
    let words = ["advise", "--trace", trace.to_str().unwrap(), "--json", json.to_str().unwrap(), "--rounds-left", "9"];
    advise(&Line::try_parse_from(words).unwrap().arguments).unwrap();
    let report: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(report["findings"][0]["text"], "a second agent 7 saves 50 % (1.280 s instead of 2.560 s)");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    assert!((report["finish"]["p95_s"].as_f64().unwrap() - 9.0 * 2.56).abs() < 1e-6);
}

#[test]
fn the_work_is_bounded() {
    assert_eq!(affordable(8, 500), 500);
    assert_eq!(affordable(8, 1_000_000), 1388);
    assert_eq!(affordable(64, 1_000_000), ROUNDS_MIN);
    assert_eq!(affordable(64, 20), 20);
    let wrong = ["advise", "--trace", "a.csv", "--finish-by", "06:00"];
    assert!(Line::try_parse_from(wrong).is_err(), "how many rounds?");
}

#[test]
fn machines_that_add_nothing_are_named() {
    // The third machine's network is so slow that it never gets a share.
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("far.csv");
    let mut text = String::from("round,agent,network_s,fixed_s,seconds_per_sample\n");
    for round in 0..120 {
        write!(text, "{round},a,0,0,0.01\n{round},b,0,0,0.01\n{round},far,9,0,0.01\n").unwrap();
    }
    std::fs::write(&trace, text).unwrap();
    let source = Source::load_trace(&trace).unwrap();
    let fleet = source.fleetlike();
    let setup = Setup { round_end: RoundEnd::Exact, batch_samples: 60, rounds: 120, seed: 0 };
    let tried = WhatIf { fleet: &fleet, recorded: 120, setup, policy: PolicyName::Adaptive }.tries().unwrap();
    let base = Figures::new(&tried.base, &setup).settled_s();
    assert_eq!(idle(&tried.findings(base, None)), "without far, rounds take as long as with it\n");
}
