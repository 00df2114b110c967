//! Predictions of a model that looks at two rows, held against windows that are cut by hand.

use super::scorer::{Scored, Scorer};
use super::tail::Line;
use super::{Arguments, Trained, once};
use clap::Parser;
use serde_json::{Value, json};

/// A row: seconds, machine, a.
type Row = (i64, &'static str, f64);

/// Two machines by turns; x pauses for a minute, y has a cell that is empty.
const ROWS: [Row; 12] = [
    (0, "x", 1.0),
    (0, "y", 50.0),
    (10, "x", 4.0),
    (10, "y", 51.0),
    (20, "x", 2.0),
    (20, "y", f64::NAN),
    (80, "x", 9.0),
    (80, "y", 57.0),
    (90, "x", 8.5),
    (90, "y", 59.5),
    (101, "x", 3.0),
    (100, "y", 60.0),
];

/// The prediction of each row: by how much a has grown since the row before, if that one is whole, of the same machine,
/// and no longer ago than ten seconds.
fn by_hand(rows: &[Row]) -> Vec<Option<f64>> {
    let before = |(seconds, machine, _): &Row| {
        let earlier = rows.iter().filter(|row| row.1 == *machine && row.0 < *seconds);
        earlier.max_by_key(|row| row.0).filter(|row| seconds - row.0 <= 10).map(|row| row.2)
    };
    rows.iter().map(|row| before(row).map(|before| row.2 - before).filter(|grown| !grown.is_nan())).collect()
}

fn text((seconds, machine, a): &Row) -> String {
    let a = if a.is_nan() { String::new() } else { a.to_string() };
    format!("2026-11-24 10:{:02}:{:02};{machine};{a}", seconds / 60, seconds % 60).replace('.', ",")
}

/// y = a of the last row, less that of the first one.
fn trained(timestamps: &Value) -> Trained {
    let card = json!({
        "heijunka_version": "0.1.0", "created": "", "site": "plant", "job": "job", "task": "regression",
        "target": "grown", "classes": null, "class_weights": null, "target_scaling": { "offset": 0.0, "scale": 1.0 },
        "inputs": [{ "name": "a", "scaling": { "offset": 0.0, "scale": 1.0 } }],
        "model": { "file": "model.safetensors", "widths": [2, 1], "activation": "relu", "parameters": 3 },
        "data": {
            "mode": "private", "weighting": "rows", "held_out": "none", "agents": [], "group_by": "m",
            "window": { "rows": 2, "every": 5 }, "timestamps": timestamps,
        },
        "training": {
            "policy": "equal", "global_batch_samples": 1, "optimizer": "Sgd", "rounds": 7, "max_rounds": 7, "seed": 0,
            "run": 3, "ended": null, "seconds": 1.0,
        },
        "scores": null, "usage": null,
    });
    Trained::new(serde_json::from_value(card).unwrap(), vec![-1.0, 1.0, 0.0]).unwrap()
}

fn clock() -> Value {
    json!({ "column": "t", "format": null, "gap_s": 10.0 })
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

/// What `predict` writes of the rows.
fn written(rows: &[Row], timestamps: &Value, options: &[&str]) -> Vec<Option<f64>> {
    let folder = tempfile::tempdir().unwrap();
    let [data, output] = ["data.csv", "out.csv"].map(|name| folder.path().join(name).display().to_string());
    let lines: String = rows.iter().map(|row| text(row) + "\n").collect();
    std::fs::write(&data, format!("t;m;a\n{lines}")).unwrap();
    let fixed = ["predict", "--data", &data, "--output", &output];
    let cli = Cli::try_parse_from(fixed.iter().chain(options)).unwrap();
    once::once(&cli.arguments, &trained(timestamps)).unwrap();
    let written = std::fs::read_to_string(&output).unwrap();
    let line = |(row, line): (usize, &str)| {
        let (number, prediction) = line.split_once(',').unwrap();
        assert_eq!(number, row.to_string(), "each row has its line");
        (!prediction.is_empty()).then(|| prediction.parse().unwrap())
    };
    written.lines().skip(1).enumerate().map(line).collect()
}

/// What `predict --follow` publishes of the rows, in pieces of that size.
fn followed(rows: &[Row], piece: usize) -> Vec<Option<f64>> {
    let trained = trained(&clock());
    let cli = Cli::try_parse_from(["predict", "--data", "x", "--follow"]).unwrap();
    let source = cli.arguments.reading.source(&cli.arguments.data, &trained.card).unwrap();
    let mut scorer = Scorer::new(trained, None, source);
    let line = |(row, line): (usize, &Row)| Line { row: row as u64, bytes: Some(text(line).into_bytes()) };
    let lines: Vec<Line> = rows.iter().enumerate().map(line).collect();
    let mut predictions = vec![None; rows.len()];
    for lines in lines.chunks(piece) {
        let Scored { said, .. } = scorer.score(b"t;m;a", lines).unwrap();
        for said in said {
            let said: Value = serde_json::from_slice(&said).unwrap();
            predictions[said["row"].as_u64().unwrap() as usize] = said["prediction"].as_f64();
        }
    }
    predictions
}

#[test]
fn no_window_goes_across_a_pause_or_another_machine() {
    let expected = by_hand(&ROWS);
    assert_eq!(expected.iter().flatten().count(), 6, "else the test shows nothing: {expected:?}");
    assert_eq!(written(&ROWS, &clock(), &[]), expected);
    for piece in [1, 3, 12] {
        assert_eq!(followed(&ROWS, piece), expected, "pieces of {piece}");
    }
}

/// Rows with bytes put in and taken out at random; the case's number is its seed.
fn damaged(case: u64) -> Vec<Line> {
    let mut state = case;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides.max(1)
    };
    const PUT: [&[u8]; 10] = [b";", b"\"", b",", b"\xe4", b"\0", b"1.234,5", b"sep=,", b" ", b"x", b"24.11.2026"];
    let mut rows = Vec::new();
    for (row, whole) in (0..).zip(&ROWS) {
        let mut bytes = text(whole).into_bytes();
        for _ in 0..roll(3) {
            let at = roll(bytes.len() + 1);
            match roll(3) {
                0 => drop(bytes.drain(at..(at + roll(9)).min(bytes.len()))),
                1 => bytes.truncate(at),
                _ => drop(bytes.splice(at..at, PUT[roll(PUT.len())].iter().copied())),
            }
        }
        rows.push(Line { row, bytes: (roll(40) > 0).then_some(bytes) });
    }
    rows
}

#[test]
fn every_row_is_scored_or_left_out_for_a_reason() {
    for case in 0..1_000 {
        let lines = damaged(case);
        let card = trained(&clock());
        let cli = Cli::try_parse_from(["predict", "--data", "x", "--follow"]).unwrap();
        let source = cli.arguments.reading.source(&cli.arguments.data, &card.card).unwrap();
        let scored = Scorer::new(card, None, source).score(b"t;m;a", &lines).unwrap();
        let left_out: u64 = scored.skipped.iter().map(|skipped| skipped.rows).sum();
        assert_eq!(scored.said.len() as u64 + left_out, lines.len() as u64, "case {case}: {:?}", scored.skipped);
    }
}

#[test]
fn rows_are_put_in_the_order_of_time() {
    let mut rows = ROWS;
    rows.reverse();
    rows.swap(2, 9);
    assert_eq!(written(&rows, &clock(), &[]), by_hand(&rows));
}

#[test]
fn options_stand_in_for_the_card() {
    let expected = by_hand(&ROWS);
    let options = ["--timestamp-column", "t", "--timestamp-gap", "10s"];
    assert_eq!(written(&ROWS, &Value::Null, &options), expected);
    let wider = written(&ROWS, &clock(), &["--timestamp-gap", "1min"]);
    assert_eq!((wider[6], wider[10]), (Some(7.0), Some(-5.5)));
    let in_order = written(&ROWS, &clock(), &["--in-order"]);
    assert_eq!(in_order, written(&ROWS, &Value::Null, &[]));
    assert_eq!(in_order[6], Some(7.0), "x, across its pause");
    let early = written(
        &ROWS,
        &json!({ "column": "t", "format": "%d.%m.%Y", "gap_s": null }),
        &["--timestamp-format", "%Y-%m-%d %H:%M:%S"],
    );
    assert_eq!(early[6], Some(7.0), "without a gap no pause is too long");
    let alone = Cli::try_parse_from(["predict", "--data", "x", "--timestamp-gap", "1s"]).unwrap();
    let refused = alone.arguments.reading.source(&alone.arguments.data, &trained(&Value::Null).card).unwrap_err();
    assert!(refused.to_string().contains("names no column of times"), "{refused}");
}
