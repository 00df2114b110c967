//! Rare failures: they are found by a threshold that suits them, or as what is not like normal rows.

use crate::export::{program, python, same};
use heijunka_tests::{Plant, Program};

/// Numbers in [0, 1) that look random, the same ones every time.
fn noise() -> impl FnMut() -> f64 {
    let mut state = 20_261_124_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Area under the curve of precision over recall, as scikit-learn's `average_precision_score` defines it.
fn average_precision(mut rows: Vec<(f64, bool)>) -> f64 {
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = rows.iter().filter(|(_, positive)| *positive).count() as f64;
    let (mut hits, mut seen, mut area) = (0.0, 0.0, 0.0);
    for equal in rows.chunk_by(|a, b| a.0 == b.0) {
        let more = equal.iter().filter(|(_, positive)| *positive).count() as f64;
        (hits, seen) = (hits + more, seen + equal.len() as f64);
        area += more / positives * (hits / seen);
    }
    area
}

/// Lines of a table given to three agents, five, three and two in ten; `all` is the table of those `shown`.
fn divide(plant: &Plant, header: &str, lines: &[String], shown: impl Fn(&str) -> bool) -> Vec<Program> {
    let write = |name: &str, lines: &mut dyn Iterator<Item = &String>| {
        let text = lines.fold(format!("{header}\n"), |text, line| text + line + "\n");
        plant.write(name, text).unwrap()
    };
    write("all.csv", &mut lines.iter().filter(|line| shown(line)));
    let agents = [("press-1", 0..5), ("press-2", 5..8), ("press-3", 8..10)];
    let agents = agents.into_iter().map(|(name, tenths)| {
        let own = lines.iter().enumerate().filter(|(line, _)| tenths.contains(&(line % 10))).map(|(_, line)| line);
        plant.agent(name, &write(&format!("{name}.csv"), &mut own.into_iter()), "").unwrap()
    });
    agents.collect()
}

/// The last column of the table with all rows, and each row's column `name` of what `predict` has said.
fn predicted(plant: &Plant, name: &str) -> Vec<(String, String)> {
    let read = |file: &str| std::fs::read_to_string(plant.folder().join(file)).unwrap();
    let (table, predictions) = (read("all.csv"), read("predictions.csv"));
    let place = predictions.lines().next().unwrap().split(',').position(|own| own == name).unwrap();
    let said = predictions.lines().skip(1).map(|line| line.split(',').nth(place).unwrap().to_owned());
    table.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().to_owned()).zip(said).collect()
}

#[test]
fn a_rare_failure_is_ranked_and_decided_for_by_cost() {
    let plant = Plant::new().unwrap();
    let mut next = noise();
    // A bearing fails where load and heat come together, and not always.
    let line = |row: usize| {
        let (load, heat, oil) = (next(), next(), next());
        let fails = load * heat + 0.12 * (next() - 0.5) > 0.78;
        let split = if row.is_multiple_of(4) { "test" } else { "train" };
        format!("{load:.5},{heat:.5},{oil:.5},{split},{}", u8::from(fails))
    };
    let lines: Vec<String> = (0..3000).map(line).collect();
    let agents = divide(&plant, "load,heat,oil,split,fails", &lines, |line| line.contains("test"));
    let task = "kind = \"classification\"\ntarget = \"fails\"\nclass_weights = { 1 = 4 }\n\
                costs = { missed = 30, false_alarm = 1 }";
    let training = "max_rounds = 150\nlearning_rate = 0.01\nvalidation_column = \"split\"\n\
                    score_every_rounds = 50\nstop_when_no_better_for_rounds = 150";
    let more = "[model]\nhidden = [16]\n[allocation]\nmin_agents = 3\n[gradient]\ncodec = \"int8\"";
    let ended = plant.aggregator(task, training, more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agents);
    let card = plant.card().unwrap();
    let figure = |name: &str| card["scores"][name].as_f64().unwrap();
    assert_eq!((card["decision"]["positive"].as_str(), figure("held_out_rows")), (Some("1"), 750.0));
    assert!(figure("pr_auc") > 0.8 && figure("pr_auc") <= 1.0, "{card}");

    // The card's figures are those of the held-out rows themselves, as near as it says.
    let log = program(&plant, &["predict", "--data", "all.csv", "--output", "predictions.csv"]);
    assert!(log.contains("750 rows with a known target") && log.contains("PR-AUC"), "{log}");
    let probability = predicted(&plant, "probability").into_iter().zip(predicted(&plant, "prediction"));
    let rows: Vec<(f64, bool)> = probability
        .map(|((truth, probability), (_, class))| {
            let probability: f64 = probability.parse().unwrap();
            (if class == "1" { probability } else { 1.0 - probability }, truth == "1")
        })
        .collect();
    let exact = average_precision(rows);
    let off = (exact - figure("pr_auc")).abs();
    assert!(off <= figure("pr_auc_off_max") + 1e-6, "{exact} {off} {card}");
    assert!(figure("pr_auc_off_max") < 0.1, "{card}");
    let mistakes = |truth: &str, class: &str| {
        let said = predicted(&plant, "prediction");
        said.iter().filter(|(own, said)| own == truth && said == class).count() as f64
    };
    let cost = (30.0 * mistakes("1", "0") + mistakes("0", "1")) / 750.0;
    assert!((cost - figure("cost_per_row")).abs() < 1e-9, "{cost} {card}");
    program(&plant, &["predict", "--data", "all.csv", "--output", "predictions.csv", "--threshold", "1"]);
    assert_eq!(mistakes("0", "1") + mistakes("1", "1"), 0.0, "nothing is certain");
    let history = std::fs::read_to_string(plant.folder().join("heijunka-output/history.csv")).unwrap();
    assert!(history.lines().next().unwrap().contains("pr_auc,roc_auc,best_f1,threshold,cost_per_row"));
    let Some(python) = python() else { return };
    same(&plant, &python, "all.csv", "heijunka-output/model.onnx");
}

/// Four gauges of one machine that follow load and speed; a fault breaks how they hang together, not their ranges.
fn gauges(rows: usize, has_faults: impl Fn(usize) -> bool) -> Vec<String> {
    let mut next = noise();
    let line = |row: usize| {
        let (load, speed) = (next(), next());
        let fault = has_faults(row) && next() < 0.1;
        let shown = if fault { 1.0 - load } else { load };
        let mut jitter = || 0.02 * (next() - 0.5);
        let (current, heat) = (0.7 * load + 0.3 * speed + jitter(), 50.0 + 30.0 * shown + 10.0 * jitter());
        let (flow, rpm) = (4.0 * speed + jitter(), 1000.0 * speed + 2000.0 * jitter());
        format!("{current:.5},{heat:.4},{flow:.5},{rpm:.3},{}", if fault { "broken" } else { "ok" })
    };
    (0..rows).map(line).collect()
}

#[test]
fn what_only_one_machine_has_is_an_anomaly_for_all() {
    let plant = Plant::new().unwrap();
    // Of each ten lines the last two are press-3's: the only ones with faults.
    let lines = gauges(3000, |row| row % 10 >= 8);
    let faults = lines.iter().filter(|line| line.ends_with("broken")).count() as f64;
    let agents = divide(&plant, "current,heat,flow,rpm,state", &lines, |_| true);
    let task = "kind = \"anomaly\"\ntarget = \"state\"\nnormal = \"ok\"\nthreshold_quantile = 0.98";
    let training = "max_rounds = 400\nlearning_rate = 0.01\nschedule = \"cosine\"";
    let more = "[model]\nhidden = [8, 2, 8]\nactivation = \"tanh\"\n[allocation]\nmin_agents = 3";
    let ended = plant.aggregator(task, training, more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agents);
    let card = plant.card().unwrap();
    let figure = |name: &str| card["scores"][name].as_f64().unwrap();
    // Every fault is scored, none is trained on.
    assert_eq!(figure("positive_rows"), faults);
    let counted = |name: &str| -> f64 {
        card["data"]["agents"].as_array().unwrap().iter().map(|agent| agent[name].as_f64().unwrap()).sum()
    };
    assert_eq!(counted("rows") + counted("held_out_rows"), 3000.0);
    assert!(counted("rows") < 3000.0 - faults && card["model"]["widths"] == serde_json::json!([4, 8, 2, 8, 4]));
    assert!(figure("pr_auc") > 0.9 && figure("f1_at_threshold") > 0.7, "{card}");
    assert!(figure("false_alarm_share") <= 0.02, "{card}");
    assert_eq!(
        (card["decision"]["threshold"].as_f64(), card["normal"].as_str()),
        (card["scores"]["threshold"].as_f64(), Some("ok"))
    );

    let log = program(&plant, &["predict", "--data", "all.csv", "--output", "predictions.csv"]);
    assert!(log.contains("F1 of anomalies"), "{log}");
    let score = predicted(&plant, "score");
    let exact =
        average_precision(score.iter().map(|(truth, score)| (score.parse().unwrap(), truth == "broken")).collect());
    assert!(exact > 0.85, "{exact}");
    let found =
        predicted(&plant, "prediction").into_iter().filter(|(truth, said)| truth == "broken" && said == "anomaly");
    assert_eq!(found.count() as f64, (figure("recall_at_threshold") * faults).round());
    let Some(python) = python() else { return };
    same(&plant, &python, "all.csv", "heijunka-output/model.onnx");
    program(&plant, &["export", "--onnx", "double.onnx", "--double"]);
    same(&plant, &python, "all.csv", "double.onnx");
}

#[test]
fn windows_without_labels_have_a_threshold_too() {
    let plant = Plant::new().unwrap();
    let agents = divide(&plant, "current,heat,flow,rpm,state", &gauges(1500, |_| false), |_| true);
    let task = "kind = \"anomaly\"\ntarget = \"\"\nignore = [\"state\"]\nwindow_rows = 3";
    let training = "max_rounds = 100\nlearning_rate = 0.01\nvalidation = \"last\"";
    let ended = plant.aggregator(task, training, "[allocation]\nmin_agents = 3").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agents);
    let card = plant.card().unwrap();
    assert_eq!(card["model"]["widths"], serde_json::json!([12, 24, 4, 24, 12]), "chosen by the number of inputs");
    assert!(card["scores"]["pr_auc"].is_null() && card["decision"]["threshold"].as_f64() > Some(0.0), "{card}");
    let log = program(&plant, &["predict", "--data", "all.csv", "--output", "predictions.csv"]);
    let said = std::fs::read_to_string(plant.folder().join("predictions.csv")).unwrap();
    let empty = said.lines().filter(|line| line.ends_with(",,")).count();
    assert_eq!((said.lines().count(), empty), (1 + 1500, 2), "{log}");
    let alarms = said.lines().filter(|line| line.contains("anomaly")).count();
    assert!(alarms < 60, "{alarms} of 1498 windows, all normal");
}
