//! Images and labels in idx files, the format of MNIST (<http://yann.lecun.com/exdb/mnist/>).

use crate::cell::Cell;
use crate::table::Table;
use crate::values::{Column, Values};
use crate::{DataError, Source, bytes};
use heijunka_wire::digest;
use heijunka_wire::limits::COLUMNS_MAX;
use std::path::Path;

/// Whether a file begins as an idx file of bytes.
pub(crate) fn is_idx(bytes: &[u8]) -> bool {
    matches!(bytes, [0, 0, 8, 1..=4, ..])
}

/// Reads images as columns `pixel0`, `pixel1`, … and their labels as column `label`.
pub(crate) fn read(source: &Source, path: &Path, images: &[u8]) -> Result<Table, DataError> {
    let (count, width, pixels) = parse(path, "images", images)?;
    if source.files()?.len() > 1 {
        return Err(malformed(path, "images", "it is one of several files, and only one can be read"));
    }
    if width > COLUMNS_MAX {
        return Err(malformed(path, "images", &format!("an image has more pixels than the limit of {COLUMNS_MAX}")));
    }
    let labels = match &source.labels {
        Some(file) => Some(read_labels(source, file, count)?),
        None => None,
    };
    let mut columns = vec![Vec::with_capacity(count); width];
    for image in pixels.chunks_exact(width) {
        columns.iter_mut().zip(image).for_each(|(column, pixel)| column.push(*pixel));
    }
    let digests = row_digests(pixels, width, labels.as_deref());
    let name = |pixel: usize| format!("pixel{pixel}");
    let pixels = columns.into_iter().enumerate();
    let pixels = pixels.map(|(pixel, values)| Column { name: name(pixel), values: Values::Bytes(values) });
    let label = labels.map(|labels| Column { name: "label".to_owned(), values: Values::Bytes(labels) });
    Ok(Table {
        columns: pixels.chain(label).collect(),
        lines: (1..).take(digests.len()).collect(),
        digests,
        files: vec![(0, path.to_owned())],
        ..Table::empty(source)
    })
}

fn read_labels(source: &Source, path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
    let file = bytes::read(path, source.bytes_max, source.bytes_max)?;
    let (labels, width, values) = parse(path, "labels", &file)?;
    if width != 1 {
        return Err(malformed(path, "labels", "it holds images"));
    }
    if labels != count {
        return Err(malformed(path, "labels", &format!("it has {labels} labels for {count} images")));
    }
    Ok(values.to_vec())
}

/// Number of items, bytes of each, and all bytes.
fn parse<'a>(path: &Path, wanted: &'static str, file: &'a [u8]) -> Result<(usize, usize, &'a [u8]), DataError> {
    let [0, 0, 8, dimensions @ 1..=4, rest @ ..] = file else {
        return Err(malformed(path, wanted, "it does not begin with 0 0 8"));
    };
    let short = || malformed(path, wanted, "it is incomplete");
    let (sizes, values) = rest.split_at_checked(usize::from(*dimensions) * 4).ok_or_else(short)?;
    let mut sizes = sizes.as_chunks::<4>().0.iter().map(|size| u32::from_be_bytes(*size) as usize);
    let count = sizes.next().ok_or_else(short)?;
    let width = sizes.try_fold(1_usize, usize::checked_mul).filter(|width| *width > 0).ok_or_else(short)?;
    if count.checked_mul(width) != Some(values.len()) {
        return Err(malformed(path, wanted, &format!("{count} items of {width} bytes do not make {}", values.len())));
    }
    Ok((count, width, values))
}

fn malformed(path: &Path, wanted: &'static str, why: &str) -> DataError {
    DataError::Idx { path: path.to_owned(), wanted, why: why.to_owned() }
}

/// The digests that the same rows have in a CSV file.
fn row_digests(pixels: &[u8], width: usize, labels: Option<&[u8]>) -> Vec<u64> {
    let mut canonical = Vec::new();
    let images = pixels.chunks_exact(width).enumerate();
    let digests = images.map(|(row, image)| {
        canonical.clear();
        let label = labels.and_then(|labels| labels.get(row));
        for byte in image.iter().chain(label) {
            Cell::Number(f64::from(*byte)).write_canonical(&mut canonical);
        }
        digest(&canonical)
    });
    digests.collect()
}
