//! What a start makes of the model that it finds in the output folder: it goes on with it, or keeps it and begins anew.

use crate::checkpoint;
use crate::config::Valid;
use heijunka_round::{Event, Level};
use heijunka_settings::{Exit, Failure};
use std::io;

/// Says what training begins with, and what was amiss; nothing if there is nothing in the folder.
///
/// # Errors
/// A model that is there would be written over, and cannot be kept.
pub(super) fn begin(valid: &Valid) -> Result<Vec<Event>, Failure> {
    let event = |level, code, message, fix| Event { level, code, agent: None, message, fix };
    let mended = checkpoint::mend(&valid.output).map_err(|error| cannot_keep(valid, &error))?;
    let mended = mended.map(|told| event(Level::Warn, "HJ-126", told, "nothing has to be done"));
    let found = found(valid)?.map(|(code, message, fix)| event(Level::Info, code, message, fix));
    Ok(mended.into_iter().chain(found).collect())
}

type Told = (&'static str, String, &'static str);

fn found(valid: &Valid) -> Result<Option<Told>, Failure> {
    let folder = valid.output.display();
    if valid.gone_on.is_some() {
        let steps = valid.plan.start.as_ref().map_or(0, |start| start.steps);
        let message = format!(
            "training goes on after round {steps} of the unfinished model in {folder}; [training] resume = false begins anew"
        );
        return Ok(Some(("HJ-124", message, "with resume = false that model is kept in its folder checkpoints")));
    }
    let kept = checkpoint::keep_earlier(&valid.output);
    let kept = kept.and_then(|kept| checkpoint::forget_unfinished(&valid.output).map(|()| kept));
    let kept = kept.map_err(|error| cannot_keep(valid, &error))?;
    let Some(kept) = kept else { return Ok(None) };
    let message = format!("training begins anew; the model that was in {folder} is kept as {}", kept.display());
    Ok(Some(("HJ-125", message, "to begin with that one: [model] start_from")))
}

fn cannot_keep(valid: &Valid, error: &io::Error) -> Failure {
    let what = format!("cannot keep the model that is in {} before a new one is written there", valid.output.display());
    let fix = "make room on that disk, move that model away, or name another folder in [output] directory";
    Failure::new(Exit::Unavailable, what).why(error.to_string()).fix(fix)
}
