//! `unfinished.safetensors`: all that the next aggregator needs to resume a job, in one file. However a save is
//! interrupted, the contents of the file belong together.

use super::numbers;
use crate::Trained;
use crate::card::Card;
use crate::safetensors::to_bytes;
use heijunka_wire::document::{Document, Scores};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::HashMap;
use std::path::Path;

/// The file in the output folder.
pub(super) const FILE: &str = "unfinished.safetensors";

/// What an aggregator has left unfinished.
pub struct Unfinished {
    /// The model and its card.
    pub trained: Trained,
    /// What the steps so far have left in the optimizer; empty if the model is not the last one.
    pub optimizer: Vec<f32>,
    /// The best model so far, where that is kept and is not the last one.
    pub best: Option<Best>,
}

/// The best model so far.
pub struct Best {
    /// Steps that it has taken.
    pub step: u64,
    /// Its parameters.
    pub parameters: Vec<f32>,
    /// Its scores on the held-out rows.
    pub scores: Scores,
}

/// The file's bytes: parameters, what is in the optimizer, the best model so far, and the card; `None` if a number of them
/// cannot be written.
pub(super) fn bytes(parameters: &[f32], state: &[f32], best: Option<&Best>, card: &[u8]) -> Option<Vec<u8>> {
    let little = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let view = |bytes| TensorView::new(Dtype::F32, vec![<[u8]>::len(bytes) / 4], bytes).ok();
    let (model, state) = (little(parameters), little(state));
    let best = best.map(|best| (best.step, little(&best.parameters), best.scores.to_bytes()));
    let mut views = vec![("parameters", view(&model)?), ("state", view(&state)?)];
    let mut metadata = HashMap::from([("card".to_owned(), std::str::from_utf8(card).ok()?.to_owned())]);
    if let Some((step, parameters, scores)) = &best {
        views.push(("best", view(parameters)?));
        views.push(("best_scores", TensorView::new(Dtype::U8, vec![scores.len()], scores).ok()?));
        metadata.insert("best_step".to_owned(), step.to_string());
    }
    safetensors::serialize(views, Some(metadata)).ok()
}

/// Reads the file; `None` if there is none.
///
/// # Errors
/// It cannot be read, or is not whole.
pub(super) fn read(folder: &Path) -> Result<Option<Unfinished>, String> {
    match std::fs::read(folder.join(FILE)) {
        Ok(bytes) => left(&bytes).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn left(bytes: &[u8]) -> Result<Unfinished, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let entry = |name: &str| metadata.metadata().as_ref().and_then(|entries| entries.get(name));
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let card: Card = serde_json::from_str(entry("card").ok_or("it has no card")?).map_err(|error| error.to_string())?;
    let lacks = |name: &str| format!("{name} is missing or not finite");
    let parameters = numbers(&tensors, "parameters").ok_or_else(|| lacks("parameters"))?;
    let state = numbers(&tensors, "state").ok_or_else(|| lacks("state"))?;
    let trained = Trained::new(card, parameters)?;
    // A stopped job's model may be the best one, and what the last step has left in the optimizer is not its own.
    let training = &trained.card.training;
    let is_last = training.best_round.is_none_or(|round| round == training.rounds);
    let best = entry("best_step").and_then(|step| {
        let parameters = numbers(&tensors, "best")?;
        let scores = Scores::from_bytes(tensors.tensor("best_scores").ok()?.data()).ok()?;
        Some(Best { step: step.parse().ok()?, parameters, scores })
    });
    let best = best.filter(|best| best.parameters.len() == trained.parameters.len());
    Ok(Unfinished { optimizer: if is_last { state } else { Vec::new() }, best, trained })
}

impl Unfinished {
    /// Steps that its model has taken.
    pub fn steps(&self) -> u64 {
        let training = &self.trained.card.training;
        training.best_round.unwrap_or(training.rounds)
    }

    /// Its model as `model.safetensors` holds it, and its card.
    pub(super) fn files(&self) -> Option<[Vec<u8>; 2]> {
        let model = to_bytes(&self.trained.shape, &self.trained.parameters)?;
        Some([model, serde_json::to_vec_pretty(&self.trained.card).ok()?])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample_card;
    use super::*;

    #[test]
    fn what_is_left_is_read_as_it_was_written_or_not_at_all() {
        let scores = Scores { rows: 7, loss_sum: 1.5, ..Scores::default() };
        let best = Best { step: 40, parameters: vec![0.5, -1.0], scores };
        let state = [0.25, -2.0, 1.0];
        let card = sample_card(5, None);
        let whole = bytes(&[1.0, 2.0], &state, Some(&best), card.as_bytes()).unwrap();
        let read = left(&whole).unwrap();
        assert_eq!((read.trained.parameters, read.trained.card.training.rounds), (vec![1.0, 2.0], 50));
        assert_eq!(read.optimizer, state);
        let kept = read.best.unwrap();
        assert_eq!((kept.step, kept.parameters, kept.scores), (best.step, best.parameters.clone(), best.scores));
        for length in 0..whole.len() {
            assert!(left(&whole[..length]).is_err(), "{length} bytes of {}", whole.len());
        }
        let torn = bytes(&[1.0, f32::NAN], &state, None, card.as_bytes()).unwrap();
        assert!(left(&torn).is_err_and(|why| why.contains("not finite")));
    }

    #[test]
    fn a_model_that_is_not_the_last_one_has_no_optimizer() {
        let card = sample_card(5, None).replace("\"best_round\":null", "\"best_round\":30");
        let read = left(&bytes(&[1.0, 2.0], &[0.25], None, card.as_bytes()).unwrap()).unwrap();
        assert!(read.optimizer.is_empty() && read.best.is_none());
    }
}
