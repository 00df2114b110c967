//! Passwords and keys.

use alloc::string::String;
use core::fmt;

/// A password or key. Neither `{}` nor `{:?}` shows it.
///
/// ```
/// let secret = heijunka_units::Secret::new("open sesame");
/// assert_eq!(format!("{secret}, {secret:?}"), "hidden, Secret(hidden)");
/// assert_eq!(secret.reveal(), "open sesame");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; call it only where the secret is used.
    #[must_use]
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
