//! What a start makes of the model that it finds in the output folder: it goes on with it, or keeps it and begins anew.

use crate::checkpoint;
use crate::config::Valid;
use heijunka_round::{Event, Level};
use heijunka_settings::{Exit, Failure};

/// Says what training begins with. `None`: there is nothing in the folder.
///
/// # Errors
/// A model that is there would be written over, and cannot be kept.
pub(super) fn begin(valid: &Valid) -> Result<Option<Event>, Failure> {
    let folder = valid.output.display();
    let event = |code, message, fix| Some(Event { level: Level::Info, code, agent: None, message, fix });
    if valid.gone_on.is_some() {
        let steps = valid.plan.start.as_ref().map_or(0, |start| start.steps);
        let message = format!(
            "training goes on after round {steps} of the unfinished model in {folder}; [training] resume = false begins anew"
        );
        return Ok(event("HJ-124", message, "with resume = false that model is kept in its folder checkpoints"));
    }
    let kept = checkpoint::keep_earlier(&valid.output);
    let kept = kept.and_then(|kept| checkpoint::forget_unfinished(&valid.output).map(|()| kept)).map_err(|error| {
        let what = format!("cannot keep the model that is in {folder} before a new one is written there");
        let fix = "make room on that disk, move that model away, or name another folder in [output] directory";
        Failure::new(Exit::Unavailable, what).why(error.to_string()).fix(fix)
    })?;
    let Some(kept) = kept else { return Ok(None) };
    let message = format!("training begins anew; the model that was in {folder} is kept as {}", kept.display());
    Ok(event("HJ-125", message, "to begin with that one: [model] start_from"))
}
