//! Training goes on from a saved model.

use super::*;
use crate::Start;
use heijunka_wire::document::{Encoding, Fitted, Input as Column, Target};

/// A saved linear model of column `name`.
fn saved(name: &str, parameters: Vec<f32>) -> Start {
    let encoding = Encoding::Scaled { offset: 3.0, scale: 0.5 };
    let inputs = vec![Column { name: name.into(), encoding }];
    let target = Target::Scaled { offset: 1.0, scale: 2.0 };
    Start { fitted: Fitted { inputs, target }, parameters, steps: 40, optimizer: Vec::new() }
}

#[test]
fn the_first_round_carries_the_saved_model_and_its_columns() {
    let start = saved("x", vec![0.25, -1.0]);
    let (bench, said) = Bench::training_by(Plan { start: Some(start.clone()), ..plan() }, &["a", "b"]);
    assert_eq!(bench.mind.model().unwrap(), start.parameters);
    assert_eq!(bench.mind.job().fitted, Some(start.fitted));
    let rounds = said.rounds();
    assert_eq!((bench.mind.steps(), rounds[0].first_position), (40, 400), "steps and rows are counted on");
}

#[test]
fn a_model_of_other_columns_is_refused_and_named() {
    for start in [saved("humidity", vec![0.0; 2]), saved("x", vec![0.0; 3])] {
        let mut bench = Bench::new(Plan { start: Some(start), ..plan() });
        for name in ["a", "b"] {
            bench.join(name, 1);
            bench.survey(name, 1, &survey());
        }
        assert_eq!(bench.tick().told("HJ-120"), 1);
        assert_eq!(bench.mind.phase(), Phase::Surveying);
    }
}
