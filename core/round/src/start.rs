//! A saved model that training starts from.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_wire::document::{Encoding, Fitted, Scores, Target};

/// A saved model, how its columns become numbers, and how far its training was.
#[derive(Clone, Debug)]
pub struct Start {
    /// The saved model's columns and classes: they stay as they are, or its parameters would mean something else.
    pub fitted: Fitted,
    /// Its parameters, finite, as many as its shape has.
    pub parameters: Vec<f32>,
    /// Steps that count as taken; 0 for a job of its own.
    pub steps: u64,
    /// What those steps left in the optimizer; empty if that is not known: it then starts from zero.
    pub optimizer: Vec<f32>,
    /// Time for which it has been trained, which counts against `max_time`; none for a job of its own.
    pub trained: Duration,
    /// Whether it is this job's own, left unfinished, rather than the one that `start_from` names.
    pub unfinished: bool,
    /// The best model so far, which may be an earlier one; of use where the best one is kept.
    pub best: Option<BestModel>,
}

/// A model that has been scored best so far.
#[derive(Clone, Debug)]
pub struct BestModel {
    /// The step after which it was the model.
    pub step: u64,
    /// Its parameters, finite.
    pub parameters: Vec<f32>,
    /// Its held-out scores.
    pub scores: Scores,
}

impl Start {
    /// What messages call it.
    fn name(&self) -> &'static str {
        if self.unfinished { "the unfinished model in the output folder" } else { "the model of start_from" }
    }

    /// What to do if it does not match the data.
    pub(crate) fn fix(&self) -> &'static str {
        if self.unfinished {
            "correct the agents' data, or set [training] resume = false to train from the start"
        } else {
            "correct [task] or the agents' data"
        }
    }

    /// The saved columns and classes, with the class weights of `fitted`, which was made of the agents' data.
    ///
    /// # Errors
    /// The data have other columns, or a class that the model does not know; in plain words.
    pub(crate) fn matched(&self, fitted: &Fitted) -> Result<Fitted, String> {
        self.match_inputs(fitted)?;
        let target = match (&self.fitted.target, &fitted.target) {
            (Target::Scaled { offset, scale }, Target::Scaled { .. }) => {
                Target::Scaled { offset: *offset, scale: *scale }
            }
            (Target::Classes { names, weights }, Target::Classes { names: seen, weights: balanced }) => {
                if let Some(class) = seen.iter().find(|class| !names.contains(class)) {
                    return Err(format!("the data have the class '{class}', which {} does not know", self.name()));
                }
                let fresh =
                    |name: &String| seen.iter().position(|class| class == name).and_then(|place| balanced.get(place));
                let known = names.iter().zip(weights).map(|(name, weight)| *fresh(name).unwrap_or(weight));
                Target::Classes { names: names.clone(), weights: known.collect() }
            }
            _ => return Err(format!("{} is for another kind of target", self.name())),
        };
        Ok(Fitted { inputs: self.fitted.inputs.clone(), target })
    }

    fn match_inputs(&self, fitted: &Fitted) -> Result<(), String> {
        let named = |of: &Fitted, name: &String| of.inputs.iter().position(|input| input.name == *name);
        if let Some(input) = fitted.inputs.iter().find(|input| named(&self.fitted, &input.name).is_none()) {
            return Err(format!("the data have the input '{}', which {} does not know", input.name, self.name()));
        }
        for input in &self.fitted.inputs {
            let seen = named(fitted, &input.name).and_then(|place| fitted.inputs.get(place));
            let Some(seen) = seen else {
                return Err(format!("{} needs the input '{}', which the data lack", self.name(), input.name));
            };
            let is_number = |encoding: &Encoding| matches!(encoding, Encoding::Scaled { .. });
            if is_number(&input.encoding) != is_number(&seen.encoding) {
                let (was, is) = if is_number(&input.encoding) { ("numbers", "text") } else { ("text", "numbers") };
                return Err(format!("column '{}' held {was} for {} and holds {is} now", input.name, self.name()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use heijunka_wire::document::Input;

    fn number(name: &str, offset: f64) -> Input {
        Input { name: name.into(), encoding: Encoding::Scaled { offset, scale: 2.0 } }
    }

    fn classes(names: &[&str], weights: &[f32]) -> Target {
        Target::Classes { names: names.iter().map(|name| (*name).into()).collect(), weights: weights.to_vec() }
    }

    fn start(inputs: Vec<Input>, target: Target) -> Start {
        let fitted = Fitted { inputs, target };
        let (parameters, optimizer, trained, best) = (vec![], vec![], Duration::ZERO, None);
        Start { fitted, parameters, steps: 0, optimizer, trained, unfinished: false, best }
    }

    #[test]
    fn columns_and_classes_stay_those_of_the_model() {
        let saved = start(vec![number("x", 1.0), number("z", 2.0)], classes(&["a", "b", "c"], &[1.0, 2.0, 3.0]));
        let now =
            Fitted { inputs: vec![number("z", 7.0), number("x", 8.0)], target: classes(&["a", "c"], &[5.0, 6.0]) };
        let matched = saved.matched(&now).unwrap();
        assert_eq!(matched.inputs, saved.fitted.inputs);
        assert_eq!(matched.target, classes(&["a", "b", "c"], &[5.0, 2.0, 6.0]), "a class not seen keeps its weight");
    }

    #[test]
    fn what_does_not_match_is_named() {
        let saved = start(vec![number("x", 1.0)], classes(&["a", "b"], &[1.0, 1.0]));
        let text = Input { name: "x".into(), encoding: Encoding::OneHot { values: vec!["L".into()] } };
        let scaled = Target::Scaled { offset: 0.0, scale: 1.0 };
        let two = || classes(&["a", "b"], &[1.0, 1.0]);
        for (inputs, target, word) in [
            (vec![number("x", 0.0), number("y", 0.0)], two(), "the input 'y'"),
            (vec![], two(), "needs the input 'x'"),
            (vec![text], two(), "holds text now"),
            (vec![number("x", 0.0)], classes(&["a", "d"], &[1.0, 1.0]), "the class 'd'"),
            (vec![number("x", 0.0)], scaled, "another kind of target"),
        ] {
            let why = saved.matched(&Fitted { inputs, target }).unwrap_err();
            assert!(why.contains(word), "{why}");
        }
    }
}
