//! What the worker notices, for the log.

use crate::config::Valid;
use heijunka_settings::{Exit, Failure};
use heijunka_worker::Note;
use tracing::{info, warn};

/// Logs what the worker noticed; some of it ends the agent.
pub(crate) fn on_note(valid: &Valid, note: Note) -> Result<(), Failure> {
    match note {
        Note::NoRoom { .. } => {
            let fix = "raise [limits] memory, or choose a smaller model";
            return Err(Failure::new(Exit::Config, format!("{}: {note}", valid.path.display())).fix(fix));
        }
        Note::Refused(_) => {
            let fix = "correct it on this machine or in the aggregator's settings, then start the agent again";
            return Err(Failure::new(Exit::Config, format!("job {}: {note}", valid.job)).fix(fix));
        }
        Note::Undecodable(_)
        | Note::BadPart(_)
        | Note::StaleRun(_)
        | Note::DigestMismatch
        | Note::Overtaken(_)
        | Note::Lacks(_) => {
            warn!("{note}");
        }
        Note::Share { .. } => tracing::debug!("{note}"),
        Note::NewRun(_) | Note::Settled(_) | Note::Joined | Note::Finished => info!("{note}"),
    }
    Ok(())
}
