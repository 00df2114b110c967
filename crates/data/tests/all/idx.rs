//! Images and labels in idx files.

use crate::help::{classes, job, read_with, scaled, shown};
use heijunka_data::{DataError, Source, Table, Targets};
use heijunka_wire::document::{Job, Task};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Three images of 2 x 2 pixels.
const IMAGES: [u8; 28] = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 255, 0, 255, 1, 2, 3, 4, 9, 9, 9, 9];
const LABELS: [u8; 11] = [0, 0, 8, 1, 0, 0, 0, 3, 7, 3, 7];

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn read(images: &[u8], labels: Option<&[u8]>) -> Result<Table, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let mut source = Source::new(write(folder.path(), "images", images));
    source.labels = labels.map(|labels| write(folder.path(), "labels", labels));
    Table::read(&source)
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn images_and_labels_become_columns() {
    for table in [read(&IMAGES, Some(&LABELS)), read(&gzipped(&IMAGES), Some(&gzipped(&LABELS)))] {
        let table = table.unwrap();
        assert_eq!(table.column_names().collect::<Vec<_>>(), ["pixel0", "pixel1", "pixel2", "pixel3", "label"]);
        let survey = table.survey(&job(Task::Classification, "label")).unwrap();
        assert_eq!(survey.target.values, [("3".to_owned(), 1), ("7".to_owned(), 2)]);
        assert_eq!((survey.inputs[1].min, survey.inputs[1].max), (2.0, 255.0));
    }
}

#[test]
fn pixels_are_scaled_when_they_are_gathered() {
    let inputs = (0..4).map(|pixel| scaled(&format!("pixel{pixel}"), 0.0, 1.0 / 255.0)).collect();
    let job = Job { fitted: classes(inputs, &["3", "7"]), ..job(Task::Classification, "label") };
    let dataset = read(&IMAGES, Some(&LABELS)).unwrap().encode(&job).unwrap();
    let (mut x, mut y) = (Vec::new(), Targets::Classes(Vec::new()));
    dataset.train.gather([0, 1].into_iter(), &mut x, &mut y);
    let expected = [0.0, 1.0, 0.0, 1.0, 1.0 / 255.0, 2.0 / 255.0, 3.0 / 255.0, 4.0 / 255.0];
    assert_eq!((x, y), (expected.to_vec(), Targets::Classes(vec![1, 0])));
}

#[test]
fn the_same_images_in_csv_are_held_out_alike() {
    let csv = read_with(b"a,b,c,d,y\n0,255,0,255,7\n1,2,3,4,3\n9,9,9,9,7\n", |_| ()).unwrap();
    let idx = read(&IMAGES, Some(&LABELS)).unwrap();
    let fate = |table: &Table| [0, 1, 2].map(|row| (0..10_000).find(|per_10000| table.held_out(row, *per_10000)));
    assert_eq!(fate(&csv), fate(&idx));
}

#[test]
fn images_without_labels_can_be_predicted_from() {
    let table = read(&IMAGES, None).unwrap();
    let fitted = classes(vec![scaled("pixel3", 0.0, 1.0)], &["3", "7"]);
    let inputs = table.encode_inputs(&Job { fitted, ..job(Task::Classification, "label") }).unwrap();
    let mut x = Vec::new();
    assert!((0..3).all(|example| inputs.x.extend(example, &mut x)));
    assert_eq!(x, [255.0, 4.0, 9.0]);
}

#[test]
fn malformed_files_are_refused() {
    let error = |images: &[u8], labels: &[u8]| shown(&read(images, Some(labels)).unwrap_err());
    assert_eq!(error(&IMAGES[..27], &LABELS), "images is not an idx file of images: 3 items of 4 bytes do not make 11");
    assert_eq!(error(&IMAGES[..9], &LABELS), "images is not an idx file of images: it is incomplete");
    assert_eq!(error(b"a,b\n", &LABELS), "images is not an idx file of images: it does not begin with 0 0 8");
    assert_eq!(error(&IMAGES, &IMAGES), "labels is not an idx file of labels: it holds images");
    let two = [0, 0, 8, 1, 0, 0, 0, 2, 7, 3];
    assert_eq!(error(&IMAGES, &two), "labels is not an idx file of labels: it has 2 labels for 3 images");
    let huge = [0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255];
    assert!(read(&huge, None).is_err());
    let broken = gzipped(&IMAGES);
    assert!(matches!(read(&broken[..broken.len() - 9], None), Err(DataError::Unreadable { .. })));
}
