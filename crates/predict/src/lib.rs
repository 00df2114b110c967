//! Scores a table with a trained model, once or as it grows.

mod follow;
mod model;
mod piece;
mod readable;
mod reading;
mod recent;
mod scorer;
#[cfg(test)]
mod series_tests;
mod tail;

use clap::Args;
use heijunka_data::{DataError, Inputs, SkipReason, Table};
use heijunka_settings::{Exit, Failure};
use heijunka_units::counted;
pub(crate) use model::Trained;
use readable::{Decision, Reader};
use reading::{Reading, unused_times};
use std::path::{Path, PathBuf};

/// Notes on the table that are shown.
const NOTES_MAX: usize = 12;

/// Options of `predict`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder with model.safetensors and model_card.json.
    #[arg(long, default_value = "heijunka-output", value_name = "FOLDER")]
    model: PathBuf,
    /// Table to score; with --follow also `-`, standard input.
    #[arg(long, visible_alias = "from", value_name = "FILE")]
    data: PathBuf,
    /// Labels of an idx file.
    #[arg(long, value_name = "FILE", conflicts_with = "follow")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    reading: Reading,
    /// Where to write the predictions (CSV); standard output if left out.
    #[arg(long, value_name = "FILE", conflicts_with = "follow")]
    output: Option<PathBuf>,
    /// Two classes: the positive one is predicted when its probability reaches this; anomalies: when the score does. The
    /// card's threshold if left out.
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<f64>,
    /// Goes on until it is stopped: scores rows as they are added to a CSV file and publishes each as JSON.
    #[arg(long)]
    follow: bool,
    /// With --follow: scores the rows that are there already, too.
    #[arg(long, requires = "follow")]
    from_start: bool,
    /// With --follow: where to publish; heijunka/SITE/JOB/predictions if left out.
    #[arg(long, value_name = "TOPIC", requires = "follow")]
    topic: Option<String>,
    /// With --follow: the aggregator's settings file, for broker, site and job.
    #[arg(long, default_value = "aggregator.toml", value_name = "FILE", requires = "follow")]
    config: PathBuf,
}

/// Prints, writes or publishes a prediction for each row; tells the scores where the target is there.
pub(crate) fn predict(arguments: &Arguments) -> Result<(), Failure> {
    let trained = Trained::load(&arguments.model)?;
    let most = if trained.card.is_anomaly() { f64::MAX } else { 1.0 };
    if arguments.threshold.is_some_and(|threshold| !(0.0..=most).contains(&threshold)) {
        let failure = Failure::new(Exit::Usage, "--threshold is a probability, or an anomaly's score");
        return Err(failure.fix("write a number from 0 to 1; for a score 0 or more"));
    }
    if arguments.follow { follow::follow(arguments, trained) } else { once(arguments, &trained) }
}

fn once(arguments: &Arguments, trained: &Trained) -> Result<(), Failure> {
    if arguments.data == Path::new("-") {
        let failure = Failure::new(Exit::Usage, "standard input can only be followed");
        return Err(failure.fix("add --follow, or name a file"));
    }
    let mut source = arguments.reading.source(&arguments.data, &trained.card)?;
    source.labels.clone_from(&arguments.labels);
    let table = Table::read(&source).map_err(data_failure)?;
    let job = trained.card.job(trained.fitted.clone());
    let inputs = table.encode_inputs(&job).map_err(data_failure)?;
    for note in table.notes().into_iter().take(NOTES_MAX).chain(unused_times(&table, &source, &trained.card)) {
        eprintln!("note: {note}");
    }
    eprintln!("{}: {}", arguments.data.display(), summary(table.rows(), &inputs));
    let outputs = trained.outputs_of(&inputs.x)?;
    let reader = trained.reader(arguments.threshold);
    match &arguments.output {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|error| cannot_write(path, &error))?;
            reader
                .write(std::io::BufWriter::new(file), table.rows(), &inputs.rows, &outputs)
                .map_err(|e| cannot_write(path, &e))?;
        }
        None => {
            let stdout = std::io::BufWriter::new(std::io::stdout().lock());
            match reader.write(stdout, table.rows(), &inputs.rows, &outputs) {
                // Who reads only the first rows, as `head` does, has what it wants.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.map_err(|error| cannot_write(Path::new("stdout"), &error))?,
            }
        }
    }
    if table.column_names().any(|name| name == job.target) {
        let truth = table.truth(&job, &inputs.rows).map_err(data_failure)?;
        eprintln!("{}", reader.scores(&truth, &outputs, trained.card.judge()));
    }
    Ok(())
}

/// `6 rows, 2 predicted; 4 have an empty prediction: 4 with fewer than 2 whole rows before them in their group (first: …)`.
fn summary(rows: usize, inputs: &Inputs) -> String {
    let mut text = format!("{}, {} predicted", counted(rows, "row"), inputs.rows.len());
    for (index, SkipReason { why, rows: skipped, first }) in inputs.usage.skipped.iter().enumerate() {
        if index == 0 {
            text += &format!("; {} without a prediction: ", rows - inputs.rows.len());
        } else {
            text += ", ";
        }
        text += &format!("{skipped} {why} (first: {first})");
    }
    text
}

impl Trained {
    /// Reads this model's outputs, by the card's threshold or by this one.
    fn reader(&self, threshold: Option<f64>) -> Reader<'_> {
        let known = self.card.decision.as_ref();
        let decision = if self.card.is_anomaly() {
            threshold.or(known.map(|known| known.threshold)).map(Decision::Score)
        } else {
            let positive = self.card.judge().positive;
            let logit = known.and_then(|known| known.threshold_logit);
            match threshold {
                Some(threshold) => Some(Decision::at(positive.unwrap_or(1), threshold)),
                None => positive.zip(logit).map(|(positive, logit)| Decision::Class { positive, logit }),
            }
        };
        Reader { target: &self.fitted.target, width: self.width(), decision }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
}

/// Here options stand in for an agent's settings.
fn data_failure(error: DataError) -> Failure {
    let fix = match &error {
        DataError::Clock { .. } => {
            "say how times are written with --timestamp-format, or take rows as they stand with --in-order"
        }
        DataError::MissingColumn { .. } => {
            "see whether the model was trained on such a table; --in-order does without a column of times"
        }
        DataError::NumbersAsHeader { .. } => "add --no-header if the first line is a row",
        DataError::Ragged { .. } => {
            "correct the line, or say --delimiter, or --skip-lines if the names stand further down"
        }
        other => other.fix(),
    };
    Failure::new(Exit::Config, error.to_string()).fix(fix)
}
