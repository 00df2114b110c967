//! Data for tests: the bundled steel plates, and handwritten digits.

use std::path::{Path, PathBuf};

/// The bundled steel plates (UCI, CC BY 4.0).
#[must_use]
pub fn steel_plates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/assets/steel_plates_faults.csv")
}

/// The UCI optical digits (CC BY 4.0), 1,797 rows of 64 pixels and the class, without a header.
#[must_use]
pub fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/digits.csv")
}

/// The steel plates' header and rows.
///
/// # Errors
/// What the system says.
pub fn steel_plates_rows() -> std::io::Result<(String, Vec<String>)> {
    let text = std::fs::read_to_string(steel_plates())?;
    let mut lines = text.lines().map(str::to_owned);
    Ok((lines.next().unwrap_or_default(), lines.collect()))
}
