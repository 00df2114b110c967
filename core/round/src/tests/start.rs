//! Training starts from a saved model.

use super::*;
use crate::{BestModel, Start, Until};
use heijunka_wire::Purpose;
use heijunka_wire::document::{Encoding, Fitted, Input as Column, Scores, Target};

/// A saved linear model of column `name`.
fn saved(name: &str, parameters: Vec<f32>) -> Start {
    let encoding = Encoding::Scaled { offset: 3.0, scale: 0.5 };
    let inputs = vec![Column { name: name.into(), encoding }];
    let target = Target::Scaled { offset: 1.0, scale: 2.0 };
    let (fitted, optimizer, trained) = (Fitted { inputs, target }, Vec::new(), Duration::from_secs(50));
    Start { fitted, parameters, steps: 40, optimizer, trained, unfinished: true, best: None }
}

#[test]
fn the_first_round_carries_the_saved_model_and_its_columns() {
    let start = saved("x", vec![0.25, -1.0]);
    let (bench, said) = Bench::training_by(Plan { start: Some(start.clone()), ..plan() }, &["a", "b"]);
    assert_eq!(bench.mind.model().unwrap(), start.parameters);
    assert_eq!(bench.mind.job().fitted, Some(start.fitted));
    let rounds = said.rounds();
    assert_eq!(
        (bench.mind.steps(), rounds[0].train().map(|train| train.first_position)),
        (40, Some(400)),
        "steps and rows are counted on"
    );
}

#[test]
fn a_model_of_other_columns_is_refused_and_named() {
    for start in [saved("humidity", vec![0.0; 2]), saved("x", vec![0.0; 3])] {
        let mut bench = Bench::new(Plan { start: Some(start), ..plan() });
        for name in ["a", "b"] {
            bench.join(name, 1);
            bench.survey(name, 1, &survey());
        }
        assert_eq!(bench.tick().count(Code::CannotBegin), 1);
        assert_eq!(bench.mind.phase(), Phase::Surveying);
        assert!(!bench.mind.obstacle().unwrap().why.is_empty(), "it is still said after the event");
    }
}

#[test]
fn the_time_of_the_aggregator_before_counts_against_max_time() {
    let until = Until { rounds: 100, time: Some(Duration::from_secs(60)), no_better_for_rounds: None };
    let (mut bench, said) =
        Bench::training_by(Plan { start: Some(saved("x", vec![0.25, -1.0])), until, ..plan() }, &["a", "b"]);
    let answer = |bench: &mut Bench, round| {
        bench.pass(9000);
        bench.gradient("a", 1, round, 5);
        bench.gradient("b", 1, round, 5)
    };
    let next = answer(&mut bench, said.rounds()[0]).rounds()[0];
    assert_eq!((next.purpose(), bench.mind.trained_for(bench.now).as_secs()), (Purpose::Train, 59));
    assert_eq!(bench.mind.gone_on_after(), Some(40));
    // After a minute the job is over.
    assert!(answer(&mut bench, next).is_over());
}

#[test]
fn a_model_that_was_cut_off_after_its_last_step_is_not_trained_on() {
    let until = Until { rounds: 40, time: None, no_better_for_rounds: None };
    let mut bench = Bench::new(Plan { start: Some(saved("x", vec![0.25, -1.0])), until, ..plan() });
    for name in ["a", "b"] {
        bench.join(name, 1);
        bench.survey(name, 1, &survey());
    }
    bench.tick();
    bench.join("a", 1);
    let said = bench.join("b", 1);
    assert_eq!((said.rounds().len(), said.is_over(), bench.mind.steps()), (0, true, 40));
}

#[test]
fn the_best_model_of_the_aggregator_before_is_still_the_best() {
    let scores = Scores { rows: 10, loss_sum: 1.0, squared_error_sum: 2.0, ..Scores::default() };
    let until = Until { rounds: 100, time: None, no_better_for_rounds: Some(50) };
    for (parameters, kept) in [(vec![7.0, 8.0], Some(30)), (vec![7.0], None)] {
        let best = Some(BestModel { step: 30, parameters: parameters.clone(), scores: scores.clone() });
        let start = Start { best, ..saved("x", vec![0.25, -1.0]) };
        let (mut bench, _) = Bench::training_by(Plan { start: Some(start), until, ..plan() }, &["a", "b"]);
        assert_eq!(bench.mind.best().map(|best| best.step), kept, "one of another length is none");
        bench.handle(Input::Stop);
        assert_eq!(bench.mind.best_step(), kept);
        assert_eq!(bench.mind.model() == Some(&parameters[..]), kept.is_some());
    }
}
