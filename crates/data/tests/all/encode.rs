//! From cells to the model's numbers.

use crate::help::{classes, job, one_hot, read, read_with, scaled, shown};
use heijunka_data::{DataError, Dataset, Missing, Rows, Table, Targets};
use heijunka_wire::document::{Fitted, HeldOut, Job, Target, Task};

const TEXT: &str = "speed,grade,y\n10.5,A,good\n20,B,bad\n30,C,good\n";

fn grades() -> Job {
    let inputs = vec![one_hot("grade", &["A", "B"]), scaled("speed", 20.0, 0.1)];
    Job { fitted: classes(inputs, &["bad", "good"]), ..job(Task::Classification, "y") }
}

fn all(rows: &Rows) -> (Vec<f32>, Targets) {
    let (mut x, mut y) = (vec![9.0], Targets::Values(vec![9.0]));
    assert_eq!(rows.gather(0..rows.len(), &mut x, &mut y), rows.len());
    (x, y)
}

#[test]
fn columns_become_numbers_in_the_jobs_order() {
    let dataset = read(TEXT).encode(&grades()).unwrap();
    let (x, y) = all(&dataset.train);
    assert_eq!((dataset.train.width(), dataset.train.len(), dataset.held_out.len()), (3, 3, 0));
    assert_eq!(x, [1.0, 0.0, -0.95, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], "a value that the job does not know is all zeros");
    assert_eq!(y, Targets::Classes(vec![1, 0, 1]));
    assert_eq!(dataset.train.targets(), &y);
}

#[test]
fn rows_are_gathered_in_the_order_asked_for() {
    let dataset = read(TEXT).encode(&grades()).unwrap();
    let (mut x, mut y) = (Vec::new(), Targets::Classes(Vec::new()));
    assert_eq!(dataset.train.gather([2, 7, 1].into_iter(), &mut x, &mut y), 2);
    assert_eq!((x, y), (vec![0.0, 0.0, 1.0, 0.0, 1.0, 0.0], Targets::Classes(vec![1, 0])));
}

#[test]
fn a_regressions_target_is_scaled() {
    let target = Target::Scaled { offset: 2.0, scale: 0.5 };
    let fitted = Some(Fitted { inputs: vec![scaled("x", 0.0, 1.0)], target });
    let dataset = read("x,y\n1,2\n2,6\n").encode(&Job { fitted, ..job(Task::Regression, "y") }).unwrap();
    assert_eq!(all(&dataset.train), (vec![1.0, 2.0], Targets::Values(vec![0.0, 2.0])));
}

#[test]
fn bytes_and_floats_encode_alike() {
    let fitted = |name| classes(vec![scaled("x", 3.0, 1.0 / 7.0), scaled(name, 0.0, 1.0)], &["0", "1"]);
    let dataset = |text: &str, name| {
        let job = Job { fitted: fitted(name), held_out: HeldOut::ByHash(4_000), ..job(Task::Classification, "y") };
        read(text).encode(&job).unwrap()
    };
    let rows: String = (0..50).map(|row| format!("{},{},{}\n", row * 5, row, row % 2)).collect();
    let bytes = dataset(&format!("x,z,y\n{rows}"), "z");
    // One more row with an empty cell is left out, but the column is no longer one of bytes.
    let floats = dataset(&format!("x,z,y\n{rows},1,1\n"), "z");
    assert_eq!((all(&bytes.train), all(&bytes.held_out)), (all(&floats.train), all(&floats.held_out)));
    assert_eq!(bytes.digest, floats.digest);
    assert_eq!((bytes.train.len() + bytes.held_out.len(), floats.usage.skipped_total()), (50, 1));
}

#[test]
fn the_digest_depends_on_order_cells_and_targets() {
    let digest = |text: &str| read(text).encode(&grades()).map(|dataset: Dataset| dataset.digest).unwrap();
    let same = digest(TEXT);
    assert_eq!(digest("speed,grade,y\n10.50,A,good\n2e1,B,bad\n30,D,good\n"), same, "encoded alike");
    assert_ne!(digest("speed,grade,y\n20,B,bad\n10.5,A,good\n30,C,good\n"), same);
    assert_ne!(digest("speed,grade,y\n10.5,A,bad\n20,B,bad\n30,C,good\n"), same);
    assert_ne!(digest("speed,grade,y\n10.5,B,good\n20,B,bad\n30,C,good\n"), same);
}

#[test]
fn what_does_not_fit_the_job_is_named() {
    let error = |text: &str| shown(&read(text).encode(&grades()).unwrap_err());
    assert_eq!(
        error("speed,grade,y\n1,A,good\n2,B,ugly\n"),
        "a.csv line 3 has the class 'ugly', which is not one of the job's"
    );
    assert_eq!(
        error("speed,grade,y\nfast,A,good\n2,B,bad\n"),
        "column 'speed' in a.csv (delimiter ',') holds text where the job expects numbers"
    );
    assert_eq!(error("speed,y\n1,good\n"), "column 'grade' missing in a.csv (delimiter ','); there are: speed, y");
    let unfitted = read(TEXT).encode(&job(Task::Classification, "y"));
    assert!(matches!(unfitted, Err(DataError::NotFitted)));
}

#[test]
fn numbers_where_the_job_has_texts_are_taken_by_their_shortest_text() {
    let fitted = classes(vec![one_hot("kind", &["7", "7B"])], &["0", "1"]);
    let table = read("kind,y\n7.0,0\n8,1\n");
    let dataset = table.encode(&Job { fitted, ..job(Task::Classification, "y") }).unwrap();
    assert_eq!(all(&dataset.train), (vec![1.0, 0.0, 0.0, 0.0], Targets::Classes(vec![0, 1])));
}

#[test]
fn empty_inputs_become_the_mean() {
    let table = read_with(b"x,k,y\n1,a,0\n,a,1\n3,,0\n", |source| source.missing = Missing::Mean).unwrap();
    let fitted = classes(vec![scaled("x", 0.0, 10.0), one_hot("k", &["a"])], &["0", "1"]);
    let dataset = table.encode(&Job { fitted, ..job(Task::Classification, "y") }).unwrap();
    assert_eq!(all(&dataset.train).0, [10.0, 1.0, 20.0, 1.0, 30.0, 0.0]);
}

#[test]
fn predictions_need_no_target() {
    let table: Table = read("grade,speed,note\nA,20,\nB,,x\nB,30,\n");
    let inputs = table.encode_inputs(&grades()).unwrap();
    let mut x = Vec::new();
    assert!((0..inputs.x.len()).all(|example| inputs.x.extend(example, &mut x)));
    assert_eq!((x, inputs.rows), (vec![1.0, 0.0, 0.0, 0.0, 1.0, 1.0], vec![0, 2]));
    assert_eq!(inputs.usage.skipped_total(), 1);
}
