//! Documents of every kind.

use super::document;
use heijunka_wire::DataMode;
use heijunka_wire::document::{
    ClassWeights, Column, Encoding, Fitted, HeldOut, Input, Job, Normalize, Scores, Survey, Target, Task, Window,
};
use serde_json::Value;

pub(super) fn jobs() -> Vec<Value> {
    let inputs = vec![
        Input { name: "t".into(), encoding: Encoding::Scaled { offset: 20.0, scale: 0.5 } },
        Input { name: "m".into(), encoding: Encoding::OneHot { values: vec!["a".into(), "b".into()] } },
    ];
    let target = Target::Classes { names: vec!["no".into(), "ok".into()], weights: vec![1.5, 0.75] };
    let unsettled = Job {
        task: Task::Classification,
        target: "q".into(),
        inputs: vec![],
        ignore: vec!["id".into()],
        normalize: Normalize::Standard,
        class_weights: ClassWeights::Balanced,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(2000),
        group: None,
        window: None,
        fitted: None,
    };
    let fitted = Job { fitted: Some(Fitted { inputs, target }), ..unsettled.clone() };
    let windows = Job {
        held_out: HeldOut::Last(2500),
        group: Some("file".into()),
        window: Some(Window { rows: 300, every: 2 }),
        ..unsettled.clone()
    };
    let anomaly = Job {
        task: Task::Anomaly { normal: "ok".into() },
        class_weights: ClassWeights::Named(vec![("no".into(), 2.0)]),
        held_out: HeldOut::ByColumn("split".into()),
        fitted: Some(Fitted { inputs: vec![], target: Target::Inputs }),
        ..unsettled.clone()
    };
    let target = Target::Scaled { offset: 100.0, scale: 0.25 };
    let regression = Job {
        task: Task::Regression,
        inputs: vec!["t".into(), "m".into()],
        normalize: Normalize::Range,
        class_weights: ClassWeights::None,
        data_mode: DataMode::Private,
        fitted: Some(Fitted { inputs: vec![], target }),
        ..unsettled.clone()
    };
    vec![
        document("classification, unsettled", &unsettled),
        document("classification, fitted", &fitted),
        document("windows", &windows),
        document("anomalies", &anomaly),
        document("regression", &regression),
    ]
}

pub(super) fn surveys() -> Vec<Value> {
    let column = Column { name: "t".into(), count: 2, mean: 1.0, m2: 0.5, min: 0.5, max: 1.5, values: vec![] };
    let target = Column { name: "q".into(), values: vec![("no".into(), 1), ("ok".into(), 300)], ..Column::default() };
    vec![document("survey", &Survey { rows: 301, inputs: vec![column], target })]
}

pub(super) fn scores() -> Vec<Value> {
    let scores = Scores { rows: 4, loss_sum: 2.0, confusion: vec![1, 0, 1, 2], ..Scores::default() };
    let ranked = Scores { confusion: vec![], histogram: vec![(5, [1, 0]), (600, [0, 3])], ..scores.clone() };
    let regression =
        Scores { rows: 2, loss_sum: 0.5, squared_error_sum: 4.0, absolute_error_sum: 2.5, ..Scores::default() };
    vec![document("classes", &scores), document("ranked", &ranked), document("regression", &regression)]
}
