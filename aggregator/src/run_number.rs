//! The fencing number: grows with every start of the job's aggregator, kept on disk.

use heijunka_model::replace_file;
use heijunka_settings::{Exit, Failure};
use heijunka_units::RunId;
use std::path::Path;

const FILE: &str = "run";

/// The run that was last begun here; 0 if none was.
pub(crate) fn last(directory: &Path) -> Result<RunId, Failure> {
    let path = directory.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map(RunId).map_err(|_| {
            Failure::new(Exit::Config, format!("{} does not hold a run number", path.display()))
                .fix("write the highest run number that agents have reported into it, or remove it")
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(RunId(0)),
        Err(error) => Err(cannot("read", &path, &error)),
    }
}

/// Stores `run` before it is announced.
pub(crate) fn keep(directory: &Path, run: RunId) -> Result<(), Failure> {
    let path = directory.join(FILE);
    replace_file(&path, run.to_string().as_bytes()).map_err(|error| cannot("write", &path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot {what} {}", path.display()))
        .why(error.to_string())
        .fix("see [output] directory: it must be a folder that this user may write to, with room on its disk")
}
