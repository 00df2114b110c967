//! What serde finds wrong with a value, kept as it is: kind, key and place.

use serde::de::{Error, Expected, Unexpected};
use std::fmt;
use std::ops::Range;

/// A value or key that does not fit the settings.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub(crate) kind: MistakeKind,
    /// Where it is written, if it is.
    pub(crate) place: Option<Range<usize>>,
    /// Keys from the value in question up to the root.
    keys: Vec<String>,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum MistakeKind {
    /// A key of this name is needed.
    Missing(&'static str),
    /// There is no key of this name among those that are known.
    UnknownKey { name: String, is_section: bool, known: &'static [&'static str] },
    /// The text is not among those that are known.
    UnknownValue { name: String, known: &'static [&'static str] },
    /// Something else is expected: serde says in words what.
    WrongKind { found: Found, expected: String },
    /// What a type of the settings says: one line on what is wrong, and perhaps one on what to write.
    Other(String),
}

/// What was found instead.
#[derive(Debug)]
pub(crate) enum Found {
    /// A text.
    Text(String),
    /// A number or a truth value, and its kind in words.
    Value(String, &'static str),
    /// A list, a section or a date.
    Other(String),
}

impl Mistake {
    fn new(kind: MistakeKind) -> Self {
        Self { kind, place: None, keys: Vec::new() }
    }

    /// The key (`broker.url`); of one that is missing or unknown its section's, empty at the root.
    pub(crate) fn key(&self) -> String {
        self.keys.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".")
    }

    /// Sets the place, unless a value further in has set it.
    pub(crate) fn at(mut self, place: Range<usize>) -> Self {
        self.place.get_or_insert(place);
        self
    }

    /// The mistake lies in the value of `key`.
    pub(crate) fn within(mut self, key: &str) -> Self {
        self.keys.push(key.to_owned());
        self
    }

    /// The unknown key is a section.
    pub(crate) fn about_section(mut self) -> Self {
        if let MistakeKind::UnknownKey { is_section, .. } = &mut self.kind {
            *is_section = true;
        }
        self
    }

    fn wrong_kind(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => Found::Text(text.to_owned()),
            Unexpected::Char(letter) => Found::Text(letter.to_string()),
            Unexpected::Bool(value) => Found::Value(value.to_string(), "boolean"),
            Unexpected::Unsigned(value) => Found::Value(value.to_string(), "integer"),
            Unexpected::Signed(value) => Found::Value(value.to_string(), "integer"),
            Unexpected::Float(value) => Found::Value(value.to_string(), "number"),
            Unexpected::Map => Found::Other("a section".to_owned()),
            Unexpected::Seq => Found::Other("a list".to_owned()),
            other => Found::Other(other.to_string()),
        };
        Self::new(MistakeKind::WrongKind { found, expected: expected.to_string() })
    }
}

impl Error for Mistake {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(MistakeKind::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_kind(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong_kind(found, expected)
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(MistakeKind::UnknownValue { name: name.to_owned(), known })
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(MistakeKind::UnknownKey { name: name.to_owned(), is_section: false, known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(MistakeKind::Missing(name))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Mistake {}
