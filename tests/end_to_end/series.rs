//! Data in order of time: examples of several rows, and files that grow while the job runs.

use crate::watch::Watch;
use heijunka_tests::Plant;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;

/// Rows of a machine: y says how much x has grown over the last two rows, which no single row shows.
fn rows(machine: u32, from: u32, to: u32) -> String {
    let x = |i: u32| f64::from((i * 37 + machine * 11) % 101) / 10.0;
    let row = |i: u32| format!("{};{:.1};{:.1}\n", 1_790_000_000 + i * 10, x(i), x(i) - x(i.saturating_sub(2)));
    (from..to).map(row).collect::<String>().replace('.', ",")
}

const CLOCK: &str = "timestamp_column = \"t\"\ntimestamp_gap = \"1min\"";

fn agents(card: &Value) -> Vec<u64> {
    card["data"]["agents"].as_array().unwrap().iter().map(|agent| agent["rows"].as_u64().unwrap()).collect()
}

#[test]
fn examples_of_several_rows_are_learned_by_uneven_machines() {
    let plant = Plant::new().unwrap();
    let programs: Vec<_> = [100, 250, 400]
        .into_iter()
        .enumerate()
        .map(|(machine, count)| {
            let data = plant.write(&format!("m{machine}.csv"), format!("t;x;y\n{}", rows(machine as u32, 0, count)));
            plant.agent(&format!("m-{machine}"), &data.unwrap(), CLOCK).unwrap()
        })
        .collect();
    let task = format!("kind = \"regression\"\ntarget = \"y\"\nwindow_rows = 3\n{CLOCK}");
    let training = "max_rounds = 300\nlearning_rate = 0.02\nvalidation = \"last\"";
    let more = "[model]\nhidden = []\n[allocation]\nmin_agents = 3\n";
    let ended = plant.aggregator(&task, training, more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("1 column in windows of 3 rows make 3 inputs"), "{}", ended.log);
    let card = plant.card().unwrap();
    assert_eq!(card["model"]["widths"], json!([3, 1]));
    assert_eq!(card["data"]["window"], json!({ "rows": 3, "every": 1 }));
    assert_eq!(card["data"]["timestamps"], json!({ "column": "t", "format": null, "gap_s": 60.0 }));
    assert_eq!(card["data"]["held_out"], "the last 0.2 of each file");
    assert_eq!(agents(&card), [78, 198, 318], "less two rows each, and a fifth at the end");
    assert_eq!(card["scores"]["held_out_rows"], 150);
    let rmse = card["scores"]["rmse"].as_f64().unwrap();
    assert!(rmse < 0.1, "y lies some 4 from its mean: {rmse}");
    for program in programs {
        let ended = program.stop().unwrap();
        assert!(ended.log.contains("windows of 3 rows used"), "{}", ended.log);
    }
    // Four rows, a pause, and three more.
    plant.write("new.csv", "t;x\n1;1,5\n2;2,0\n3;4,0\n4;0,5\n90;1,0\n91;2,0\n92;3,0\n").unwrap();
    let arguments = ["predict", "--data", "new.csv", "--output", "predictions.csv"];
    let ended = plant.start("heijunka-aggregator", &arguments, "predict.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let text = std::fs::read_to_string(plant.folder().join("predictions.csv")).unwrap();
    let said: Vec<Option<f64>> =
        text.lines().skip(1).map(|line| line.split_once(',').unwrap().1.parse().ok()).collect();
    let expected = [None, None, Some(2.5), Some(-1.5), None, None, Some(2.0)];
    let is_near = |(said, expected): (&Option<f64>, &Option<f64>)| {
        said.zip(*expected)
            .map_or(said.is_none() && expected.is_none(), |(said, expected)| (said - expected).abs() < 0.3)
    };
    assert!(said.len() == 7 && said.iter().zip(&expected).all(is_near), "{said:?}");
    assert!(
        ended.log.contains("7 rows, 3 predicted; 4 without a prediction: 4 with fewer than 2 whole rows"),
        "{}",
        ended.log
    );
}

#[test]
fn new_rows_are_trained_on_while_the_job_runs() {
    let plant = Plant::new().unwrap();
    let data = plant.write("a.csv", format!("t;x;y\n{}", rows(1, 0, 100))).unwrap();
    let look = "look_again_every = \"1s\"";
    let mut growing = plant.agent("growing", &data, look).unwrap();
    let pattern = plant.folder().join("part-*.csv");
    plant.write("part-1.csv", format!("t;x;y\n{}", rows(2, 0, 50))).unwrap();
    let mut joined = plant.agent("joined", &pattern, look).unwrap();
    let mut info = Watch::new(&plant, "heijunka/test/job/agents/growing/info");
    let task = "kind = \"regression\"\ntarget = \"y\"\nignore = [\"t\"]";
    let training = "max_rounds = 100000000\nscore_every_rounds = 1000000\nvalidation_fraction = 0.0";
    let mut aggregator = plant.aggregator(task, training, "[allocation]\nmin_agents = 2\n").unwrap();
    aggregator.wait_for("training begins with 2 agents").unwrap();
    // The last line is not whole yet.
    let append = |text: &str| File::options().append(true).open(&data).unwrap().write_all(text.as_bytes()).unwrap();
    append(&format!("{}1790009999;1,0;0,", rows(1, 100, 160)));
    plant.write("part-2.csv", format!("y;x;t\n{}", "0,5;1,5;9\n".repeat(25))).unwrap();
    growing.wait_for("a.csv has changed: 160 rows used").unwrap();
    joined.wait_for("part-*.csv has changed: 75 rows used").unwrap();
    let said = info.next(|_, said| said["rows"] == 160).1;
    assert_eq!(said["data"], "160 rows used (0 held out), 0 skipped");
    // What does not fit is left alone.
    append("5\n1790010000;broken;0\n");
    growing.wait_for("a.csv has changed, and training continues without the new rows: column 'x'").unwrap();
    assert!(growing.is_running() && aggregator.is_running());
    let ended = aggregator.stop().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(agents(&plant.card().unwrap()), [160, 75]);
}
