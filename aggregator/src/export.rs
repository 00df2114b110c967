//! Writes the model in a form that other programs open: ONNX.

use crate::model_file::replace_file;
use crate::onnx::{OPSET, Precision, coarse_columns, to_bytes};
use crate::predict::Trained;
use clap::Args;
use heijunka_settings::{Exit, Failure};
use std::path::{Path, PathBuf};
use tracing::{info, warn};

/// The file beside a job's model.
const FILE: &str = "model.onnx";

/// Options of `export`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Folder with model.safetensors and model_card.json.
    #[arg(long, visible_alias = "model", default_value = "heijunka-output", value_name = "FOLDER")]
    output: PathBuf,
    /// Where to write the model as ONNX.
    #[arg(long, value_name = "FILE")]
    onnx: PathBuf,
    /// Takes and gives numbers of 64 bits instead of 32: for columns that lie far from 0 compared with their spread.
    #[arg(long)]
    double: bool,
}

/// Writes the file and says what it holds.
pub(crate) fn export(arguments: &Arguments) -> Result<(), Failure> {
    let trained = Trained::load(&arguments.output)?;
    let precision = if arguments.double { Precision::Double } else { Precision::Float };
    println!("{}: {}", arguments.onnx.display(), write(&trained, precision, &arguments.onnx)?);
    if let Some(warning) = warning(&trained, precision) {
        eprintln!("{warning}");
    }
    Ok(())
}

/// Writes `model.onnx` beside the model that a job has left in `folder`, if it has, and says what it holds. A failure is
/// told: the model is there all the same.
pub(crate) fn beside(folder: &Path) -> Result<String, String> {
    if !folder.join("model_card.json").exists() {
        return Err("there is no model yet".to_owned());
    }
    let path = folder.join(FILE);
    let written = Trained::load(folder).and_then(|trained| {
        let said = write(&trained, Precision::Float, &path)?;
        Ok((said, warning(&trained, Precision::Float)))
    });
    match written {
        Ok((said, warning)) => {
            info!("{FILE}: {said}");
            warning.into_iter().for_each(|warning| warn!("{warning}"));
            Ok(format!("{FILE}: {said}"))
        }
        Err(failure) => {
            let why = format!("{FILE} is not written: {failure}");
            warn!("{why}");
            Err(why)
        }
    }
}

fn write(trained: &Trained, precision: Precision, path: &Path) -> Result<String, Failure> {
    let bytes = to_bytes(trained, precision).map_err(|why| {
        Failure::new(Exit::Config, format!("the model cannot be written as ONNX: {why}"))
            .fix("heijunka-aggregator export --double takes numbers of 64 bits")
    })?;
    std::path::absolute(path).and_then(|path| replace_file(&path, &bytes)).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
    })?;
    let outputs = match &trained.card.classes {
        Some(classes) => format!("{} classes", classes.len()),
        None if trained.card.is_anomaly() => "a score".into(),
        None => "a value".into(),
    };
    let (inputs, parameters, size) = (trained.shape.inputs(), trained.parameters.len(), bytes.len());
    Ok(format!("{inputs} inputs, {outputs}, {parameters} parameters, {size} bytes, ONNX opset {OPSET}"))
}

fn warning(trained: &Trained, precision: Precision) -> Option<String> {
    let columns = coarse_columns(trained);
    if columns.is_empty() || precision == Precision::Double {
        return None;
    }
    Some(format!(
        "numbers of 32 bits are coarse for {}: they lie far from 0 compared with their spread; \
         heijunka-aggregator export --double takes numbers of 64 bits",
        columns.join(", ")
    ))
}
