//! The job's files for download, a piece at a time: memory stays small, however large a model is.

use bytes::Bytes;
use heijunka_metrics::http::Body;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use tokio::sync::mpsc;

const PIECE_BYTES: usize = 64 * 1024;

/// The files that can be downloaded, and their types.
const FILES: [(&str, &str); 4] = [
    ("/model.safetensors", "application/octet-stream"),
    ("/model.onnx", "application/octet-stream"),
    ("/model_card.json", "application/json"),
    ("/history.csv", "text/csv; charset=utf-8"),
];

/// The type of a path's file, if it can be downloaded.
pub(crate) fn kind(path: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == path).map(|(_, kind)| *kind)
}

/// The file's content and its length in bytes. Files are replaced whole, so that what was opened stays as it is.
pub(crate) fn content(folder: &Path, path: &str) -> std::io::Result<(Body, u64)> {
    let file = File::open(folder.join(path.trim_start_matches('/')))?;
    // A file that is written on is sent as it was.
    let bytes = file.metadata()?.len();
    let (sender, receiver) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || send(file, bytes, &sender));
    Ok((Body::Stream(receiver), bytes))
}

/// Until the end of the file or of the connection.
fn send(mut file: File, bytes: u64, sender: &mpsc::Sender<Bytes>) {
    let mut left = bytes;
    while left > 0 {
        let mut piece = vec![0; PIECE_BYTES.min(usize::try_from(left).unwrap_or(PIECE_BYTES))];
        match file.read(&mut piece) {
            Ok(read @ 1..) => {
                piece.truncate(read);
                left = left.saturating_sub(read as u64);
                if sender.blocking_send(piece.into()).is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
