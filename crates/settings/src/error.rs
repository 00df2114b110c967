//! Errors in a settings file, each with its fix.

use crate::finding::Finding;
use crate::hide::without_secrets;
use std::ops::Range;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// An invalid setting, found by a program's own check after the file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key with its section: `broker.url`.
    pub key: String,
    /// What is wrong, in plain words, without a full stop.
    pub message: String,
    /// What to write instead.
    pub fix: String,
}

impl Problem {
    /// A problem with `key`.
    pub fn new(key: impl Into<String>, message: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into(), fix: fix.into() }
    }

    /// The same problem with `section.` in front of the key.
    pub fn within(mut self, section: &str) -> Self {
        self.key = format!("{section}.{}", self.key);
        self
    }
}

/// An error in a settings file.
#[derive(Clone, Debug, Error)]
#[error("{}: {what}; {fix}", self.position())]
pub struct SettingsError {
    /// The file.
    pub path: PathBuf,
    /// The key in question with its section, as far as known.
    pub key: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub fix: String,
    pub(crate) place: Option<Box<Place>>,
}

/// The bytes in question of a file's text, without secrets.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) text: String,
    pub(crate) range: Range<usize>,
}

impl SettingsError {
    pub(crate) fn new(path: &Path, text: &str, finding: Finding) -> Self {
        let Finding { place, key, what, fix } = finding;
        let place = place.map(|range| Box::new(Place { text: without_secrets(text), range }));
        Self { path: path.to_owned(), key, what, fix, place }
    }

    /// `agent.toml:7:3`: file, line and column, counted from 1; only the file if no place is known.
    pub fn position(&self) -> String {
        let file = self.path.display();
        let Some(before) = self.place.as_ref().and_then(|place| place.text.get(..place.range.start)) else {
            return file.to_string();
        };
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |text| text.chars().count()) + 1;
        format!("{file}:{line}:{column}")
    }
}
