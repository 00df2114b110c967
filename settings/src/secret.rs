//! Secrets: read from files, never shown.

use std::fmt;
use std::path::Path;

/// A password or key. Neither `{}` nor `{:?}` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Largest secret file in bytes.
const SECRET_BYTES_MAX: usize = 4096;

impl Secret {
    /// From text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// From a file's first line. The error says what is wrong, without the content.
    pub fn from_file(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no file {shown}"),
            std::io::ErrorKind::PermissionDenied => format!("this user may not read {shown}"),
            _ => format!("{shown} cannot be read: {error}"),
        })?;
        if text.len() > SECRET_BYTES_MAX {
            return Err(format!("{shown} is larger than {SECRET_BYTES_MAX} bytes"));
        }
        match text.lines().next() {
            Some(line) if !line.is_empty() => Ok(Self(line.to_owned())),
            _ => Err(format!("the first line of {shown} is empty")),
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
