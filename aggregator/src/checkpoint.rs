//! The files of a model: written whole or not at all, older ones kept as told, and read again to go on from.

use crate::card::Card;
use crate::model_file::{replace_file, to_bytes};
use crate::predict::Trained;
use heijunka_round::{BestModel, Coordinator, Outcome, Start, model_shape};
use heijunka_wire::document::{Document, Scores};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of older checkpoints, within the output folder.
const OLDER: &str = "checkpoints";
/// How the names begin there of models that another job has left.
const EARLIER: &str = "earlier-";
/// As many of them are kept.
const EARLIER_KEPT: usize = 3;
/// What a step leaves in the optimizer, beside the model.
const STATE: &str = "optimizer.safetensors";
/// The best model so far, where that is kept and is not the last one.
const BEST: &str = "best.safetensors";

/// Writes model, card, what the next aggregator needs to go on with an unfinished one, and, unless `keep` is 0, a checkpoint beside the `keep - 1`
/// newest ones into `folder`.
pub(crate) fn write(folder: &Path, keep: usize, coordinator: &Coordinator, card: &Card) -> io::Result<()> {
    let Some(model) = coordinator.model() else { return Ok(()) };
    let misfit = || io::Error::other("the model does not fit its shape");
    let shape = coordinator.shape().and_then(|shape| model_shape(shape).ok()).ok_or_else(misfit)?;
    let model = to_bytes(&shape, model).ok_or_else(misfit)?;
    let card_text = serde_json::to_vec_pretty(card)?;
    replace_file(&folder.join("model.safetensors"), &model)?;
    replace_file(&folder.join("model_card.json"), &card_text)?;
    if is_unfinished(card) {
        let state = state_bytes(coordinator.steps(), coordinator.optimizer_state()).ok_or_else(misfit)?;
        replace_file(&folder.join(STATE), &state)?;
        if let Some(best) = coordinator.best() {
            replace_file(&folder.join(BEST), &best_bytes(&best).ok_or_else(misfit)?)?;
        }
    } else {
        forget_unfinished(folder)?;
    }
    if keep > 0 {
        let older = folder.join(OLDER);
        std::fs::create_dir_all(&older)?;
        let stem = format!("run-{}-round-{}", coordinator.run(), coordinator.steps());
        replace_file(&older.join(format!("{stem}.safetensors")), &model)?;
        replace_file(&older.join(format!("{stem}.json")), &card_text)?;
        prune(&older, "", keep)?;
    }
    Ok(())
}

/// Keeps the model that is in `folder` among the older checkpoints before a new job writes its own; returns its path, or
/// `None` if there is none. Only the newest [`EARLIER_KEPT`] of these stay, apart from a job's own checkpoints.
///
/// It stays in its place, too, until the new job has something better.
pub(crate) fn keep_earlier(folder: &Path) -> io::Result<Option<PathBuf>> {
    let model = match std::fs::read(folder.join("model.safetensors")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        model => model?,
    };
    let card = std::fs::read(folder.join("model_card.json")).ok();
    let described = card.as_deref().and_then(|card| serde_json::from_slice::<Card>(card).ok());
    let (run, round) = described.map_or((0, 0), |card| (card.training.run, card.training.rounds));
    let older = folder.join(OLDER);
    std::fs::create_dir_all(&older)?;
    let kept = older.join(format!("{EARLIER}run-{run}-round-{round}.safetensors"));
    replace_file(&kept, &model)?;
    if let Some(card) = card {
        replace_file(&kept.with_extension("json"), &card)?;
    }
    prune(&older, EARLIER, EARLIER_KEPT)?;
    Ok(Some(kept))
}

/// Removes all but the `keep` newest checkpoints whose names begin so; leaves everything else in the folder alone.
fn prune(folder: &Path, beginning: &str, keep: usize) -> io::Result<()> {
    let mut found: Vec<((u64, u64), PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        found.extend(age(&path, beginning).map(|age| (age, path)));
    }
    found.sort();
    let old = found.len().saturating_sub(keep);
    for (_, path) in found.iter().take(old) {
        std::fs::remove_file(path)?;
        remove(&path.with_extension("json"))?;
    }
    Ok(())
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether the next aggregator is to go on with the model: it was cut off, or stopped.
fn is_unfinished(card: &Card) -> bool {
    card.training.ended.as_deref().is_none_or(|ended| ended == Outcome::Stopped.to_string())
}

/// Run and round of a checkpoint's model.
fn age(path: &Path, beginning: &str) -> Option<(u64, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".safetensors")?;
    let name = name.strip_prefix(beginning)?.strip_prefix("run-")?;
    let (run, round) = name.split_once("-round-")?;
    Some((run.parse().ok()?, round.parse().ok()?))
}

fn state_bytes(steps: u64, state: &[f32]) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = state.iter().flat_map(|number| number.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![state.len()], &bytes).ok()?;
    let told = HashMap::from([("steps".to_owned(), steps.to_string())]);
    safetensors::serialize([("state", view)], Some(told)).ok()
}

/// The optimizer's state after `steps` steps; empty if the file has none of them.
fn state_after(steps: u64, folder: &Path) -> Vec<f32> {
    let read = || {
        let bytes = std::fs::read(folder.join(STATE)).ok()?;
        let (_, told) = SafeTensors::read_metadata(&bytes).ok()?;
        let is_of = told.metadata().as_ref()?.get("steps")?.parse::<u64>().ok()?;
        let tensors = SafeTensors::deserialize(&bytes).ok()?;
        numbers(&tensors, "state").filter(|_| is_of == steps)
    };
    read().unwrap_or_default()
}

/// The model is not gone on with: what that would take is of no use.
pub(crate) fn forget_unfinished(folder: &Path) -> io::Result<()> {
    remove(&folder.join(STATE))?;
    remove(&folder.join(BEST))
}

fn best_bytes(best: &BestModel) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = best.parameters.iter().flat_map(|number| number.to_le_bytes()).collect();
    let scores = best.scores.to_bytes();
    let parameters = TensorView::new(Dtype::F32, vec![best.parameters.len()], &bytes).ok()?;
    let scores = TensorView::new(Dtype::U8, vec![scores.len()], &scores).ok()?;
    let told = HashMap::from([("step".to_owned(), best.step.to_string())]);
    safetensors::serialize([("parameters", parameters), ("scores", scores)], Some(told)).ok()
}

/// The best model of a training of which the file tells; `None` if it is none.
fn best_of(folder: &Path) -> Option<BestModel> {
    let bytes = std::fs::read(folder.join(BEST)).ok()?;
    let (_, told) = SafeTensors::read_metadata(&bytes).ok()?;
    let step = told.metadata().as_ref()?.get("step")?.parse().ok()?;
    let tensors = SafeTensors::deserialize(&bytes).ok()?;
    let parameters = numbers(&tensors, "parameters")?;
    let scores = Scores::from_bytes(tensors.tensor("scores").ok()?.data()).ok()?;
    Some(BestModel { step, parameters, scores })
}

/// A tensor's numbers, all of them finite.
fn numbers(tensors: &SafeTensors<'_>, name: &str) -> Option<Vec<f32>> {
    let tensor = tensors.tensor(name).ok()?;
    let numbers = tensor.data().as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number));
    let numbers: Vec<f32> = numbers.collect();
    numbers.iter().all(|number| number.is_finite()).then_some(numbers)
}

/// The model that an earlier aggregator has left unfinished in `folder`; `None` if there is none.
///
/// # Errors
/// There is one that cannot be read.
pub(crate) fn unfinished(folder: &Path) -> Result<Option<(Trained, Start)>, String> {
    if !folder.join("model_card.json").exists() {
        return Ok(None);
    }
    let trained = Trained::load(folder).map_err(|failure| failure.reason())?;
    if !is_unfinished(&trained.card) {
        return Ok(None);
    }
    // The best model is not the last one: what the last step left in the optimizer is not its own.
    let steps = trained.card.training.best_round.unwrap_or(trained.card.training.rounds);
    let trained_for = trained.card.training.trained();
    let optimizer = state_after(steps, folder);
    let best = best_of(folder);
    let start = Start { steps, optimizer, trained: trained_for, unfinished: true, best, ..start(&trained) };
    Ok(Some((trained, start)))
}

/// A new job's start with a trained model.
pub(crate) fn start(trained: &Trained) -> Start {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_checkpoints_stay_and_other_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        for (run, round) in [(2, 900), (10, 50), (10, 1000), (9, 7)] {
            put(&format!("run-{run}-round-{round}.safetensors"));
            put(&format!("run-{run}-round-{round}.json"));
        }
        put("run-1-round-x.safetensors");
        put("notes.txt");
        prune(folder.path(), "", 2).unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let kept =
            ["notes.txt", "run-1-round-x.safetensors", "run-10-round-1000.json", "run-10-round-1000.safetensors"];
        assert_eq!(names[..4], kept);
        assert_eq!(names[4..], ["run-10-round-50.json", "run-10-round-50.safetensors"]);
    }

    #[test]
    fn what_an_earlier_job_has_left_is_kept_and_only_the_newest_of_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(keep_earlier(folder.path()).unwrap(), None);
        // Runs of which one has no card that can be read.
        for run in [0_u64, 2, 10, 9, 11] {
            std::fs::write(folder.path().join("model.safetensors"), run.to_le_bytes()).unwrap();
            std::fs::write(folder.path().join("model_card.json"), sample_card(run)).unwrap();
            let kept = keep_earlier(folder.path()).unwrap().unwrap();
            assert!(folder.path().join("model.safetensors").exists(), "it stays in its place");
            assert!(
                kept.ends_with(format!("checkpoints/earlier-run-{run}-round-{}.safetensors", run * 10)),
                "{kept:?}"
            );
        }
        let older = folder.path().join(OLDER);
        let there = |run: u64| {
            let path = older.join(format!("earlier-run-{run}-round-{}.safetensors", run * 10));
            assert_eq!(path.exists(), path.with_extension("json").exists());
            std::fs::read(path).ok()
        };
        for run in [9, 10, 11] {
            assert_eq!(there(run), Some(run.to_le_bytes().to_vec()));
        }
        assert_eq!((there(0), there(2)), (None, None));
        prune(&older, "", 0).unwrap();
        assert!(there(11).is_some(), "the job's own checkpoints are counted apart");
    }

    /// A card of that run; for 0 one that cannot be read.
    fn sample_card(run: u64) -> String {
        if run == 0 {
            return "{".into();
        }
        let training = serde_json::json!({
            "policy": "equal", "global_batch_samples": 8, "optimizer": "", "rounds": run * 10, "max_rounds": 500,
            "seed": 0, "run": run, "ended": null, "seconds": 1.5,
        });
        let data = serde_json::json!({ "mode": "shared", "weighting": "", "held_out": "", "agents": [] });
        let model = serde_json::json!({ "file": "", "widths": [1, 1], "activation": "relu", "parameters": 2 });
        serde_json::json!({
            "heijunka_version": "", "created": "", "site": "", "job": "", "task": "regression", "target": "y",
            "inputs": [], "classes": null, "class_weights": null, "target_scaling": null, "model": model, "data": data,
            "training": training, "scores": null, "usage": null,
        })
        .to_string()
    }

    #[test]
    fn the_best_model_is_read_as_it_was_written_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        assert!(best_of(folder.path()).is_none());
        let scores = Scores { rows: 7, loss_sum: 1.5, ..Scores::default() };
        let best = BestModel { step: 40, parameters: vec![0.5, -1.0], scores };
        let bytes = best_bytes(&best).unwrap();
        std::fs::write(folder.path().join(BEST), &bytes).unwrap();
        let read = best_of(folder.path()).unwrap();
        assert_eq!((read.step, read.parameters, read.scores), (best.step, best.parameters, best.scores));
        std::fs::write(folder.path().join(BEST), &bytes[..bytes.len() - 1]).unwrap();
        assert!(best_of(folder.path()).is_none(), "a torn one is none");
        forget_unfinished(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_optimizers_state_is_that_of_its_steps_or_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(state_after(7, folder.path()).is_empty());
        std::fs::write(folder.path().join(STATE), state_bytes(7, &[0.5, -2.0]).unwrap()).unwrap();
        assert_eq!(state_after(7, folder.path()), [0.5, -2.0]);
        assert!(state_after(8, folder.path()).is_empty(), "another save's");
    }
}
