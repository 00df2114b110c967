//! The files of a model: written whole or not at all, older ones kept on request, and read again to resume from.

use crate::card::Card;
use crate::safetensors::to_bytes;
use crate::{Trained, replace_file};
use heijunka_learn::ModelShape;
use safetensors::SafeTensors;
use std::io;
use std::path::{Path, PathBuf};
pub use unfinished::{Best, Unfinished};

mod unfinished;

/// Why a job has ended that the next aggregator resumes.
pub const STOPPED: &str = "it was asked to stop";

const MODEL: &str = "model.safetensors";
const CARD: &str = "model_card.json";
/// The folder of older checkpoints, within the output folder.
const OLDER: &str = "checkpoints";
/// How the names begin there of models that another job has left.
const EARLIER: &str = "earlier-";
/// As many of them are kept.
const EARLIER_KEPT: usize = 3;

/// What is saved.
pub struct Save<'a> {
    /// What is said of the model.
    pub card: &'a Card,
    /// Its layers.
    pub shape: &'a ModelShape,
    /// As many as the shape says.
    pub parameters: &'a [f32],
    /// What the steps so far have left in the optimizer.
    pub optimizer: &'a [f32],
    /// The best model so far, where that is kept and is not the last one.
    pub best: Option<&'a Best>,
}

/// Writes model, card and what the next aggregator needs to resume an unfinished one into `folder`.
///
/// # Errors
/// A file cannot be written, or the parameters do not fit the shape.
pub fn write(folder: &Path, save: &Save<'_>) -> io::Result<()> {
    let misfit = || io::Error::other("the model does not fit its shape");
    if save.parameters.len() != save.shape.parameters() {
        return Err(misfit());
    }
    let model = to_bytes(save.shape, save.parameters).ok_or_else(misfit)?;
    let card = serde_json::to_vec_pretty(save.card)?;
    if is_unfinished(save.card) {
        // First, and whole by itself: if this save is interrupted, it holds what the next start resumes.
        let left = unfinished::bytes(save.parameters, save.optimizer, save.best, &card).ok_or_else(misfit)?;
        replace_file(&folder.join(unfinished::FILE), &left)?;
    }
    replace_file(&folder.join(MODEL), &model)?;
    replace_file(&folder.join(CARD), &card)?;
    if is_unfinished(save.card) { Ok(()) } else { forget_unfinished(folder) }
}

/// Keeps the model that is in `folder` as a checkpoint beside the `keep - 1` newest ones, unless `keep` is 0.
pub fn keep(folder: &Path, keep: usize, card: &Card) -> io::Result<()> {
    if keep == 0 {
        return Ok(());
    }
    let older = folder.join(OLDER);
    std::fs::create_dir_all(&older)?;
    let kept = older.join(format!("run-{}-round-{}.safetensors", card.training.run, card.training.rounds));
    replace_file(&kept, &std::fs::read(folder.join(MODEL))?)?;
    replace_file(&kept.with_extension("json"), &std::fs::read(folder.join(CARD))?)?;
    prune(&older, "", keep)
}

/// Keeps the model that is in `folder` among the older checkpoints before a new job writes its own; returns its path, or
/// `None` if there is none. Only the newest [`EARLIER_KEPT`] of these stay, apart from a job's own checkpoints.
///
/// It stays in its place, too, until the new job has something better.
pub fn keep_earlier(folder: &Path) -> io::Result<Option<PathBuf>> {
    let model = match std::fs::read(folder.join(MODEL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        model => model?,
    };
    let card = std::fs::read(folder.join(CARD)).ok();
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

/// Whether the next aggregator resumes the model: its job was interrupted or stopped.
fn is_unfinished(card: &Card) -> bool {
    card.training.ended.as_deref().is_none_or(|ended| ended == STOPPED)
}

/// Run and round of a checkpoint's model.
fn age(path: &Path, beginning: &str) -> Option<(u64, u64)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".safetensors")?;
    let name = name.strip_prefix(beginning)?.strip_prefix("run-")?;
    let (run, round) = name.split_once("-round-")?;
    Some((run.parse().ok()?, round.parse().ok()?))
}

/// Removes what resuming needs: the model is not resumed.
pub fn forget_unfinished(folder: &Path) -> io::Result<()> {
    remove(&folder.join(unfinished::FILE))
}

/// Repairs a folder in which a save was interrupted between the model and its card; returns what was done, or what is lost.
pub fn repair(folder: &Path) -> io::Result<Option<String>> {
    let name = unfinished::FILE;
    let left = match unfinished::read(folder) {
        Ok(Some(left)) => left,
        Ok(None) => return Ok(None),
        Err(why) => {
            return Ok(Some(format!("{name} cannot be read ({why}): the optimizer starts from its initial state")));
        }
    };
    if Trained::load_at_once(folder).is_ok() {
        return Ok(None);
    }
    let [model, card] = left.files().ok_or_else(|| io::Error::other("the model does not fit its shape"))?;
    replace_file(&folder.join(MODEL), &model)?;
    replace_file(&folder.join(CARD), &card)?;
    let round = left.trained.card.training.rounds;
    Ok(Some(format!("the last save was interrupted: {MODEL} and {CARD} are now those of {name}, after round {round}")))
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
pub fn unfinished(folder: &Path) -> Result<Option<Unfinished>, String> {
    let shown = Trained::load_at_once(folder);
    // `repair` reports one that cannot be read.
    if let Some(left) = unfinished::read(folder).ok().flatten()
        && !shown.as_ref().is_ok_and(|shown| is_finished_since(&shown.card, &left.trained.card))
    {
        return Ok(Some(left));
    }
    if !folder.join(CARD).exists() {
        return Ok(None);
    }
    let trained = shown.map_err(|failure| failure.reason())?;
    if !is_unfinished(&trained.card) {
        return Ok(None);
    }
    Ok(Some(Unfinished { trained, optimizer: Vec::new(), best: None }))
}

/// Whether a job had ended with `shown` when it was cut off before it forgot what it had left unfinished.
fn is_finished_since(shown: &Card, left: &Card) -> bool {
    let when = |card: &Card| (card.training.run, card.training.rounds);
    !is_unfinished(shown) && when(shown) >= when(left)
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
            std::fs::write(folder.path().join("model_card.json"), sample_card(run, None)).unwrap();
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
    pub(super) fn sample_card(run: u64, ended: Option<&str>) -> String {
        if run == 0 {
            return "{".into();
        }
        let training = serde_json::json!({
            "policy": "equal", "global_batch_samples": 8, "optimizer": "", "rounds": run * 10, "max_rounds": 500,
            "best_round": null, "seed": 0, "run": run, "ended": ended, "seconds": 1.5,
        });
        let data = serde_json::json!({ "mode": "shared", "weighting": "", "held_out": "", "agents": [] });
        let digest = crate::card::digest(&parameters(run));
        let model = serde_json::json!({
            "file": "", "widths": [1, 1], "activation": "relu", "parameters": 2, "digest": digest,
        });
        let scaling = serde_json::json!({ "offset": 0.0, "scale": 1.0 });
        serde_json::json!({
            "heijunka_version": "", "created": "", "site": "", "job": "", "task": "regression", "target": "y",
            "inputs": [{ "name": "x", "scaling": scaling }], "classes": null, "class_weights": null,
            "target_scaling": scaling, "model": model, "data": data,
            "training": training, "scores": null, "usage": null,
        })
        .to_string()
    }

    fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(folder.join(name), bytes).unwrap();
    }

    /// The files of a save after this run's rounds, as they would be written one after the other.
    fn save(run: u64, ended: Option<&str>) -> [(&'static str, Vec<u8>); 3] {
        let card = sample_card(run, ended);
        let trained = Trained::new(serde_json::from_str(&card).unwrap(), parameters(run)).unwrap();
        let left = Unfinished { trained, optimizer: Vec::new(), best: None };
        let [model, _] = left.files().unwrap();
        let state = unfinished::bytes(&parameters(run), &[run as f32], None, card.as_bytes()).unwrap();
        [(unfinished::FILE, state), (MODEL, model), (CARD, card.into())]
    }

    #[test]
    fn whenever_a_save_is_interrupted_the_resumed_files_belong_together() {
        for written in 0..=3 {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            save(4, None).iter().for_each(|(name, bytes)| write(folder, name, bytes));
            save(5, None).iter().take(written).for_each(|(name, bytes)| write(folder, name, bytes));
            let run = if written == 0 { 4 } else { 5 };
            let left = unfinished(folder).unwrap().unwrap();
            assert_eq!((left.trained.card.training.run, left.steps()), (run, run * 10), "{written} files written");
            assert_eq!((left.trained.parameters, left.optimizer), (parameters(run), vec![run as f32]));
            let report = repair(folder).unwrap();
            assert_eq!(report.is_some(), written == 2, "{report:?}");
            let shown = Trained::load_at_once(folder).unwrap();
            assert_eq!(shown.parameters, parameters(shown.card.training.run));
            assert_eq!(repair(folder).unwrap(), None, "it is repaired");
        }
    }

    #[test]
    fn a_first_save_that_is_interrupted_is_resumed_too() {
        for written in 1..=3 {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            assert!(unfinished(folder).unwrap().is_none());
            save(5, None).iter().take(written).for_each(|(name, bytes)| write(folder, name, bytes));
            assert_eq!(unfinished(folder).unwrap().unwrap().steps(), 50);
            assert_eq!(repair(folder).unwrap().is_some(), written < 3);
            assert_eq!(Trained::load_at_once(folder).unwrap().parameters, parameters(5));
        }
    }

    #[test]
    fn a_job_that_ended_before_it_could_forget_is_over_and_one_that_did_not_end_is_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        save(4, None).iter().for_each(|(name, bytes)| write(folder, name, bytes));
        let [_, model, card] = save(5, Some("all rounds are done"));
        write(folder, model.0, &model.1);
        let left = unfinished(folder).unwrap().unwrap();
        assert_eq!(left.steps(), 40, "the end was not written");
        write(folder, card.0, &card.1);
        assert!(unfinished(folder).unwrap().is_none());
        assert_eq!(repair(folder).unwrap(), None);
        // A stopped one is unfinished.
        save(6, Some(STOPPED)).iter().for_each(|(name, bytes)| write(folder, name, bytes));
        assert_eq!(unfinished(folder).unwrap().unwrap().steps(), 60);
        forget_unfinished(folder).unwrap();
        let left = unfinished(folder).unwrap().unwrap();
        assert_eq!((left.steps(), left.trained.parameters), (60, parameters(6)), "model and card are enough");
    }

    #[test]
    fn a_damaged_file_is_reported_and_model_and_card_are_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        save(4, None).iter().for_each(|(name, bytes)| write(folder, name, bytes));
        write(folder, unfinished::FILE, "torn");
        let left = unfinished(folder).unwrap().unwrap();
        assert_eq!((left.steps(), left.optimizer), (40, vec![]));
        let report = repair(folder).unwrap().unwrap();
        assert!(
            report.contains("unfinished.safetensors cannot be read") && report.contains("initial state"),
            "{report}"
        );
        // Nothing is left that belongs together.
        write(folder, MODEL, &save(5, None)[1].1);
        assert!(unfinished(folder).is_err_and(|why| why.contains("another save")));
    }

    fn parameters(run: u64) -> Vec<f32> {
        vec![run as f32, -1.0]
    }
}
