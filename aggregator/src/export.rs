//! Writes the model in a form that other programs open: ONNX.

use clap::Args;
use heijunka_model::onnx::{OPSET, Precision, coarse_columns, to_bytes};
use heijunka_model::{Trained, replace_file};
use heijunka_settings::{Exit, Failure};
use heijunka_units::counted;
use std::io;
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// The file beside a job's model.
pub(crate) const FILE: &str = "model.onnx";

/// Options of `export`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder with model.safetensors and model_card.json.
    #[arg(long, visible_alias = "model", default_value = "heijunka-output", value_name = "FOLDER")]
    output: PathBuf,
    /// Where to write the model as ONNX.
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    /// Uses 64-bit numbers instead of 32-bit: for columns whose values are far from 0 compared with their spread.
    #[arg(long)]
    double: bool,
}

/// Writes the file and says what it holds.
pub(crate) fn export(arguments: &Arguments) -> Result<(), Failure> {
    let trained = Trained::load(&arguments.output)?;
    let precision = if arguments.double { Precision::Double } else { Precision::Float };
    let written = write(&trained, precision, &arguments.onnx)?;
    let said = written.map_err(|error| not_written(&arguments.onnx, &error))?;
    println!("{}: {said}", arguments.onnx.display());
    if let Some(warning) = warning(&trained, precision) {
        eprintln!("{warning}");
    }
    Ok(())
}

/// Writes `model.onnx` beside the model that a job has left in `folder`, and says what it holds; the error inside may be
/// another one later.
///
/// # Errors
/// The model cannot be expressed in ONNX.
pub(crate) fn beside(folder: &Path) -> Result<io::Result<String>, Failure> {
    let trained = Trained::load(folder)?;
    let written = write(&trained, Precision::Float, &folder.join(FILE))?;
    if let Ok(said) = &written {
        info!("{FILE}: {said}");
        warning(&trained, Precision::Float).into_iter().for_each(|warning| warn!("{warning}"));
    }
    Ok(written)
}

/// A file that could not be written.
fn not_written(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
}

fn write(trained: &Trained, precision: Precision, path: &Path) -> Result<io::Result<String>, Failure> {
    let bytes = to_bytes(trained, precision).map_err(|why| {
        Failure::new(Exit::Config, format!("the model cannot be written as ONNX: {why}"))
            .fix("use heijunka-aggregator export --double for 64-bit numbers")
    })?;
    let outputs = match &trained.card.classes {
        Some(classes) => format!("{} classes", classes.len()),
        None if trained.card.is_anomaly() => "a score".into(),
        None => "a value".into(),
    };
    let (inputs, parameters, size) = (trained.shape.inputs(), trained.parameters.len(), bytes.len());
    let said =
        format!("{}, {outputs}, {parameters} parameters, {size} bytes, ONNX opset {OPSET}", counted(inputs, "input"));
    Ok(std::path::absolute(path).and_then(|path| replace_file(&path, &bytes)).map(|()| said))
}

fn warning(trained: &Trained, precision: Precision) -> Option<String> {
    let columns = coarse_columns(trained);
    if columns.is_empty() || precision == Precision::Double {
        return None;
    }
    Some(format!(
        "32-bit numbers are too coarse for {}: their values are far from 0 compared with their spread; \
         use heijunka-aggregator export --double for 64-bit numbers",
        columns.join(", ")
    ))
}
