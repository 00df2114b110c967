//! What the tests share.

use heijunka_data::{DataError, Source, Table};
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, Encoding, Fitted, HeldOut, Input, Job, Normalize, Target, Task};
use std::path::PathBuf;

/// A file that travels with the crate.
pub(crate) fn sample(name: &str) -> PathBuf {
    PathBuf::from("tests/samples").join(name)
}

/// Reads `text` as a file called `a.csv`, with the source changed by `change`.
pub(crate) fn read_with(text: &[u8], change: impl FnOnce(&mut Source)) -> Result<Table, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    std::fs::write(&path, text).unwrap();
    let mut source = Source::new(path);
    change(&mut source);
    Table::read(&source)
}

pub(crate) fn read(text: &str) -> Table {
    read_with(text.as_bytes(), |_| ()).unwrap()
}

/// The error's text, with file names in place of paths.
pub(crate) fn shown(error: &DataError) -> String {
    let text = error.to_string();
    let folder = |word: &str| word.rfind('/').map_or(0, |slash| slash + 1);
    let word = |word: &str| {
        let bracket = if word.starts_with('(') { "(" } else { "" };
        format!("{bracket}{}", word.get(folder(word).max(bracket.len())..).unwrap_or_default())
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

pub(crate) fn job(task: Task, target: &str) -> Job {
    Job {
        task,
        target: target.to_owned(),
        inputs: vec![],
        ignore: vec![],
        normalize: Normalize::Standard,
        class_weights: ClassWeights::None,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(0),
        group: None,
        window: None,
        fitted: None,
    }
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn scaled(name: &str, offset: f64, scale: f64) -> Input {
    Input { name: name.to_owned(), encoding: Encoding::Scaled { offset, scale } }
}

pub(crate) fn one_hot(name: &str, values: &[&str]) -> Input {
    Input { name: name.to_owned(), encoding: Encoding::OneHot { values: names(values) } }
}

pub(crate) fn classes(inputs: Vec<Input>, classes: &[&str]) -> Option<Fitted> {
    Some(Fitted { inputs, target: Target::Classes { names: names(classes), weights: vec![1.0; classes.len()] } })
}
