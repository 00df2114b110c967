//! Files as bytes and text.

use crate::DataError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest file in bytes, after decompression.
const BYTES_MAX: u64 = 2 << 30;

/// A file's bytes, decompressed if it is gzipped.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    let unreadable = |error: std::io::Error| DataError::Unreadable { path: path.to_owned(), why: error.to_string() };
    let raw = bounded(path, File::open(path).map_err(unreadable)?)?;
    if raw.starts_with(&[0x1f, 0x8b]) {
        return bounded(path, flate2::read::MultiGzDecoder::new(raw.as_slice()));
    }
    Ok(raw)
}

fn bounded(path: &Path, from: impl Read) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    let read = from.take(BYTES_MAX + 1).read_to_end(&mut bytes);
    let length = read.map_err(|error| DataError::Unreadable { path: path.to_owned(), why: error.to_string() })?;
    if length as u64 > BYTES_MAX {
        return Err(DataError::TooLarge { path: path.to_owned(), bytes_max: BYTES_MAX });
    }
    Ok(bytes)
}

/// Bytes as text: UTF-8, UTF-16 with a byte order mark (as spreadsheets save "Unicode text"), or else Latin-1.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => text(rest.to_vec()),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().map(|b| char::from(*b)).collect()),
    }
}
