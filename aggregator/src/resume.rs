//! The saved model that training begins with: one that was left unfinished, or the one that `start_from` names; and what
//! becomes of the model that is in the output folder.

use heijunka_model::{Trained, activation, checkpoint, held_out};
use heijunka_round::{BestModel, Event, Plan, Start};
use heijunka_settings::{Exit, Failure, Problem};
use heijunka_units::{JobName, SiteName};
use heijunka_wire::document::Task;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where to look for a model.
pub(crate) struct Found<'a> {
    pub(crate) site: &'a SiteName,
    pub(crate) job: &'a JobName,
    /// The output folder.
    pub(crate) folder: &'a Path,
    /// Whether an unfinished model in it is resumed.
    pub(crate) resume: bool,
    /// A model to begin a new job with.
    pub(crate) start_from: Option<PathBuf>,
}

/// What training by `plan` begins with; no start: a new model. And how long the job has taken before, if it is
/// resumed.
pub(crate) fn start(found: &Found<'_>, plan: &Plan) -> Result<(Option<Start>, Option<Duration>), Problem> {
    if found.resume
        && let Some((start, taken)) = unfinished(found, plan)?
    {
        return Ok((Some(start), Some(taken)));
    }
    let start = found.start_from.as_deref().map(|path| saved(plan, path)).transpose()?;
    Ok((start, None))
}

fn saved(plan: &Plan, path: &Path) -> Result<Start, Problem> {
    let fix = "name the model.safetensors that an aggregator has written, with its model_card.json beside it";
    let trained = Trained::load_file(path);
    let trained = trained.map_err(|failure| Problem::new("model.start_from", failure.reason(), fix))?;
    fits(plan, &trained).map_err(|(message, fix)| Problem::new("model.start_from", message, fix))?;
    Ok(new_job(&trained))
}

/// A new job's start with a trained model.
fn new_job(trained: &Trained) -> Start {
    Start {
        fitted: trained.fitted.clone(),
        parameters: trained.parameters.clone(),
        steps: 0,
        optimizer: Vec::new(),
        trained: Duration::ZERO,
        unfinished: false,
        best: None,
    }
}

fn unfinished(found: &Found<'_>, plan: &Plan) -> Result<Option<(Start, Duration)>, Problem> {
    let folder = found.folder;
    let problem = |message: String| {
        let message = format!("training cannot resume from the unfinished model in {}: {message}", folder.display());
        let fix = "write resume = false to start a new model (the old one is kept in the folder checkpoints), or name another \
                   folder in [output] directory";
        Problem::new("training.resume", message, fix)
    };
    let Some(left) = checkpoint::unfinished(folder).map_err(problem)? else { return Ok(None) };
    let card = &left.trained.card;
    // Another job's is kept when this one begins.
    if (card.site.as_str(), card.job.as_str()) != (found.site.as_str(), found.job.as_str()) {
        return Ok(None);
    }
    fits(plan, &left.trained).map_err(|(message, _)| problem(message))?;
    // Rows that it was trained on would be scored.
    let (its, own) = (&card.data.held_out, held_out(&plan.job));
    if *its != own {
        return Err(problem(format!("its held-out rows are {its}, and this job's {own}")));
    }
    let (steps, trained, taken) = (left.steps(), card.training.trained(), card.training.taken());
    let start = Start { steps, trained, unfinished: true, ..new_job(&left.trained) };
    let best = left.best.map(|best| BestModel { step: best.step, parameters: best.parameters, scores: best.scores });
    Ok(Some((Start { optimizer: left.optimizer, best, ..start }, taken)))
}

/// What is wrong with `trained` as a beginning of this job, and what to write.
fn fits(plan: &Plan, trained: &Trained) -> Result<(), (String, String)> {
    let card = &trained.card;
    let differ = |what: &str, its: String, own: String, key: &str| {
        let fix = format!("write {key} = {its}, or name another model");
        Err((format!("its {what} is {its}, and this job's {own}"), fix))
    };
    let is_regression = matches!(plan.job.task, Task::Regression);
    if card.classes.is_none() != is_regression {
        let kind = if is_regression { "regression" } else { "classification" };
        return differ("task", format!("{:?}", card.task), format!("{kind:?}"), "kind");
    }
    if card.target != plan.job.target {
        return differ("target", format!("{:?}", card.target), format!("{:?}", plan.job.target), "target");
    }
    let widths = &card.model.widths;
    let hidden = widths.get(1..widths.len().saturating_sub(1)).unwrap_or_default();
    if hidden != plan.hidden {
        return differ("list of hidden layers", format!("{hidden:?}"), format!("{:?}", plan.hidden), "hidden");
    }
    let own: Vec<_> = plan.convolutions.iter().map(|layer| (layer.filters, layer.kernel, layer.stride)).collect();
    let its = card.model.convolutions.iter().flat_map(|convolutions| &convolutions.layers);
    let its: Vec<_> = its.map(|layer| (layer.filters, layer.kernel, layer.stride)).collect();
    if its != own {
        let message = format!("its convolutions (filters, kernel, stride) are {its:?}, and this job's {own:?}");
        return Err((message, "write filters, kernel and stride like its, or name another model".into()));
    }
    let activation = activation(plan.activation);
    if card.model.activation != activation {
        return differ("activation", format!("{:?}", card.model.activation), format!("{activation:?}"), "activation");
    }
    Ok(())
}

/// Says what training begins with, and what was wrong with the folder; nothing if there is nothing in it. `resumed_after`: the
/// round of an unfinished model that is resumed.
///
/// # Errors
/// A model that is there would be written over, and cannot be kept.
pub(crate) fn begin(folder: &Path, resumed_after: Option<u64>) -> Result<Vec<Event>, Failure> {
    let repaired = checkpoint::repair(folder).map_err(|error| cannot_keep(folder, &error))?;
    let repaired = repaired.map(|what| Event::Repaired { what });
    Ok(repaired.into_iter().chain(found(folder, resumed_after)?).collect())
}

fn found(folder: &Path, resumed_after: Option<u64>) -> Result<Option<Event>, Failure> {
    let shown = folder.display().to_string();
    if let Some(step) = resumed_after {
        return Ok(Some(Event::Continued { folder: shown, step }));
    }
    let kept = checkpoint::keep_earlier(folder);
    let kept = kept.and_then(|kept| checkpoint::forget_unfinished(folder).map(|()| kept));
    let kept = kept.map_err(|error| cannot_keep(folder, &error))?;
    Ok(kept.map(|kept| Event::StartedOver { folder: shown, kept: kept.display().to_string() }))
}

fn cannot_keep(folder: &Path, error: &io::Error) -> Failure {
    let what = format!("cannot keep the model that is in {} before a new one is written there", folder.display());
    let fix = "make room on that disk, move that model away, or name another folder in [output] directory";
    Failure::new(Exit::Unavailable, what).why(error.to_string()).fix(fix)
}
