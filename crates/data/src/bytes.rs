//! Files as bytes.

use crate::DataError;
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
