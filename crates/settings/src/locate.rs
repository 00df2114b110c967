//! Finds keys by their place in the text, and places by their keys.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The key (`broker.url`) that is written at byte `offset`, and whether it is a section.
pub(crate) fn key_at(table: &DeTable<'_>, offset: usize) -> Option<(String, bool)> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().as_ref();
        let inner = match value.get_ref() {
            DeValue::Table(inner) => key_at(inner, offset),
            DeValue::Array(items) => items.iter().find_map(|item| key_at(item.get_ref().as_table()?, offset)),
            _ => None,
        };
        if let Some((path, section)) = inner {
            return Some((format!("{name}.{path}"), section));
        }
        let here = key.span().contains(&offset) || value.span().contains(&offset);
        here.then(|| (name.to_owned(), value.get_ref().is_table()))
    })
}

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

/// The first text of more than one character that holds a control character: an escape that was not meant.
pub(crate) fn control_characters<'a>(table: &'a DeTable<'_>) -> Option<&'a Spanned<DeValue<'a>>> {
    table.iter().find_map(|(_, value)| in_value(value))
}

fn in_value<'a>(value: &'a Spanned<DeValue<'_>>) -> Option<&'a Spanned<DeValue<'a>>> {
    match value.get_ref() {
        DeValue::Table(table) => control_characters(table),
        DeValue::Array(items) => items.iter().find_map(in_value),
        DeValue::String(text) => (text.chars().count() > 1 && text.contains(char::is_control)).then_some(value),
        _ => None,
    }
}
