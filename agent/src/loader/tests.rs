//! Files are read once for a job, and gradients are computed in the same memory round after round.

use super::*;
use heijunka_wire::document::{ClassWeights, Encoding, Fitted, HeldOut, Input, Job, Normalize, Target, Task};
use heijunka_wire::{Activation, DataMode, Loss, Model, Part, Shape, digest};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

fn rows(last: &str) -> String {
    let rows = (0..200).map(|i| format!("{},{}\n", i % 7, if i % 7 > 3 { "p" } else { "q" }));
    rows.fold("a,y\n".to_owned(), |text, row| text + &row) + last
}

/// A loader of 201 rows, and their file.
fn loader(folder: &Path) -> (Loader, PathBuf) {
    let path = folder.join("d.csv");
    std::fs::write(&path, rows("1,q\n")).unwrap();
    let settings = folder.join("agent.toml");
    let text = "site = \"s\"\njob = \"j\"\nagent_id = \"a\"\n[broker]\nurl = \"mqtt://127.0.0.1:1883\"\n[data]\n\
                path = 'd.csv'\n[limits]\ncpu_threads = 2\n";
    std::fs::write(&settings, text).unwrap();
    (Loader::new(&crate::config::load(&settings).unwrap()), path)
}

fn job(fitted: bool) -> Vec<u8> {
    let inputs = vec![Input { name: "a".into(), encoding: Encoding::Scaled { offset: 3.0, scale: 0.5 } }];
    let target = Target::Classes { names: vec!["p".into(), "q".into()], weights: vec![1.0, 1.0] };
    let job = Job {
        task: Task::Classification,
        target: "y".into(),
        inputs: vec![],
        ignore: vec![],
        normalize: Normalize::None,
        class_weights: ClassWeights::None,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(2000),
        group: None,
        window: None,
        fitted: fitted.then_some(Fitted { inputs, target }),
    };
    job.to_bytes()
}

fn prepare(loader: &mut Loader, fitted: bool) -> Prepared {
    let document = job(fitted);
    let shape = Shape::dense(&[1, 2], Activation::Relu, Loss::CrossEntropy).unwrap();
    let model = if fitted { Model::Layers(shape) } else { Model::Unsettled };
    let bytes = document.len() as u32;
    let part = Part { index: 0, total_bytes: bytes, chunk_bytes: bytes };
    let spec = Spec { content: digest(&document), model, data_mode: DataMode::Shared, seed: 3, part };
    match loader.work(Work::Prepare { spec, document }, false) {
        Done::Prepared { prepared, .. } => prepared,
        _ => panic!("the data cannot be prepared"),
    }
}

/// Other rows of the same length, changed at the same time as the old ones as far as the file system shows.
fn replace_unseen(path: &Path) {
    let changed = std::fs::metadata(path).unwrap().modified().unwrap();
    std::fs::write(path, rows("6,p\n")).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(changed).unwrap();
}

#[test]
fn the_table_of_the_survey_is_the_one_that_is_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let (mut loader, path) = loader(folder.path());
    let digest_of_first_rows = prepare(&mut loader, true).data_digest;
    prepare(&mut loader, false);
    replace_unseen(&path);
    assert_eq!(prepare(&mut loader, true).data_digest, digest_of_first_rows, "the file was read again");
    assert!(loader.surveyed.is_none(), "the table is kept longer than it is needed");
    assert_ne!(prepare(&mut loader, true).data_digest, digest_of_first_rows, "there is no table to begin with");
}

#[test]
fn files_that_have_changed_since_the_survey_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut loader, path) = loader(folder.path());
    prepare(&mut loader, false);
    let before = prepare(&mut loader, true).data_digest;
    prepare(&mut loader, false);
    std::fs::write(&path, rows("6,p\n")).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert_ne!(prepare(&mut loader, true).data_digest, before);
}

#[test]
fn gradients_are_computed_in_the_memory_of_earlier_ones() {
    const ROOM: usize = 1000;
    let folder = tempfile::tempdir().unwrap();
    let (mut loader, _) = loader(folder.path());
    prepare(&mut loader, true);
    for steps in [1, 3] {
        let mut gradient = Gradient { mean: Vec::with_capacity(ROOM), ..Gradient::default() };
        // The mean changes places with the threads' sums and the sum of the steps: it is back after a few rounds.
        let found = (1..=6).any(|round| {
            let asked = Compute {
                round: RoundId(round),
                position: 0,
                samples: 100,
                local: LocalSteps { steps, stride: 100, rate: 0.1 },
                stop: None,
                model: vec![0.0; 4],
                gradient: std::mem::take(&mut gradient),
                cancel: Cancel::default(),
            };
            let Done::Computed { gradient: computed, .. } = loader.work(Work::Compute(asked), false) else { panic!() };
            assert_eq!((computed.samples, computed.mean.len()), (100, 4));
            gradient = computed;
            gradient.mean.capacity() >= ROOM
        });
        assert!(found, "{steps} steps: the memory that was lent is gone");
    }
}
