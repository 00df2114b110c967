//! Secrets: read from files, never shown.

use std::fmt;
use std::io::Read;
use std::path::Path;

/// A password or key. Neither `{}` nor `{:?}` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

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

impl Secret {
    /// From text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// From a file's first line. The error says what is wrong, without the content.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = String::from_utf8(read_bounded(path)?).map_err(|_| format!("{shown} is no text"))?;
        match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(Self(line.to_owned())),
            _ => Err(format!("the first line of {shown} is empty")),
        }
    }

    /// From an environment variable; `None` if it is not set or empty. The error says what is wrong, without the content.
    pub fn from_environment(variable: &str) -> Result<Option<Self>, String> {
        match std::env::var(variable) {
            Ok(text) => Ok((!text.is_empty()).then_some(Self(text))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment's {variable} is no text")),
        }
    }

    /// The text itself, for the login alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hidden")
    }
}
