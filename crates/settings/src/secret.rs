//! Secrets from files and from the environment.

use heijunka_units::Secret;
use std::io::Read;
use std::path::Path;

/// Largest file of secrets or certificates, in bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;

/// Reads a file of secrets or certificates. The error says what is wrong, without the content.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {shown}"),
        std::io::ErrorKind::PermissionDenied => format!("this user may not read {shown}"),
        _ => format!("{shown} cannot be read: {error}"),
    };
    let mut bytes = Vec::new();
    let limit = FILE_BYTES_MAX as u64 + 1;
    std::fs::File::open(path).map_err(cannot)?.take(limit).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {FILE_BYTES_MAX} bytes"));
    }
    Ok(bytes)
}

/// The secret on the first line of a file.
///
/// # Errors
/// What is wrong with the file, without its content.
pub fn secret_from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let text = String::from_utf8(read_bounded(path)?).map_err(|_| format!("{shown} is not a text file"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(format!("the first line of {shown} is empty")),
    }
}

/// The secret in an environment variable; `None` if it is not set or empty.
///
/// # Errors
/// What is wrong with the variable, without its content.
pub fn secret_from_environment(variable: &str) -> Result<Option<Secret>, String> {
    match std::env::var(variable) {
        Ok(text) => Ok((!text.is_empty()).then(|| Secret::new(text))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable {variable} is not text")),
    }
}
