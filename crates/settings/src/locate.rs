//! Finds keys by their place in the text, and places by their keys.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Where the value of `key` (`broker.url`) is written; its section's head, if the key itself is not.
pub(crate) fn place_of(table: &DeTable<'_>, key: &str) -> Option<Range<usize>> {
    let (name, rest) = key.split_once('.').map_or((key, None), |(name, rest)| (name, Some(rest)));
    let (found, value) = table.get_key_value(name)?;
    match (rest, value.get_ref()) {
        (Some(rest), DeValue::Table(inner)) => place_of(inner, rest).or_else(|| Some(found.span())),
        (None, DeValue::Table(_)) => Some(found.span()),
        _ => Some(value.span()),
    }
}

/// The first text of more than one character that holds a control character (an escape that was not meant), and its key.
pub(crate) fn control_characters<'a>(table: &'a DeTable<'_>) -> Option<(String, &'a Spanned<DeValue<'a>>)> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref();
        let (inner, found) = in_value(value)?;
        Some((if inner.is_empty() { name.to_string() } else { format!("{name}.{inner}") }, found))
    })
}

/// The same in a value; the key counts from there.
fn in_value<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<(String, &'a Spanned<DeValue<'a>>)> {
    match value.get_ref() {
        DeValue::Table(table) => control_characters(table),
        DeValue::Array(items) => items.iter().find_map(in_value),
        DeValue::String(text) if text.chars().count() > 1 && text.contains(char::is_control) => {
            Some((String::new(), value))
        }
        _ => None,
    }
}
