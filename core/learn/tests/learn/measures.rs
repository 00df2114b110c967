//! Scores and running statistics.

use heijunka_learn::metrics::{r_squared, root_mean_squared_error};
use heijunka_learn::{Confusion, Error, Running, all_finite, class_of};
use proptest::prelude::*;

fn assert_near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
}

/// Expected numbers are those of scikit-learn's precision_recall_fscore_support for these rows.
#[test]
fn scores_of_three_classes() {
    let confusion = Confusion::new(3, &[5, 1, 0, 2, 7, 1, 0, 0, 4]).unwrap();
    assert_eq!(confusion.rows(), 20);
    assert_near(confusion.accuracy(), 0.8);
    assert_near(confusion.macro_f1(), 0.811_965_811_965_812_1);
    let second = confusion.class(1).unwrap();
    assert_eq!(second.support, 10);
    assert_near(second.precision, 0.875);
    assert_near(second.recall, 0.7);
    assert_near(second.f1, 0.777_777_777_777_777_8);
    assert_eq!(confusion.class(3), None);
}

#[test]
fn classes_that_never_occur_do_not_count() {
    // Of four classes, the third is predicted once and never true, the fourth is neither.
    let confusion = Confusion::new(4, &[3, 0, 1, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert_near(confusion.macro_f1(), (6.0 / 7.0 + 1.0 + 0.0) / 3.0);
    assert_eq!(confusion.class(3), Some(Default::default()));
}

#[test]
fn no_rows_score_zero() {
    let confusion = Confusion::new(2, &[0; 4]).unwrap();
    assert_eq!((confusion.accuracy(), confusion.macro_f1()), (0.0, 0.0));
    assert_eq!(Confusion::new(0, &[]).unwrap().accuracy(), 0.0);
    let error = Error::Length { what: "confusion", found: 3, expected: 4 };
    assert_eq!(Confusion::new(2, &[0; 3]).map(|_| ()), Err(error));
}

#[test]
fn regression_scores() {
    assert_near(root_mean_squared_error(8.0, 2), 2.0);
    assert_near(root_mean_squared_error(0.0, 0), 0.0);
    assert_near(r_squared(1.0, 4.0), 0.75);
    assert_near(r_squared(8.0, 4.0), -1.0);
    assert_near(r_squared(0.0, 0.0), 1.0);
    assert_near(r_squared(0.1, 0.0), 0.0);
}

#[test]
fn the_first_largest_logit_names_the_class() {
    assert_eq!(class_of(&[0.0, 3.0, -1.0, 3.0]), 1);
    assert_eq!(class_of(&[f32::NAN, 1.0]), 1);
    assert_eq!(class_of(&[]), 0);
}

#[test]
fn every_place_is_looked_at() {
    let mut values = vec![f32::MAX; 3000];
    assert!(all_finite(&values));
    for place in [0, 1023, 1024, 2999] {
        values[place] = f32::NEG_INFINITY;
        assert!(!all_finite(&values), "{place}");
        values[place] = 0.0;
    }
}

fn seen(values: &[f64]) -> Running {
    let mut running = Running::default();
    values.iter().for_each(|value| running.push(*value));
    running
}

#[test]
fn statistics_of_few_values() {
    let running = seen(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    assert_eq!((running.count, running.min, running.max), (8, 2.0, 9.0));
    assert_near(running.mean, 5.0);
    assert_near(running.m2, 32.0);
    assert_near(running.standard_deviation(), 2.0);
    assert_eq!(Running::default().variance(), 0.0);
    assert_eq!(seen(&[-3.0]), Running { count: 1, mean: -3.0, m2: 0.0, min: -3.0, max: -3.0 });
}

#[test]
fn a_large_mean_does_not_drown_the_spread() {
    let running = seen(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
    assert_near(running.variance(), 22.5);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn merging_is_seeing_all(values in prop::collection::vec(-1e3_f64..1e3, 0..50), cut in 0_usize..50) {
        let (front, back) = values.split_at(cut.min(values.len()));
        let (mut merged, whole) = (seen(front), seen(&values));
        merged.merge(&seen(back));
        prop_assert_eq!((merged.count, merged.min, merged.max), (whole.count, whole.min, whole.max));
        prop_assert!((merged.mean - whole.mean).abs() < 1e-9);
        prop_assert!((merged.m2 - whole.m2).abs() < 1e-6 * (1.0 + whole.m2));
    }
}
