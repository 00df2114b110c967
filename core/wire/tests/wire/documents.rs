//! Documents: round trips, bounds, and bytes that are none.

use heijunka_wire::DataMode;
use heijunka_wire::document::{
    ClassWeights, Column, Document, DocumentError, Encoding, Fitted, HeldOut, Input, Job, Normalize, Scores, Survey,
    Target, Task, Window,
};
use heijunka_wire::limits::{
    CLASSES_MAX, COLUMNS_MAX, DOCUMENT_BYTES_MAX, ROWS_MAX, SCORE_BUCKETS, TEXT_BYTES_MAX, WINDOW_ROWS_MAX,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

const NOT_FINITE: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

fn finite() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("finite", |number| number.is_finite())
}

fn texts(counts: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    btree_set("\\PC{0,12}", counts).prop_map(|texts| texts.into_iter().collect())
}

fn input() -> impl Strategy<Value = Input> {
    let encoding = prop_oneof![
        (finite(), finite()).prop_map(|(offset, scale)| Encoding::Scaled { offset, scale }),
        texts(1..5).prop_map(|values| Encoding::OneHot { values }),
    ];
    ("\\PC{0,12}", encoding).prop_map(|(name, encoding)| Input { name, encoding })
}

fn target() -> impl Strategy<Value = Target> {
    let classes = texts(2..6).prop_flat_map(|names| (vec(1e-3_f32..1e3, names.len()), Just(names)));
    prop_oneof![
        Just(Target::Inputs),
        (finite(), 1e-3..1e3).prop_map(|(offset, scale)| Target::Scaled { offset, scale }),
        classes.prop_map(|(weights, names)| Target::Classes { names, weights }),
    ]
}

fn job() -> impl Strategy<Value = Job> {
    let fitted =
        proptest::option::of((vec(input(), 0..5), target()).prop_map(|(inputs, target)| Fitted { inputs, target }));
    let kinds = (
        select(vec![Task::Regression, Task::Classification, Task::Anomaly { normal: "0".into() }]),
        select(vec![Normalize::Standard, Normalize::Range, Normalize::None]),
        select(vec![
            ClassWeights::None,
            ClassWeights::Balanced,
            ClassWeights::Named(vec![("a".into(), 0.5), ("b".into(), 20.0)]),
        ]),
        select(vec![DataMode::Shared, DataMode::Private]),
    );
    let held_out = (0_u16..10_000, any::<bool>());
    let held_out = held_out.prop_map(|(part, last)| if last { HeldOut::Last(part) } else { HeldOut::ByHash(part) });
    let window = proptest::option::of((1..=WINDOW_ROWS_MAX, 1_u16..).prop_map(|(rows, every)| Window { rows, every }));
    ("\\PC{0,12}", texts(0..4), texts(0..4), kinds, (held_out, window), fitted).prop_map(
        |(target, inputs, ignore, (task, normalize, class_weights, data_mode), (held_out, window), fitted)| Job {
            task,
            target,
            inputs,
            ignore,
            normalize,
            class_weights,
            data_mode,
            held_out,
            group: window.map(|_| "file".into()),
            window,
            fitted,
        },
    )
}

fn column() -> impl Strategy<Value = Column> {
    let values = btree_map("\\PC{0,12}", 0..ROWS_MAX / 5, 0..5);
    ("\\PC{0,12}", 0..=ROWS_MAX, finite(), finite(), finite(), finite(), values).prop_map(
        |(name, count, mean, m2, min, max, values)| {
            let (m2, values) = (m2.abs(), values.into_iter().collect());
            Column { name, count, mean, m2, min, max, values }
        },
    )
}

fn survey() -> impl Strategy<Value = Survey> {
    (0..=ROWS_MAX, vec(column(), 0..5), column()).prop_map(|(rows, inputs, target)| Survey { rows, inputs, target })
}

fn scores() -> impl Strategy<Value = Scores> {
    let confusion = (0_usize..5).prop_flat_map(|classes| vec(0_u64..1 << 40, classes * classes));
    let parts = btree_map(0..SCORE_BUCKETS, (0_u64..1 << 30, 0_u64..1 << 30), 0..5);
    (any::<u32>(), finite(), finite(), finite(), confusion, parts).prop_map(
        |(rows, loss, squares, absolutes, confusion, parts)| {
            let mut scores = Scores {
                rows: if confusion.is_empty() { rows.into() } else { confusion.iter().sum() },
                loss_sum: loss,
                squared_error_sum: squares,
                absolute_error_sum: absolutes,
                ..Scores::default()
            };
            if confusion.is_empty() && !parts.is_empty() {
                scores.rows = parts.values().map(|(first, second)| first + second).sum();
                scores.histogram =
                    parts.into_iter().map(|(bucket, (first, second))| (bucket, [first, second])).collect();
            }
            Scores { confusion, ..scores }
        },
    )
}

/// A document is read as it was written; cut, lengthened or mutated it is an error or another document, never a panic.
fn survives<D: Document + PartialEq + std::fmt::Debug>(
    document: &D,
    cut: prop::sample::Index,
    byte: u8,
) -> Result<(), TestCaseError> {
    let bytes = document.to_bytes();
    let read = D::from_bytes(&bytes);
    prop_assert_eq!(read.as_ref(), Ok(document));
    let place = cut.index(bytes.len());
    prop_assert_eq!(D::from_bytes(&bytes[..place]), Err(DocumentError::Malformed));
    prop_assert_eq!(D::from_bytes(&[bytes.as_slice(), &[byte]].concat()), Err(DocumentError::Malformed));
    let mut mutated = bytes.clone();
    mutated[place] = byte;
    if let Ok(other) = D::from_bytes(&mutated) {
        prop_assert_eq!(other.to_bytes(), mutated);
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::cases(500))]

    #[test]
    fn jobs_survive(job in job(), cut: prop::sample::Index, byte: u8) {
        survives(&job, cut, byte)?;
    }

    #[test]
    fn surveys_survive(survey in survey(), cut: prop::sample::Index, byte: u8) {
        survives(&survey, cut, byte)?;
    }

    #[test]
    fn scores_survive(scores in scores(), cut: prop::sample::Index, byte: u8) {
        survives(&scores, cut, byte)?;
    }

    #[test]
    fn random_bytes_are_safe(bytes in vec(any::<u8>(), 0..300)) {
        let _ = (Job::from_bytes(&bytes), Survey::from_bytes(&bytes), Scores::from_bytes(&bytes));
    }
}

fn plain_job() -> Job {
    Job {
        task: Task::Regression,
        target: "y".into(),
        inputs: vec![],
        ignore: vec![],
        normalize: Normalize::None,
        class_weights: ClassWeights::None,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(0),
        group: None,
        window: None,
        fitted: None,
    }
}

fn fitted(inputs: Vec<Encoding>, target: Target) -> Job {
    let inputs = inputs.into_iter().map(|encoding| Input { name: "x".into(), encoding }).collect();
    Job { fitted: Some(Fitted { inputs, target }), ..plain_job() }
}

#[track_caller]
fn refused<D: Document + PartialEq + std::fmt::Debug>(document: &D, error: DocumentError) {
    assert_eq!(D::from_bytes(&document.to_bytes()), Err(error));
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("{index:06}")).collect()
}

#[test]
fn jobs_are_bounded() {
    refused(&Job { target: "y".repeat(TEXT_BYTES_MAX + 1), ..plain_job() }, DocumentError::TooLarge);
    refused(&Job { inputs: numbered(COLUMNS_MAX + 1), ..plain_job() }, DocumentError::TooLarge);
    refused(&Job { ignore: numbered(COLUMNS_MAX + 1), ..plain_job() }, DocumentError::TooLarge);
    refused(&Job { held_out: HeldOut::ByHash(10_000), ..plain_job() }, DocumentError::Implausible);
    refused(&Job { held_out: HeldOut::Last(10_000), ..plain_job() }, DocumentError::Implausible);
    refused(&Job { group: Some("g".repeat(TEXT_BYTES_MAX + 1)), ..plain_job() }, DocumentError::TooLarge);
    let window = |rows, every| Job { window: Some(Window { rows, every }), ..plain_job() };
    for (rows, every) in [(0, 1), (WINDOW_ROWS_MAX + 1, 1), (2, 0)] {
        refused(&window(rows, every), DocumentError::Implausible);
    }
    let neighbours_leak = Job { held_out: HeldOut::ByHash(1), ..window(2, 1) };
    refused(&neighbours_leak, DocumentError::Implausible);
    assert_eq!(Job { group: Some("file".into()), ..neighbours_leak }.check(), Ok(()));
    let target = Target::Scaled { offset: 0.0, scale: 1.0 };
    let scaled = Encoding::Scaled { offset: 0.0, scale: 1.0 };
    refused(&fitted(vec![scaled; COLUMNS_MAX + 1], target.clone()), DocumentError::TooLarge);
    let one_hot = |values| fitted(vec![Encoding::OneHot { values }], target.clone());
    refused(&one_hot(numbered(CLASSES_MAX + 1)), DocumentError::TooLarge);
    refused(&one_hot(vec![]), DocumentError::Implausible);
    refused(&one_hot(vec!["b".into(), "a".into()]), DocumentError::Implausible);
    refused(&one_hot(vec!["a".into(), "a".into()]), DocumentError::Implausible);
    let classes = |names, weights| fitted(vec![], Target::Classes { names, weights });
    refused(&classes(numbered(CLASSES_MAX + 1), vec![1.0; CLASSES_MAX + 1]), DocumentError::TooLarge);
    refused(&classes(numbered(1), vec![1.0]), DocumentError::Implausible);
    refused(&classes(numbered(2), vec![1.0]), DocumentError::Implausible);
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        refused(&classes(numbered(2), vec![1.0, weight]), DocumentError::Implausible);
    }
}

#[test]
fn jobs_hold_finite_numbers() {
    let target = Target::Scaled { offset: 0.0, scale: 1.0 };
    for bad in NOT_FINITE {
        refused(
            &fitted(vec![Encoding::Scaled { offset: bad, scale: 1.0 }], target.clone()),
            DocumentError::Implausible,
        );
        refused(
            &fitted(vec![Encoding::Scaled { offset: 0.0, scale: bad }], target.clone()),
            DocumentError::Implausible,
        );
        refused(&fitted(vec![], Target::Scaled { offset: bad, scale: 1.0 }), DocumentError::Implausible);
        refused(&fitted(vec![], Target::Scaled { offset: 0.0, scale: bad }), DocumentError::Implausible);
    }
    refused(&fitted(vec![], Target::Scaled { offset: 0.0, scale: 0.0 }), DocumentError::Implausible);
}

#[test]
fn surveys_are_bounded_and_plausible() {
    let of = |column: Column| Survey { rows: 1, inputs: vec![column], target: Column::default() };
    refused(&Survey { inputs: vec![Column::default(); COLUMNS_MAX + 1], ..Survey::default() }, DocumentError::TooLarge);
    let column = Column::default();
    refused(&of(Column { name: "x".repeat(TEXT_BYTES_MAX + 1), ..column.clone() }), DocumentError::TooLarge);
    let values = numbered(CLASSES_MAX + 1).into_iter().map(|value| (value, 1)).collect();
    refused(&of(Column { values, ..column.clone() }), DocumentError::TooLarge);
    let values = vec![("v".repeat(TEXT_BYTES_MAX + 1), 1)];
    refused(&of(Column { values, ..column.clone() }), DocumentError::TooLarge);
    let values = vec![("b".into(), 1), ("a".into(), 1)];
    refused(&of(Column { values, ..column.clone() }), DocumentError::Implausible);
    refused(&of(Column { m2: -1.0, ..column.clone() }), DocumentError::Implausible);
    refused(&Survey { rows: ROWS_MAX + 1, ..Survey::default() }, DocumentError::Implausible);
    refused(&of(Column { count: ROWS_MAX + 1, ..column.clone() }), DocumentError::Implausible);
    let values = vec![("a".into(), u64::MAX), ("b".into(), u64::MAX)];
    refused(&of(Column { values, ..column.clone() }), DocumentError::Implausible);
    for bad in NOT_FINITE {
        refused(&of(Column { mean: bad, ..column.clone() }), DocumentError::Implausible);
        refused(&of(Column { m2: bad, ..column.clone() }), DocumentError::Implausible);
        refused(&of(Column { min: bad, ..column.clone() }), DocumentError::Implausible);
        refused(
            &Survey { target: Column { max: bad, ..column.clone() }, ..Survey::default() },
            DocumentError::Implausible,
        );
    }
}

#[test]
fn scores_are_bounded_and_add_up() {
    let scores = |rows, confusion| Scores { rows, confusion, ..Scores::default() };
    refused(&scores(0, vec![0; CLASSES_MAX * CLASSES_MAX + 1]), DocumentError::TooLarge);
    refused(&scores(3, vec![1, 0, 0, 1]), DocumentError::Implausible);
    refused(&scores(2, vec![u64::MAX, 0, 0, 3]), DocumentError::Implausible);
    refused(&scores(ROWS_MAX + 1, vec![]), DocumentError::Implausible);
    refused(&scores(u64::MAX, vec![u64::MAX, 0, 0, 3]), DocumentError::Implausible);
    // As many rows as columns: a table of three cells is none.
    refused(&scores(3, vec![1, 1, 1]), DocumentError::Implausible);
    let ranked = |rows, histogram| Scores { rows, histogram, ..Scores::default() };
    refused(&ranked(3, vec![(7, [1, 1])]), DocumentError::Implausible);
    refused(&ranked(2, vec![(8, [1, 0]), (7, [1, 0])]), DocumentError::Implausible);
    refused(&ranked(1, vec![(SCORE_BUCKETS, [1, 0])]), DocumentError::Implausible);
    refused(&ranked(1, vec![(7, [u64::MAX, 2])]), DocumentError::Implausible);
    for bad in NOT_FINITE {
        refused(&Scores { loss_sum: bad, ..Scores::default() }, DocumentError::Implausible);
        refused(&Scores { squared_error_sum: bad, ..Scores::default() }, DocumentError::Implausible);
        refused(&Scores { absolute_error_sum: bad, ..Scores::default() }, DocumentError::Implausible);
    }
}

#[test]
fn bytes_name_one_document_in_one_way() {
    let bytes = plain_job().to_bytes();
    assert_eq!(bytes, [0, 1, b'y', 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
    let overlong = [0, 1, b'y', 0, 0, 2, 0, 0, 0, 0x80, 0, 0, 0, 0];
    assert_eq!(Job::from_bytes(&overlong), Err(DocumentError::Malformed));
    assert_eq!(Job::from_bytes(&vec![0; DOCUMENT_BYTES_MAX + 1]), Err(DocumentError::TooLarge));
    // A list that claims more entries than memory holds.
    let endless = [&[4][..], &[0; 24], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]].concat();
    assert_eq!(Scores::from_bytes(&endless), Err(DocumentError::Malformed));
}

#[test]
fn scores_merge_to_the_sum() {
    let one = Scores { rows: 2, loss_sum: 1.0, confusion: vec![1, 0, 0, 1], ..Scores::default() };
    let mut sum = Scores::default();
    assert!(sum.merge(&one) && sum.merge(&one));
    assert_eq!(sum, Scores { rows: 4, loss_sum: 2.0, confusion: vec![2, 0, 0, 2], ..Scores::default() });
    assert!(!sum.merge(&Scores { rows: 9, confusion: vec![9], ..Scores::default() }));
    assert_eq!(sum.rows, 4);
    let ranked = |histogram| Scores { rows: 3, histogram, ..Scores::default() };
    let mut sum = ranked(vec![(7, [2, 1])]);
    assert!(sum.merge(&ranked(vec![(5, [1, 0]), (7, [0, 2])])));
    assert_eq!(sum.histogram, [(5, [1, 0]), (7, [2, 3])]);
}

#[test]
fn widths_count_the_models_inputs() {
    let one_hot = Encoding::OneHot { values: numbered(3) };
    let job =
        fitted(vec![Encoding::Scaled { offset: 0.0, scale: 1.0 }, one_hot], Target::Scaled { offset: 0.0, scale: 1.0 });
    assert_eq!(job.fitted.unwrap().input_width(), 4);
}
