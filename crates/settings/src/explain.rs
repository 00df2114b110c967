//! Explains errors in a settings file in plain words, with a fix.
//!
//! What serde finds comes as [`Mistake`], with its kind, key and place. Two things can only be recognised by their words: what
//! a type expects (serde has no other form of it) and a key that is written twice (the parser has no other form of it).

use crate::finding::Finding;
use crate::guide::Guide;
use crate::hide::is_password;
use crate::locate;
use crate::mistake::{Found, Mistake, MistakeKind};
use std::ops::Range;
use toml::de::DeTable;

/// Explains why a file's values are not the settings asked for.
pub(crate) fn explain(mistake: Mistake, guide: &Guide) -> Finding {
    let key = mistake.key();
    let place = mistake.place;
    match mistake.kind {
        MistakeKind::Missing(name) => missing(name, &key, place, guide),
        MistakeKind::UnknownKey { name, is_section, known } => {
            let key = joined(&key, &name);
            let (what, fix) = unknown_key(&name, &key, is_section, known, guide);
            Finding { place, key: Some(key), what, fix }
        }
        MistakeKind::UnknownValue { name, known } => {
            let fix = match closest(&name, known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("write one of: \"{}\"", known.join("\", \"")),
            };
            Finding { place, what: format!("{key}: \"{name}\" is not known"), key: Some(key), fix }
        }
        MistakeKind::WrongKind { found, expected } => {
            let (what, fix) = wrong_kind(&found, &expected);
            Finding { place, what: format!("{key}: {what}"), key: Some(key), fix }
        }
        MistakeKind::Other(message) => {
            let (what, fix) = message.split_once('\n').unwrap_or((&message, "see the comments of the sample file"));
            Finding { place, what: format!("{key}: {what}"), key: Some(key), fix: fix.to_owned() }
        }
    }
}

fn joined(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// Refuses `"C:\temp"`, which is a valid text with a tab in it but certainly not what was meant.
pub(crate) fn no_control_characters(text: &str, table: &DeTable<'_>) -> Result<(), Finding> {
    let Some((key, value)) = locate::control_characters(table) else { return Ok(()) };
    let place = value.span();
    let raw = text.get(place.clone()).unwrap_or_default().trim_matches('"');
    Err(Finding { place: Some(place), key: Some(key), what: BACKSLASH.to_owned(), fix: single_quotes(raw) })
}

const BACKSLASH: &str = "in double quotes a backslash starts an escape, and here it changes the text";

fn single_quotes(raw: &str) -> String {
    format!("use single quotes: '{}'", raw.replace("\\\\", "\\"))
}

/// Explains why `text` is not TOML.
pub(crate) fn syntax(text: &str, error: &toml::de::Error) -> Finding {
    let (message, span) = (error.message(), error.span());
    let start = span.as_ref().map_or(0, |span| span.start).min(text.len());
    let (before, after) = text.split_at_checked(start).unwrap_or((text, ""));
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = after.find('\n').map_or(text.len(), |newline| start + newline);
    let line = text.get(line_start..line_end).unwrap_or_default();
    let key = line.split_once('=').map(|(key, _)| key.trim().to_owned());
    let value = line.split_once('=').filter(|(key, _)| !is_password(key)).map_or("", |(_, value)| value.trim());
    let word = value.split_once('#').map_or(value, |(word, _)| word.trim_end());
    let path = value.strip_prefix('"').and_then(|rest| rest.split('"').next()).filter(|path| path.contains('\\'));
    let (what, fix) = if let Some(path) = path {
        (BACKSLASH.to_owned(), single_quotes(path))
    } else if message.contains("duplicate key") {
        ("this key is already set above".to_owned(), "keep one of the two lines".to_owned())
    } else if bare_word(word) {
        (format!("{word} is a text without quotes, or a number with a unit"), format!("write it in quotes: \"{word}\""))
    } else {
        (format!("this is not TOML: {message}"), "write key = value, with texts in quotes".to_owned())
    };
    Finding { place: span, key, what, fix }
}

fn bare_word(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || "./:_-".contains(c))
}

fn missing(name: &str, section: &str, place: Option<Range<usize>>, guide: &Guide) -> Finding {
    let key = joined(section, name);
    let example = guide.examples.iter().find(|(known, _)| *known == key).map(|(_, line)| *line);
    let is_section = example.is_some_and(|line| line.starts_with('['));
    let what = match (section, is_section) {
        (_, true) => format!("the section [{key}] is missing"),
        ("", false) => format!("{name} is missing"),
        (section, false) => format!("[{section}] {name} is missing"),
    };
    let fix = match example {
        Some(lines) if lines.contains('\n') => format!("add:\n{lines}"),
        Some(line) => format!("add: {line}"),
        None => format!("add: {name} = …"),
    };
    Finding { place, key: Some(key), what, fix }
}

fn unknown_key(name: &str, key: &str, is_section: bool, known: &[&str], guide: &Guide) -> (String, String) {
    let kind = if is_section { "section" } else { "key" };
    let what = format!("unknown {kind} '{name}'");
    let elsewhere = guide.examples.iter().map(|(known, _)| *known).find(|known| {
        let last = known.rsplit_once('.').map(|(_, last)| last);
        *known != key && last == Some(name)
    });
    let also = guide.also.iter().find(|(also, _)| *also == key).map(|(_, own)| *own);
    let fix = match (also.or_else(|| closest(name, known)), elsewhere.and_then(|known| known.rsplit_once('.'))) {
        (Some(near), _) => format!("did you mean '{near}'?"),
        (None, Some((section, _))) => format!("'{name}' belongs to the section [{section}]"),
        (None, None) => format!("known here: {}", known.join(", ")),
    };
    (what, fix)
}

/// The known name that is most like this one, if any is.
fn closest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let scored = known.iter().map(|known| {
        let contained = name.len() >= 4 && (known.starts_with(&name) || name.starts_with(known));
        (if contained { 0.9 } else { strsim::jaro_winkler(&name, known) }, *known)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score >= 0.82).map(|(_, known)| known)
}

fn wrong_kind(found: &Found, expected: &str) -> (String, String) {
    let wanted = kind(expected);
    match found {
        Found::Text(number) if wanted.contains("number") && number.parse::<f64>().is_ok() => {
            ("a number must not be in quotes".to_owned(), format!("write {number} without quotes"))
        }
        Found::Text(word) if expected == "a boolean" && (word == "true" || word == "false") => {
            (format!("{word} must not be in quotes"), format!("write {word} without quotes"))
        }
        Found::Text(text) => (format!("\"{text}\" is not {wanted}"), format!("write {wanted}")),
        Found::Value(value, _) if wanted == "a text" => {
            ("a text must be in quotes".to_owned(), format!("write \"{value}\""))
        }
        Found::Value(value, kind) => (format!("{kind} {value} does not fit"), format!("write {wanted}")),
        Found::Other(what) => (format!("{what} does not fit"), format!("write {wanted}")),
    }
}

fn kind(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 on",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list such as [1, 2]",
        "a char" | "a character" => "a single character in quotes",
        other if other.starts_with("struct ") => "a section",
        other => other,
    }
}
