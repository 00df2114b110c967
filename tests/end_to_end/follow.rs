//! Rows are scored as they are added to a file, and their predictions published.

use crate::watch::Watch;
use heijunka_tests::Plant;
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::process::Command;

const TOPIC: &str = "heijunka/test/job/predictions";

/// A plant with a model for y = 2 a - b, found from rows whose numbers have decimal commas.
fn plant() -> Plant {
    let plant = Plant::new().unwrap();
    let comma = |number: f64| number.to_string().replace('.', ",");
    let row = |i: u32| {
        let (a, b) = (f64::from(i * 7 % 100) / 10.0, f64::from(i * 13 % 50) / 5.0);
        format!("{};{};{}\n", comma(a), comma(b), comma(2.0 * a - b))
    };
    let text = (0..200).map(row).fold(String::from("a;b;y\n"), |text, row| text + &row);
    let data = plant.write("line.csv", text).unwrap();
    let agent = plant.agent("press-07", &data, "").unwrap();
    let aggregator = plant.aggregator("kind = \"regression\"\ntarget = \"y\"", "max_rounds = 20", "").unwrap();
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agent);
    plant
}

/// What `predict` says of the rows of a file.
fn predicted(plant: &Plant, file: &str) -> Vec<f64> {
    let arguments = ["predict", "--data", file, "--output", "predictions.csv"];
    let ended = plant.start("heijunka-aggregator", &arguments, "predict.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let text = std::fs::read_to_string(plant.folder().join("predictions.csv")).unwrap();
    text.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse().unwrap()).collect()
}

fn is(said: &Value, row: u64, value: f64) {
    assert_eq!(said["row"], row, "{said}");
    assert!((said["prediction"].as_f64().unwrap() - value).abs() < 2e-6, "{said} {value}");
    assert_eq!((&said["run"], &said["rounds"]), (&1.into(), &20.into()));
    assert!(said["time"].as_str().unwrap().ends_with('Z'), "{said}");
}

#[test]
fn rows_are_scored_as_they_come_whatever_the_broker_does() {
    let mut plant = plant();
    plant.write("all.csv", "a;b\n9;9\n2,5;4\n3;3\n4,5;0,5\n").unwrap();
    let expected = predicted(&plant, "all.csv");
    let path = plant.write("new.csv", "a;b\n9;9\n").unwrap();
    let append = |text: &str| File::options().append(true).open(&path).unwrap().write_all(text.as_bytes()).unwrap();
    let mut watch = Watch::new(&plant, TOPIC);
    let arguments = ["predict", "--follow", "--data", "new.csv"];
    let mut follower = plant.start("heijunka-aggregator", &arguments, "follow.log").unwrap();
    follower.wait_for("1 row so far").unwrap();
    append("2,5;4\noops;1\n3;");
    is(&watch.next(|_, _| true).1, 1, expected[1]);
    append("3\n");
    is(&watch.next(|_, _| true).1, 3, expected[2]);
    plant.mosquitto.kill().unwrap();
    append("4,5;0,5\n");
    follower.wait_for("no connection to the broker").unwrap();
    // It must not find the broker before this test has subscribed.
    follower.freeze().unwrap();
    plant.mosquitto.start_again().unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/#");
    follower.thaw().unwrap();
    // The row before may come again: the broker may have died between sending it on and acknowledging it.
    is(&watch.next(|topic, said| topic == TOPIC && said["row"] != 3).1, 4, expected[3]);
    let ended = follower.stop().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("row 2 is skipped: column 'a'"), "{}", ended.log);
    assert!(ended.log.contains("3 predictions published, 1 row skipped, 0 lost"), "{}", ended.log);
}

#[test]
fn standard_input_is_scored_to_its_end() {
    let plant = plant();
    let rows: String = (0..5000).map(|i| format!("{i};{}\n", i % 7)).collect();
    let path = plant.write("all.csv", format!("a;b\n{rows}")).unwrap();
    let expected = predicted(&plant, "all.csv");
    let mut watch = Watch::new(&plant, "a/topic/of/ours");
    let program = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().join("heijunka-aggregator");
    let output = Command::new(program)
        .args(["predict", "--follow", "--from", "-", "--topic", "a/topic/of/ours"])
        .current_dir(plant.folder())
        .stdin(File::open(path).unwrap())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(log.contains("5000 predictions published, 0 rows skipped, 0 lost"), "{log}");
    for (row, value) in expected.iter().enumerate() {
        is(&watch.next(|_, _| true).1, row as u64, *value);
    }
}
