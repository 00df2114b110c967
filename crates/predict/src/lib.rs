//! Scores a table with a trained model, once or as it grows. Nothing here trains, and no mind is linked.

mod connection;
mod follow;
mod once;
mod piece;
mod readable;
mod reading;
mod recent;
mod scorer;
#[cfg(test)]
mod series_tests;
mod tail;

use clap::Args;
use heijunka_data::DataError;
use heijunka_model::Trained;
use heijunka_settings::{Exit, Failure};
use reading::Reading;
use std::path::PathBuf;

/// Options of `predict`.
#[derive(Args)]
pub struct Arguments {
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
    /// Where to write the predictions (CSV); standard output if omitted.
    #[arg(long, value_name = "FILE", conflicts_with = "follow")]
    output: Option<PathBuf>,
    /// Two classes: the positive one is predicted from this probability on; anomalies: from this score on. The
    /// card's threshold if omitted.
    #[arg(long, value_name = "NUMBER")]
    threshold: Option<f64>,
    /// Runs until it is stopped: scores rows as they are added to a CSV file and publishes each as JSON.
    #[arg(long)]
    follow: bool,
    /// With --follow: also scores the rows that are already in the file.
    #[arg(long, requires = "follow")]
    from_start: bool,
    /// With --follow: where to publish; heijunka/SITE/JOB/predictions if omitted.
    #[arg(long, value_name = "TOPIC", requires = "follow")]
    topic: Option<String>,
    /// With --follow: the aggregator's settings file, for broker, site and job.
    #[arg(long, default_value = "aggregator.toml", value_name = "FILE", requires = "follow")]
    config: PathBuf,
}

/// Prints, writes or publishes a prediction for each row; reports the scores if the table has the target.
pub fn predict(arguments: &Arguments) -> Result<(), Failure> {
    let trained = Trained::load(&arguments.model)?;
    let most = if trained.card.is_anomaly() { f64::MAX } else { 1.0 };
    if arguments.threshold.is_some_and(|threshold| !(0.0..=most).contains(&threshold)) {
        let failure = Failure::new(Exit::Usage, "--threshold is a probability, or an anomaly's score");
        return Err(failure.fix("write a number from 0 to 1; for a score 0 or more"));
    }
    if arguments.follow { follow::follow(arguments, trained) } else { once::once(arguments, &trained) }
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
