//! The graph, read back and computed here as ONNX defines its operators.

use super::proto::{DOUBLE, FLOAT, Model, Node, Size, Tensor};
use super::*;
use crate::card::Card;
use serde_json::json;
use std::collections::BTreeMap;

const PARAMETERS: usize = 4 * 3 + 3 + 3 * 2 + 2;

fn card(widths: &[u32], rest: serde_json::Value) -> Card {
    let mut card = json!({
        "heijunka_version": "0.1.0", "created": "2026-01-01T00:00:00Z", "site": "plant", "job": "job",
        "task": "classification", "target": "fault", "classes": null, "class_weights": null, "target_scaling": null,
        "inputs": [
            { "name": "minute", "scaling": { "offset": 29_500_000.3, "scale": 0.7 } },
            { "name": "steel", "values": ["A300", "A400"] },
            { "name": "constant", "scaling": { "offset": 5.0, "scale": 0.0 } },
        ],
        "model": { "file": "model.safetensors", "widths": widths, "activation": "tanh", "parameters": 0 },
        "data": { "mode": "private", "weighting": "rows", "held_out": "none", "agents": [] },
        "training": {
            "policy": "equal", "global_batch_samples": 1, "optimizer": "Sgd", "rounds": 7, "max_rounds": 7, "seed": 0,
            "run": 3, "ended": null, "seconds": 1.0,
        },
        "scores": null, "usage": null,
    });
    card.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    serde_json::from_value(card).unwrap()
}

fn classification() -> Trained {
    let card = card(&[4, 3, 2], json!({ "classes": ["bad", "good"] }));
    let parameters = (0..PARAMETERS).map(|i| ((i * 7 % 11) as f32 - 5.0) / 4.0).collect();
    Trained::new(card, parameters).unwrap()
}

fn regression(offset: f64, scale: f64) -> Trained {
    let card = card(&[4, 1], json!({ "target_scaling": { "offset": offset, "scale": scale } }));
    Trained::new(card, vec![0.5, -1.0, 1.5, 2.0, 0.25]).unwrap()
}

fn graph(trained: &Trained, precision: Precision) -> Model {
    Model::decode(to_bytes(trained, precision).unwrap().as_slice()).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    let narrow = || tensor.raw_data.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
    let wide = || tensor.raw_data.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
    if tensor.data_type == FLOAT { narrow().collect() } else { wide().collect() }
}

/// Computes the graph for one row. Numbers are rounded to 32 bits until a cast says otherwise.
fn run(model: &Model, row: &[f64]) -> BTreeMap<String, Vec<f64>> {
    let graph = model.graph.as_ref().unwrap();
    let mut wide = graph.input[0].r#type.as_ref().unwrap().tensor_type.as_ref().unwrap().elem_type == DOUBLE;
    let mut known: BTreeMap<String, Vec<f64>> =
        graph.initializer.iter().map(|t| (t.name.clone(), numbers(t))).collect();
    known.insert("inputs".into(), row.to_vec());
    for node in &graph.node {
        if node.op_type == "Cast" {
            wide = node.attribute[0].i == Some(i64::from(DOUBLE));
        }
        let round = |x: f64| if wide { x } else { f64::from(x as f32) };
        let values = compute(node, &known).into_iter().map(round).collect();
        known.insert(node.output[0].clone(), values);
    }
    known
}

fn compute(node: &Node, known: &BTreeMap<String, Vec<f64>>) -> Vec<f64> {
    let inputs: Vec<&Vec<f64>> = node.input.iter().map(|name| &known[name]).collect();
    let a = inputs[0].iter().copied();
    // Constants of a number for each column meet every row of a window.
    let pairs = || a.clone().zip(inputs[1].iter().copied().cycle());
    match node.op_type.as_str() {
        "Sub" => pairs().map(|(a, b)| a - b).collect(),
        "Mul" => pairs().map(|(a, b)| a * b).collect(),
        "Div" => pairs().map(|(a, b)| a / b).collect(),
        "Add" => pairs().map(|(a, b)| a + b).collect(),
        "Tanh" => a.map(f64::tanh).collect(),
        "Cast" | "Flatten" => a.collect(),
        "Gemm" => {
            let columns = inputs[2].len();
            let weighted = |o: usize| a.clone().zip(inputs[1].iter().skip(o).step_by(columns)).map(|(x, w)| x * w);
            (0..columns).map(|o| weighted(o).sum::<f64>() + inputs[2][o]).collect()
        }
        "Softmax" => {
            let sum: f64 = a.clone().map(f64::exp).sum();
            a.map(|logit| logit.exp() / sum).collect()
        }
        "ArgMax" => vec![(0..inputs[0].len()).max_by(|i, j| inputs[0][*i].total_cmp(&inputs[0][*j])).unwrap() as f64],
        other => panic!("{other} is not in the graph's vocabulary"),
    }
}

/// A row's raw numbers, and the same as training encodes them.
const RAW: [f64; 4] = [29_500_001.0, 0.0, 1.0, 9.0];

fn encoded() -> [f32; 4] {
    [((RAW[0] - 29_500_000.3) * 0.7) as f32, 0.0, 1.0, 0.0]
}

#[test]
fn classes_are_those_of_predict() {
    let trained = classification();
    let logits = trained.outputs(&encoded()).unwrap();
    for precision in [Precision::Float, Precision::Double] {
        let known = run(&graph(&trained, precision), &RAW);
        let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
        for (logit, probability) in logits.iter().zip(&known["probabilities"]) {
            assert!((f64::from(logit.exp() / sum) - probability).abs() < 1e-6, "{logits:?} {known:?}");
        }
        assert_eq!(known["class"], [f64::from(u8::from(logits[1] > logits[0]))]);
    }
}

#[test]
fn values_are_those_of_predict() {
    let trained = regression(1013.25, 0.1);
    let expected = f64::from(trained.outputs(&encoded()).unwrap()[0]) / 0.1 + 1013.25;
    let single = run(&graph(&trained, Precision::Float), &RAW)["prediction"][0];
    assert!((single - expected).abs() / 1013.25 < 1e-7, "{single} {expected}");
    let double = run(&graph(&trained, Precision::Double), &RAW)["prediction"][0];
    assert!((double - expected).abs() < 1e-9, "{double} {expected}");
}

#[test]
fn a_window_comes_in_as_rows_of_raw_numbers() {
    let mut card = card(&[8, 1], json!({ "target_scaling": { "offset": 3.0, "scale": 0.5 } }));
    card.data.window = Some(crate::card::CardWindow { rows: 2, every: 1 });
    let trained = Trained::new(card, vec![0.5, -1.0, 1.5, 2.0, 0.25, 1.0, -2.0, 3.0, 0.125]).unwrap();
    let later = [RAW[0] + 2.0, 1.0, 0.0, 7.0];
    let x = [encoded(), [encoded()[0] + 1.4, 1.0, 0.0, 0.0]].concat();
    let expected = f64::from(trained.outputs(&x).unwrap()[0]) / 0.5 + 3.0;
    let model = graph(&trained, Precision::Float);
    let prediction = run(&model, &[RAW, later].concat())["prediction"][0];
    assert!((prediction - expected).abs() < 1e-5, "{prediction} {expected}");
    let input = model.graph.unwrap().input[0].r#type.clone().unwrap().tensor_type.unwrap();
    let sizes = input.shape.unwrap().dim.into_iter().map(|dim| dim.size.unwrap());
    assert_eq!(sizes.collect::<Vec<_>>(), [Size::Name("N".into()), Size::Value(2), Size::Value(4)]);
}

/// 29,500,000.3 as 32 bits is 29,500,000: without the rest every row would be off by 0.3 x 0.7.
#[test]
fn an_offset_is_subtracted_with_what_32_bits_lose_of_it() {
    let scaled = run(&graph(&classification(), Precision::Float), &RAW)["scaled"].clone();
    for (scaled, encoded) in scaled.iter().zip(encoded()) {
        assert!((scaled - f64::from(encoded)).abs() < 1e-7, "{scaled} {encoded}");
    }
}

#[test]
fn the_file_says_what_it_takes() {
    let model = graph(&classification(), Precision::Float);
    assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
    let facts: BTreeMap<&str, &str> =
        model.metadata_props.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())).collect();
    assert_eq!(facts["inputs"], r#"["minute","steel=A300","steel=A400","constant"]"#);
    assert_eq!(facts["classes"], r#"["bad","good"]"#);
    assert_eq!((facts["target"], facts["run"], facts["rounds"]), ("fault", "3", "7"));
    let columns: serde_json::Value = serde_json::from_str(facts["columns"]).unwrap();
    assert_eq!(columns[0], json!({ "name": "minute", "scaling": { "offset": 29_500_000.3, "scale": 0.7 } }));
    let graph = model.graph.unwrap();
    assert!(graph.doc_string.contains("minute, steel=A300, steel=A400, constant"), "{}", graph.doc_string);
    let input = graph.input[0].r#type.clone().unwrap().tensor_type.unwrap();
    let dims: Vec<Size> = input.shape.unwrap().dim.into_iter().map(|dim| dim.size.unwrap()).collect();
    assert_eq!((input.elem_type, dims), (FLOAT, vec![Size::Name("N".into()), Size::Value(4)]));
    let outputs: Vec<&str> = graph.output.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(outputs, ["probabilities", "class"]);
}

#[test]
fn what_32_bits_cannot_do_is_said() {
    assert_eq!(coarse_columns(&classification()), ["minute"], "2e7 spreads from 0");
    assert_eq!(coarse_columns(&regression(101_325.0, 0.1)), ["minute", "fault"]);
    let tiny = regression(0.0, 1e60);
    let refused = to_bytes(&tiny, Precision::Float).unwrap_err();
    assert!(refused.contains("the target"), "{refused}");
    assert!(to_bytes(&tiny, Precision::Double).is_ok());
}

#[test]
fn a_card_that_is_not_its_models_is_refused() {
    let with = |widths: &[u32], classes, parameters| {
        Trained::new(card(widths, json!({ "classes": classes })), vec![0.0; parameters]).map(|_| ())
    };
    assert!(with(&[4, 2], ["a", "b"].as_slice(), 10).is_ok());
    assert!(with(&[4, 2], ["a", "b", "c"].as_slice(), 10).unwrap_err().contains("target"));
    assert!(with(&[3, 2], ["a", "b"].as_slice(), 8).unwrap_err().contains("inputs"));
    assert!(with(&[4, 2], ["a", "b"].as_slice(), 11).unwrap_err().contains("parameters"));
}
