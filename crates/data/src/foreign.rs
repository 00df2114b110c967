//! Files that are given as data and are not text: workbooks, archives and similar.

use crate::{DataError, encoding};
use std::path::Path;

/// First bytes of such files.
const HEAD_BYTES: usize = 4096;
/// Of them, those in which text has no zero byte.
const TEXT_BYTES: usize = 512;

const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];
/// Archives that are not looked into: 7z, xz, zstd, bzip2.
const ARCHIVES: [&[u8]; 4] = [b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"BZh"];
/// The older Office format, and what other programs call a workbook.
const WORKBOOKS: [&[u8]; 5] = [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"<?xml", b"<html", b"<HTML", b"<!DOCTYPE"];
/// Names in a zip that make it a workbook.
const PARTS: [&[u8]; 3] = [b"[Content_Types].xml", b"xl/", b"opendocument.spreadsheet"];

/// An error if the bytes are certainly no CSV.
pub(crate) fn refuse(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    let head = bytes.get(..HEAD_BYTES).unwrap_or(bytes);
    let begins = |marks: &[&[u8]]| marks.iter().any(|mark| head.starts_with(mark));
    let has = |part: &&[u8]| head.windows(part.len()).any(|window| window == *part);
    let is_zip = begins(&ZIP);
    let path = || path.to_owned();
    match () {
        () if begins(&WORKBOOKS) || is_zip && PARTS.iter().any(has) => Err(DataError::Workbook { path: path() }),
        () if is_zip || begins(&ARCHIVES) => Err(DataError::Archive { path: path() }),
        () if encoding::wide(head).is_none() && head.iter().take(TEXT_BYTES).any(|byte| *byte == 0) => {
            Err(DataError::Binary { path: path() })
        }
        () => Ok(()),
    }
}
