//! The files of a model: written whole or not at all, older ones kept as told, and read again to go on from.

use crate::card::Card;
use crate::model_file::{replace_file, to_bytes};
use crate::predict::Trained;
use heijunka_round::{Coordinator, Outcome, Start, model_shape};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of older checkpoints, within the output folder.
const OLDER: &str = "checkpoints";
/// What a step leaves in the optimizer, beside the model.
const STATE: &str = "optimizer.safetensors";

/// What is kept beside the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    /// Older checkpoints; with none the folder is left alone.
    pub(crate) older: usize,
    /// Whether the next aggregator is to go on where this one has stopped.
    pub(crate) resume: bool,
}

/// Writes model, card and what `keeping` asks for into `folder`.
pub(crate) fn write(folder: &Path, keeping: Keeping, coordinator: &Coordinator, card: &Card) -> io::Result<()> {
    let Some(model) = coordinator.model() else { return Ok(()) };
    let misfit = || io::Error::other("the model does not fit its shape");
    let shape = coordinator.shape().and_then(|shape| model_shape(shape).ok()).ok_or_else(misfit)?;
    let model = to_bytes(&shape, model).ok_or_else(misfit)?;
    let card_text = serde_json::to_vec_pretty(card)?;
    replace_file(&folder.join("model.safetensors"), &model)?;
    replace_file(&folder.join("model_card.json"), &card_text)?;
    if keeping.resume {
        let state = state_bytes(coordinator.steps(), coordinator.optimizer_state()).ok_or_else(misfit)?;
        replace_file(&folder.join(STATE), &state)?;
    }
    if keeping.older > 0 {
        let older = folder.join(OLDER);
        std::fs::create_dir_all(&older)?;
        let stem = format!("run-{}-round-{}", coordinator.run(), coordinator.steps());
        replace_file(&older.join(format!("{stem}.safetensors")), &model)?;
        replace_file(&older.join(format!("{stem}.json")), &card_text)?;
        prune(&older, keeping.older)?;
    }
    Ok(())
}

/// Removes all but the `keep` newest checkpoints; leaves everything else in the folder alone.
fn prune(folder: &Path, keep: usize) -> io::Result<()> {
    let mut found: Vec<((u64, u64), PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        found.extend(age(&path).map(|age| (age, path)));
    }
    found.sort();
    let old = found.len().saturating_sub(keep);
    for (_, path) in found.iter().take(old) {
        std::fs::remove_file(path)?;
        match std::fs::remove_file(path.with_extension("json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Run and round of a checkpoint's model.
fn age(path: &Path) -> Option<(u64, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".safetensors")?.strip_prefix("run-")?;
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
        let numbers = tensors.tensor("state").ok()?.data().as_chunks::<4>().0;
        let numbers: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
        (is_of == steps && numbers.iter().all(|number| number.is_finite())).then_some(numbers)
    };
    read().unwrap_or_default()
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
    let ended = trained.card.training.ended.as_deref();
    if ended.is_some_and(|ended| ended != Outcome::Stopped.to_string()) {
        return Ok(None);
    }
    // The best model is not the last one: what the last step left in the optimizer is not its own.
    let steps = trained.card.training.best_round.unwrap_or(trained.card.training.rounds);
    let start = Start { steps, optimizer: state_after(steps, folder), ..start(&trained) };
    Ok(Some((trained, start)))
}

/// A new job's start with a trained model.
pub(crate) fn start(trained: &Trained) -> Start {
    Start { fitted: trained.fitted.clone(), parameters: trained.parameters.clone(), steps: 0, optimizer: Vec::new() }
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
        prune(folder.path(), 2).unwrap();
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
    fn the_optimizers_state_is_that_of_its_steps_or_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(state_after(7, folder.path()).is_empty());
        std::fs::write(folder.path().join(STATE), state_bytes(7, &[0.5, -2.0]).unwrap()).unwrap();
        assert_eq!(state_after(7, folder.path()), [0.5, -2.0]);
        assert!(state_after(8, folder.path()).is_empty(), "another save's");
    }
}
