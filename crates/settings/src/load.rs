//! Reads a settings file.

use crate::deserialize::Root;
use crate::error::{Problem, SettingsError};
use crate::finding::Finding;
use crate::guide::Guide;
use crate::{explain, locate};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Settings together with the text that they were read from.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The settings.
    pub settings: T,
    path: PathBuf,
    source_text: String,
}

/// Reads the settings file at `path`. Errors: no such file, not TOML, unknown or missing keys, values of a wrong kind.
pub fn load<T: DeserializeOwned>(path: &Path, guide: &Guide) -> Result<Loaded<T>, SettingsError> {
    let text = std::fs::read(path).map_err(|error| not_opened(path, &error, guide))?;
    let Ok(text) = String::from_utf8(text) else {
        return Err(unreadable(path, "the file is not UTF-8 text", "save it again with the encoding UTF-8"));
    };
    parse(path, text, guide)
}

/// Reads settings from `text`, which is said to come from `path`.
pub fn parse<T: DeserializeOwned>(path: &Path, text: String, guide: &Guide) -> Result<Loaded<T>, SettingsError> {
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    match read(&text, guide) {
        Ok(settings) => Ok(Loaded { settings, path: path.to_owned(), source_text: text }),
        Err(finding) => Err(SettingsError::new(path, &text, finding)),
    }
}

fn read<T: DeserializeOwned>(text: &str, guide: &Guide) -> Result<T, Finding> {
    let table = DeTable::parse(text).map_err(|error| explain::syntax(text, &error))?;
    let settings = T::deserialize(Root(table.get_ref())).map_err(|mistake| explain::explain(mistake, guide))?;
    explain::no_control_characters(text, table.get_ref())?;
    Ok(settings)
}

fn not_opened(path: &Path, error: &std::io::Error, guide: &Guide) -> SettingsError {
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            unreadable(path, "there is no such file", &format!("run `{}` to write a sample", guide.init))
        }
        std::io::ErrorKind::PermissionDenied => {
            unreadable(path, "this user may not read the file", "change the file's owner or its permissions")
        }
        _ => unreadable(path, &format!("the file cannot be read: {error}"), "check that the path names a file"),
    }
}

fn unreadable(path: &Path, what: &str, fix: &str) -> SettingsError {
    SettingsError::new(path, "", Finding { place: None, key: None, what: what.to_owned(), fix: fix.to_owned() })
}

/// Where keys are written: file, line and column, or only the section or file if the key is not written.
#[derive(Clone, Debug, Default)]
pub struct Places(Vec<(&'static str, String)>);

impl Places {
    /// `agent.toml:5:7: broker.url`; only the key if it was not looked up.
    pub fn of(&self, key: &str) -> String {
        match self.0.iter().find(|(known, _)| *known == key) {
            Some((_, position)) => format!("{position}: {key}"),
            None => key.to_owned(),
        }
    }
}

impl<T> Loaded<T> {
    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Points a problem at its line in the file; at its section, if the key is not written down.
    pub fn report(&self, problem: Problem) -> SettingsError {
        let table = DeTable::parse(&self.source_text).ok();
        let place = table.and_then(|table| locate::place_of(table.get_ref(), &problem.key));
        let what = format!("{}: {}", problem.key, problem.message);
        SettingsError::new(
            &self.path,
            &self.source_text,
            Finding { place, key: Some(problem.key), what, fix: problem.fix },
        )
    }

    /// Where `keys` are written, for errors that show later.
    pub fn places(&self, keys: &[&'static str]) -> Places {
        let at = |key: &&'static str| {
            let problem = Problem::new(*key, String::new(), String::new());
            (*key, self.report(problem).position())
        };
        Places(keys.iter().map(at).collect())
    }

    /// A path in the settings, which counts from the settings file's folder.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }
}
