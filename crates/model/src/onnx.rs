//! The model as an ONNX graph: raw numbers in, probabilities or values out, with all scaling inside.
//!
//! Numbers of 32 bits by default, as every runtime takes them. An offset that they do not hold is subtracted in two
//! steps, offset and rest, so that what is lost is lost to the numbers that come in, not to the scaling.

mod convolution;
mod graph;
mod proto;
#[cfg(test)]
mod tests;

use crate::Trained;
use graph::Builder;
use heijunka_learn::Layer;
use heijunka_units::Activation;
use heijunka_wire::document::{Encoding, Input, Target};
use prost::Message;
use proto::{Entry, Model, OperatorSet};

/// Version of ONNX's file format.
const IR_VERSION: i64 = 8;
/// Version of the operators.
pub const OPSET: i64 = 17;

/// Largest error of a scaled number, from rounding its raw number to 32 bits, that needs no warning.
const ROUNDING_MAX: f64 = 1e-5;

/// What goes in and comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits; every runtime takes them.
    Float,
    /// 64 bits, for columns that lie far from 0 compared with their spread. The layers compute in 32 all the same.
    Double,
}

/// The bytes of the model's ONNX file. Error: a column's scaling is not possible with 32 bits.
pub fn to_bytes(trained: &Trained, precision: Precision) -> Result<Vec<u8>, String> {
    let names = input_names(&trained.fitted.inputs);
    let mut graph = Builder::new(precision);
    let scaled = scale_inputs(&mut graph, trained, &names)?;
    let outputs = layers(&mut graph, trained, scaled.clone());
    match &trained.fitted.target {
        Target::Classes { names, .. } => {
            classes(&mut graph, names, &outputs);
            decision(&mut graph, trained, &outputs);
        }
        Target::Inputs => anomaly(&mut graph, trained, &outputs, &scaled),
        Target::Scaled { offset, scale } => {
            let said = format!("{} in its own unit", trained.card.target);
            values(&mut graph, &said, &outputs, *offset, *scale)?;
        }
    }
    let said = said(trained, &names);
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "heijunka".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: said.clone(),
        graph: Some(graph.finish(&graph_name(trained), said)),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata(trained, &names),
    };
    Ok(model.encode_to_vec())
}

/// Columns whose raw numbers lose more than [`ROUNDING_MAX`] of their spread when they are rounded to 32 bits.
pub fn coarse_columns(trained: &Trained) -> Vec<&str> {
    let is_coarse = |offset: f64, scale: f64| (offset * scale).abs() * f64::from(f32::EPSILON) / 2.0 > ROUNDING_MAX;
    let inputs = trained.fitted.inputs.iter().filter_map(|input| match input.encoding {
        Encoding::Scaled { offset, scale } if is_coarse(offset, scale) => Some(input.name.as_str()),
        _ => None,
    });
    let target = match trained.fitted.target {
        Target::Scaled { offset, scale } if is_coarse(offset, scale) => Some(trained.card.target.as_str()),
        _ => None,
    };
    inputs.chain(target).collect()
}

/// The inputs' names in their order: a column's own, or `column=text` for each text of a column.
fn input_names(inputs: &[Input]) -> Vec<String> {
    let names = inputs.iter().flat_map(|input| match &input.encoding {
        Encoding::Scaled { .. } => vec![input.name.clone()],
        Encoding::OneHot { values } => values.iter().map(|value| format!("{}={value}", input.name)).collect(),
    });
    names.collect()
}

/// (x - offset) x scale. Inputs for texts stay as they are.
fn scale_inputs(graph: &mut Builder, trained: &Trained, names: &[String]) -> Result<String, String> {
    let mut scaling = Vec::new();
    for input in &trained.fitted.inputs {
        match &input.encoding {
            Encoding::Scaled { offset, scale } => {
                graph.holds(&input.name, *offset, *scale)?;
                scaling.push((*offset, *scale));
            }
            Encoding::OneHot { values } => scaling.extend(values.iter().map(|_| (0.0, 1.0))),
        }
    }
    let said = format!("Raw numbers in this order: {}. For a text 1 in its place, 0 in the others.", names.join(", "));
    match trained.card.data.window {
        Some(window) => graph.input("inputs", &[usize::from(window.rows), names.len()], &said),
        None => graph.input("inputs", &[names.len()], &said),
    }
    let offsets: Vec<f64> = scaling.iter().map(|(offset, _)| *offset).collect();
    let scales: Vec<f64> = scaling.iter().map(|(_, scale)| *scale).collect();
    let centred = graph.subtract("inputs", "input_offset", &offsets, "centred");
    let scaled = graph.with_numbers("Mul", &centred, ("input_scale", &scales), "scaled");
    let narrow = graph.narrow(scaled);
    Ok(match (trained.shape.convolutions(), trained.card.data.window) {
        (Some(_), _) => convolution::turn(graph, &narrow, "channels"),
        // A window's rows one after another, as the first layer takes them.
        (None, Some(_)) => graph.node("Flatten", &[&narrow], "flat", Some(("axis", 1))),
        (None, None) => narrow,
    })
}

/// The layers; their numbers stand in the file as in `model.safetensors`, those of convolutions by filter.
fn layers(graph: &mut Builder, trained: &Trained, mut units: String) -> String {
    let convolutions = trained.shape.layers().filter(|layer| layer.kernel.is_some()).count();
    for (index, layer) in trained.shape.layers().enumerate() {
        units = match layer.kernel {
            Some(kernel) => convolution::convolve(graph, trained, (index, &layer, kernel), &units),
            None => connect(graph, trained, index, &layer, &units),
        };
        if !layer.last {
            let op = match trained.shape.activation() {
                Activation::Relu => "Relu",
                Activation::Tanh => "Tanh",
            };
            units = graph.node(op, &[&units], &format!("layers.{index}.activation"), None);
        }
        if index + 1 == convolutions {
            units = convolution::pool(graph, layer.pooling, &units);
        }
    }
    units
}

/// One fully connected layer, before its activation.
fn connect(graph: &mut Builder, trained: &Trained, index: usize, layer: &Layer, units: &str) -> String {
    let part = |range: &std::ops::Range<usize>| trained.parameters.get(range.clone()).unwrap_or_default();
    let (weight, bias) = (format!("layers.{index}.weight"), format!("layers.{index}.bias"));
    graph.floats(&weight, &[layer.inputs, layer.outputs], part(&layer.weights));
    graph.floats(&bias, &[layer.outputs], part(&layer.biases));
    graph.node("Gemm", &[units, &weight, &bias], &format!("layers.{index}"), None)
}

fn classes(graph: &mut Builder, names: &[String], logits: &str) {
    let said = format!("Probabilities of the classes in this order: {}", names.join(", "));
    graph.node("Softmax", &[logits], "probabilities", Some(("axis", 1)));
    graph.output("probabilities", proto::FLOAT, Some(names.len()), &said);
    // Without `keepdims = 0` there would be a second dimension of length 1.
    let most = graph.node("ArgMax", &[logits], "class", Some(("axis", 1)));
    graph.add_attribute(("keepdims", 0));
    graph.output(&most, proto::INT64, None, "Place of the most probable class, from 0");
}

/// The mean squared error of the scaled inputs, and whether it reaches the card's threshold.
fn anomaly(graph: &mut Builder, trained: &Trained, outputs: &str, inputs: &str) {
    let width = trained.shape.outputs();
    let errors = graph.node("Sub", &[outputs, inputs], "errors", None);
    let squares = graph.node("Mul", &[&errors, &errors], "squares", None);
    graph.floats("share", &[width, 1], &vec![1.0 / width as f32; width]);
    let score = graph.node("MatMul", &[&squares, "share"], "score", None);
    graph.output(&score, proto::FLOAT, Some(1), "How far the row is from normal ones: 0 or more");
    let Some(decision) = &trained.card.decision else { return };
    graph.floats("threshold", &[1], &[decision.threshold as f32]);
    let reached = graph.node("GreaterOrEqual", &[&score, "threshold"], "is_anomaly", None);
    graph.output(&reached, proto::BOOL, Some(1), &format!("Whether the score is {} or more", decision.threshold));
}

/// The class by the card's threshold: its logit is held against the positive one's before the greater is taken.
fn decision(graph: &mut Builder, trained: &Trained, logits: &str) {
    let judge = trained.card.judge();
    let Some((decision, positive)) = trained.card.decision.as_ref().zip(judge.positive) else { return };
    let Some(logit) = decision.threshold_logit else { return };
    let lead = [0, 1].map(|place| if place == positive { -logit as f32 } else { 0.0 });
    graph.floats("threshold", &[2], &lead);
    let shifted = graph.node("Add", &[logits, "threshold"], "shifted", None);
    let decided = graph.node("ArgMax", &[&shifted], "decision", Some(("axis", 1)));
    graph.add_attribute(("keepdims", 0));
    // A row at the threshold is positive.
    graph.add_attribute(("select_last_index", i64::from(positive == 1)));
    let class = decision.positive.as_deref().unwrap_or_default();
    let said = format!("Place of the class: '{class}' from a probability of {} on", decision.threshold);
    graph.output(&decided, proto::INT64, None, &said);
}

/// output / scale + offset.
fn values(graph: &mut Builder, said: &str, outputs: &str, offset: f64, scale: f64) -> Result<(), String> {
    graph.holds("the target", offset, scale)?;
    let wide = graph.widen(outputs);
    let spread = graph.with_numbers("Div", &wide, ("target_scale", &[scale]), "spread");
    let value = graph.with_numbers("Add", &spread, ("target_offset", &[offset]), "prediction");
    graph.output(&value, graph.number(), Some(1), said);
    Ok(())
}

fn graph_name(trained: &Trained) -> String {
    format!("{}.{}", trained.card.site, trained.card.job)
}

fn said(trained: &Trained, names: &[String]) -> String {
    let card = &trained.card;
    let what = match (&card.classes, card.is_anomaly()) {
        (Some(_), _) => format!("Predicts the class '{}'", card.target),
        (None, false) => format!("Predicts the value '{}'", card.target),
        (None, true) => "Measures how far a row is from normal ones".into(),
    };
    let (columns, window) = (names.len(), card.data.window);
    let shape = match window {
        Some(window) => format!("[N, {}, {columns}], a window's rows from the first to the last,", window.rows),
        None => format!("[N, {columns}],"),
    };
    format!(
        "{what} from {columns} raw numbers a row; scaling is inside. Input 'inputs', {shape} in this order: {}. \
         No number may be missing. The metadata hold columns, texts, classes and scaling as JSON.",
        names.join(", ")
    )
}

/// The card's main facts. Lists and objects are JSON.
fn metadata(trained: &Trained, names: &[String]) -> Vec<Entry> {
    let card = &trained.card;
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let facts = [
        ("heijunka_version", card.heijunka_version.clone()),
        ("created", card.created.clone()),
        ("site", card.site.clone()),
        ("job", card.job.clone()),
        ("run", card.training.run.to_string()),
        ("rounds", card.training.rounds.to_string()),
        ("task", card.task.clone()),
        ("target", card.target.clone()),
        ("inputs", json(serde_json::to_string(names))),
        ("columns", json(serde_json::to_string(&card.inputs))),
        ("window", json(serde_json::to_string(&card.data.window))),
        ("classes", json(serde_json::to_string(&card.classes))),
        ("decision", json(serde_json::to_string(&card.decision))),
        ("target_scaling", json(serde_json::to_string(&card.target_scaling))),
        ("scores", json(serde_json::to_string(&card.scores))),
    ];
    facts.into_iter().map(|(key, value)| Entry { key: key.into(), value }).collect()
}
