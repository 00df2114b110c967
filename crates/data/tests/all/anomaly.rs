//! Rows that are not normal are scored, and never trained on.

use crate::help::{job, read};
use heijunka_data::Targets;
use heijunka_wire::document::{Encoding, Fitted, HeldOut, Input, Job, Target, Task, Window};

const TEXT: &str = "x,fault,part\n1,0,a\n2,0,a\n3,1,a\n4,0,a\n5,0,a\n6,0,b\n7,2,b\n8,,b\n";

fn anomaly(target: &str) -> Job {
    let input = Input { name: "x".into(), encoding: Encoding::Scaled { offset: 0.0, scale: 1.0 } };
    Job {
        inputs: vec!["x".into()],
        held_out: HeldOut::ByHash(0),
        fitted: Some(Fitted { inputs: vec![input], target: Target::Inputs }),
        ..job(Task::Anomaly { normal: "0".into() }, target)
    }
}

fn inputs(rows: &heijunka_data::Rows) -> (Vec<f32>, Vec<u32>) {
    let (mut x, mut y) = (Vec::new(), Targets::Values(Vec::new()));
    rows.gather(0..rows.len(), &mut x, &mut y);
    let Targets::Classes(labels) = y else { panic!("labels were asked for") };
    (x, labels)
}

#[test]
fn faults_are_held_out_and_leave_the_statistics_alone() {
    let table = read(TEXT);
    let dataset = table.encode(&anomaly("fault")).unwrap();
    assert_eq!(inputs(&dataset.train), (vec![1.0, 2.0, 4.0, 5.0, 6.0], vec![0; 5]));
    assert_eq!(inputs(&dataset.held_out), (vec![3.0, 7.0], vec![1, 1]));
    assert_eq!((dataset.usage.train, dataset.usage.held_out, dataset.usage.skipped_total()), (5, 2, 1));
    let survey = table.survey(&anomaly("fault")).unwrap();
    assert_eq!((survey.rows, survey.inputs[0].max, survey.inputs[0].count), (5, 6.0, 5));
    assert_eq!(survey.target.values, [("0".into(), 5), ("1".into(), 0), ("2".into(), 0)]);
}

#[test]
fn without_a_target_all_rows_are_normal() {
    let dataset = read(TEXT).encode(&anomaly("")).unwrap();
    assert_eq!(inputs(&dataset.train).0.len(), 8);
    assert_eq!(read(TEXT).survey(&anomaly("")).unwrap().target.name, "");
}

#[test]
fn windows_with_a_fault_in_them_are_not_trained_on() {
    let job = Job { group: Some("part".into()), window: Some(Window { rows: 2, every: 1 }), ..anomaly("fault") };
    let dataset = read(TEXT).encode(&job).unwrap();
    assert_eq!(inputs(&dataset.train).0, [1.0, 2.0, 4.0, 5.0], "the window 3, 4 ends normal but begins with a fault");
    assert_eq!(inputs(&dataset.held_out), (vec![2.0, 3.0, 6.0, 7.0], vec![1, 1]));
}
