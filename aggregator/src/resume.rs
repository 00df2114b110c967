//! The saved model that training goes on from: one that was left unfinished, or the one that `start_from` names.

use super::File;
use crate::checkpoint;
use crate::predict::Trained;
use heijunka_round::{Plan, Start};
use heijunka_settings::{Loaded, Problem};
use heijunka_wire::document::Task;
use std::path::Path;
use std::time::Duration;

/// What training by `plan` begins with; no start: a new model. And how long the job has taken before, if it is gone on
/// with.
pub(super) fn start(loaded: &Loaded<File>, plan: &Plan) -> Result<(Option<Start>, Option<Duration>), Problem> {
    let file = &loaded.settings;
    if file.training.resume() {
        let folder = file.output.directory(|path| loaded.resolve(path));
        if let Some((start, taken)) = unfinished(file, plan, &folder)? {
            return Ok((Some(start), Some(taken)));
        }
    }
    let start = file.model.start_from().map(|path| saved(plan, &loaded.resolve(path))).transpose()?;
    Ok((start, None))
}

fn saved(plan: &Plan, path: &Path) -> Result<Start, Problem> {
    let fix = "name the model.safetensors that an aggregator has written, with its model_card.json beside it";
    let trained = Trained::load_file(path);
    let trained = trained.map_err(|failure| Problem::new("model.start_from", failure.reason(), fix))?;
    fits(plan, &trained).map_err(|(message, fix)| Problem::new("model.start_from", message, fix))?;
    Ok(checkpoint::start(&trained))
}

fn unfinished(file: &File, plan: &Plan, folder: &Path) -> Result<Option<(Start, Duration)>, Problem> {
    let problem = |message: String| {
        let message = format!("the unfinished model in {} cannot be gone on with: {message}", folder.display());
        let fix = "write resume = false to begin anew (that model is kept in its folder checkpoints), or name another \
                   folder in [output] directory";
        Problem::new("training.resume", message, fix)
    };
    let Some((trained, start)) = checkpoint::unfinished(folder).map_err(problem)? else { return Ok(None) };
    let card = &trained.card;
    // Another job's is kept when this one begins.
    if (&card.site, &card.job) != (&file.site, &file.job) {
        return Ok(None);
    }
    fits(plan, &trained).map_err(|(message, _)| problem(message))?;
    // Rows that it was trained on would be scored.
    let (its, own) = (&card.data.held_out, crate::card::held_out(&plan.job));
    if *its != own {
        return Err(problem(format!("its held-out rows are {its}, and this job's {own}")));
    }
    Ok(Some((start, card.training.taken())))
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
    let activation = crate::card::activation(plan.activation);
    if card.model.activation != activation {
        return differ("activation", format!("{:?}", card.model.activation), format!("{activation:?}"), "activation");
    }
    Ok(())
}
