//! Scores a table with a trained model.

use crate::card::Card;
use crate::history::Summary;
use clap::Args;
use heijunka_data::{Dataset, Source, Table};
use heijunka_learn::{Activation, Loss, ModelShape, class_of, predict as outputs_of, scratch_len};
use heijunka_settings::{Exit, Failure};
use heijunka_wire::document::{Fitted, Scores, Target};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Rows that are computed at once.
const ROWS_AT_ONCE: usize = 256;

/// Options of `predict`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder with model.safetensors and model_card.json.
    #[arg(long, default_value = "heijunka-output", value_name = "FOLDER")]
    model: PathBuf,
    /// Table to score.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Labels of an idx file.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// The table has no header; columns are called col0, col1, …
    #[arg(long)]
    no_header: bool,
    /// Where to write the predictions (CSV); standard output if left out.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A class is predicted when its probability reaches this (two classes: the second, in the order of the card).
    #[arg(long, value_name = "0..1")]
    threshold: Option<f32>,
}

/// Prints or writes a prediction for each row, and the scores where the target is there.
pub(crate) fn predict(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        return Err(Failure::new(Exit::Usage, "--threshold is a probability").fix("write a number from 0 to 1"));
    }
    let (card, parameters) = load(&arguments.model)?;
    let fitted = card.fitted().map_err(|why| unusable(&arguments.model, &why))?;
    let shape = shape(&card).ok_or_else(|| unusable(&arguments.model, "the card's model makes no sense"))?;
    if fitted.input_width() != shape.inputs() {
        return Err(unusable(&arguments.model, "the card's inputs are not those of its model"));
    }
    let mut source = Source::new(&arguments.data);
    source.labels.clone_from(&arguments.labels);
    source.header_rows = usize::from(!arguments.no_header);
    let table = Table::read(&source).map_err(data_failure)?;
    let inputs = table.encode_inputs(&fitted).map_err(data_failure)?;
    eprintln!("{}: {}", arguments.data.display(), inputs.usage);
    let outputs = outputs(&shape, &parameters, &inputs.x)?;
    let predictor = Predictor { target: &fitted.target, width: shape.outputs(), threshold: arguments.threshold };
    match &arguments.output {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|error| cannot_write(path, &error))?;
            predictor
                .write(std::io::BufWriter::new(file), &inputs.rows, &outputs)
                .map_err(|e| cannot_write(path, &e))?;
        }
        None => {
            let stdout = std::io::BufWriter::new(std::io::stdout().lock());
            predictor.write(stdout, &inputs.rows, &outputs).map_err(|e| cannot_write(Path::new("stdout"), &e))?;
        }
    }
    if let Some(truth) = truth(&table, &card, &fitted)? {
        eprintln!("{}", predictor.scores(&truth, &outputs));
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
}

fn unusable(folder: &Path, why: &str) -> Failure {
    Failure::new(Exit::Config, format!("the model in {} cannot be used", folder.display()))
        .why(why)
        .fix("name the folder that an aggregator has written, with --model")
}

fn data_failure(error: heijunka_data::DataError) -> Failure {
    Failure::new(Exit::Config, error.to_string()).fix(error.fix())
}

fn load(folder: &Path) -> Result<(Card, Vec<f32>), Failure> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| unusable(folder, &format!("{}: {error}", path.display())))
    };
    let card: Card = serde_json::from_slice(&read("model_card.json")?)
        .map_err(|error| unusable(folder, &format!("model_card.json: {error}")))?;
    let parameters = crate::model_file::from_bytes(&card.model.widths, &read("model.safetensors")?)
        .map_err(|why| unusable(folder, &format!("model.safetensors: {why}")))?;
    Ok((card, parameters))
}

fn shape(card: &Card) -> Option<ModelShape> {
    let activation = match card.model.activation.as_str() {
        "relu" => Activation::Relu,
        "tanh" => Activation::Tanh,
        _ => return None,
    };
    let loss = if card.classes.is_some() { Loss::CrossEntropy } else { Loss::MeanSquaredError };
    ModelShape::new(&card.model.widths, activation, loss).ok()
}

fn outputs(shape: &ModelShape, parameters: &[f32], x: &[f32]) -> Result<Vec<f32>, Failure> {
    let mut scratch = vec![0.0; scratch_len(shape, ROWS_AT_ONCE)];
    let mut all = vec![0.0; x.len() / shape.inputs() * shape.outputs()];
    for (x, out) in x.chunks(ROWS_AT_ONCE * shape.inputs()).zip(all.chunks_mut(ROWS_AT_ONCE * shape.outputs())) {
        outputs_of(shape, parameters, x, &mut scratch, out)
            .map_err(|error| Failure::new(Exit::Config, "the model cannot be computed").why(error.to_string()))?;
    }
    Ok(all)
}

/// The rows' true targets, scaled or as classes; `None` if the table has no such column.
fn truth(table: &Table, card: &Card, fitted: &Fitted) -> Result<Option<Dataset>, Failure> {
    if !table.column_names().any(|name| name == card.target) {
        return Ok(None);
    }
    let job = card.job(fitted.clone());
    table.encode(&job).map(Some).map_err(data_failure)
}

/// Turns outputs into what people read.
struct Predictor<'a> {
    target: &'a Target,
    width: usize,
    threshold: Option<f32>,
}

impl Predictor<'_> {
    /// The class, and its probability.
    fn class(&self, logits: &[f32]) -> (usize, f32) {
        let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
        let probability = |class: usize| logits.get(class).map_or(0.0, |logit| (logit - most).exp() / sum);
        let class = match self.threshold {
            Some(threshold) if logits.len() == 2 => usize::from(probability(1) >= threshold),
            _ => class_of(logits),
        };
        (class, probability(class))
    }

    fn write(&self, out: impl Write, rows: &[usize], outputs: &[f32]) -> std::io::Result<()> {
        let mut out = csv::Writer::from_writer(out);
        let pairs = rows.iter().zip(outputs.chunks_exact(self.width));
        match self.target {
            Target::Classes { names, .. } => {
                out.write_record(["row", "prediction", "probability"])?;
                for (row, logits) in pairs {
                    let (class, probability) = self.class(logits);
                    let name = names.get(class).map_or("", String::as_str);
                    out.write_record([&row.to_string(), name, &format!("{probability:.4}")])?;
                }
            }
            Target::Scaled { offset, scale } => {
                out.write_record(["row", "prediction"])?;
                for (row, output) in pairs {
                    let value = output.first().map_or(0.0, |output| f64::from(*output) / scale + offset);
                    out.write_record([row.to_string(), format!("{value:.6}")])?;
                }
            }
        }
        out.flush()
    }

    fn scores(&self, truth: &Dataset, outputs: &[f32]) -> String {
        let mut scores = Scores { rows: truth.train.len() as u64, ..Scores::default() };
        match (truth.train.targets(), self.target) {
            (heijunka_data::Targets::Classes(classes), Target::Classes { names, .. }) => {
                scores.confusion = vec![0; names.len() * names.len()];
                for (class, logits) in classes.iter().zip(outputs.chunks_exact(self.width)) {
                    let cell = *class as usize * names.len() + self.class(logits).0;
                    if let Some(count) = scores.confusion.get_mut(cell) {
                        *count += 1;
                    }
                }
            }
            (heijunka_data::Targets::Values(values), Target::Scaled { scale, .. }) => {
                for (value, output) in values.iter().zip(outputs) {
                    let error = f64::from(output - value) / scale;
                    scores.squared_error_sum += error * error;
                    scores.absolute_error_sum += error.abs();
                }
            }
            _ => {}
        }
        let summary = Summary::new(&scores);
        let mut words = vec![format!("{} rows with a known target", scores.rows)];
        let mut say = |name: &str, value: Option<f64>| words.extend(value.map(|value| format!("{name} {value:.4}")));
        say("accuracy", summary.accuracy);
        say("macro-F1", summary.macro_f1);
        say("F1 of the second class", summary.f1_second_class);
        say("RMSE", summary.rmse);
        say("mean absolute error", summary.mean_absolute_error);
        words.join(", ")
    }
}
