//! Files as bytes and text.

use crate::DataError;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A file's bytes, decompressed if it is gzipped. `bytes_max` is the limit for all files together, `room` what is left.
pub(crate) fn read(path: &Path, bytes_max: u64, room: u64) -> Result<Vec<u8>, DataError> {
    let unreadable = |error: std::io::Error| DataError::Unreadable { path: path.to_owned(), why: error.to_string() };
    if path.is_dir() {
        return Err(DataError::Folder { path: path.to_owned() });
    }
    let limit = Limit { path, bytes_max, room };
    let raw = limit.read(File::open(path).map_err(unreadable)?)?;
    if raw.starts_with(&[0x1f, 0x8b]) {
        return limit.read(flate2::read::MultiGzDecoder::new(raw.as_slice()));
    }
    Ok(raw)
}

struct Limit<'a> {
    path: &'a Path,
    bytes_max: u64,
    room: u64,
}

impl Limit<'_> {
    fn read(&self, from: impl Read) -> Result<Vec<u8>, DataError> {
        let mut bytes = Vec::new();
        let read = from.take(self.room.saturating_add(1)).read_to_end(&mut bytes);
        let path = self.path.to_owned();
        match read {
            Err(error) => Err(DataError::Unreadable { path, why: error.to_string() }),
            Ok(length) if length as u64 > self.room => Err(DataError::TooLarge { path, bytes_max: self.bytes_max }),
            Ok(_) => Ok(bytes),
        }
    }
}

/// How a file's bytes stand for characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, as spreadsheets save "Unicode text".
    Utf16,
    /// A byte for each character: what is not valid UTF-8 is read so.
    Latin1,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Latin1 => "Latin-1",
        })
    }
}

/// Bytes as text: UTF-8, UTF-16 (by its byte order mark, or by every other byte of the beginning being 0), or Latin-1.
pub(crate) fn text(bytes: Vec<u8>) -> (String, Encoding) {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        (text, Encoding::Utf16)
    };
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, rest @ ..] => text(rest.to_vec()),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [a, 0, b, 0, ..] if *a > 0 && *b > 0 => utf16(&bytes, u16::from_le_bytes),
        [0, a, 0, b, ..] if *a > 0 && *b > 0 => utf16(&bytes, u16::from_be_bytes),
        _ => match String::from_utf8(bytes) {
            Ok(text) => (text, Encoding::Utf8),
            Err(error) => (error.as_bytes().iter().map(|byte| char::from(*byte)).collect(), Encoding::Latin1),
        },
    }
}
