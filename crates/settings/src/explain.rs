//! Turns the parser's findings into plain words with a way out.

use crate::load::Guide;
use crate::locate;
use std::ops::Range;
use toml::de::DeTable;

/// What is wrong, where, and what to write instead.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) place: Option<Range<usize>>,
    pub(crate) key: Option<String>,
    pub(crate) what: String,
    pub(crate) fix: String,
}

/// Explains why `text` is not the settings asked for.
pub(crate) fn explain(text: &str, error: &toml::de::Error, guide: &Guide) -> Finding {
    let span = error.span();
    let Ok(table) = DeTable::parse(text) else {
        return syntax(text, error.message(), span);
    };
    let start = span.as_ref().map_or(0, |span| span.start);
    let at_root = span.as_ref().is_none_or(|span| *span == table.span() || span.end == 0);
    let (key, is_section) = locate::key_at(table.get_ref(), start).unwrap_or_default();
    let message = error.message();
    if let Some(name) = message.strip_prefix("missing field ") {
        let section = if at_root { "" } else { key.as_str() };
        return missing(&quoted(name), section, span.filter(|_| !at_root), guide);
    }
    let (what, fix) = if let Some(rest) = message.strip_prefix("unknown field ") {
        unknown_key(rest, &key, is_section, guide)
    } else if let Some(rest) = message.strip_prefix("unknown variant ") {
        unknown_value(rest, &key)
    } else if let Some((what, fix)) = message.split_once('\n') {
        (format!("{key}: {what}"), fix.to_owned())
    } else {
        wrong_kind(message, &key)
    };
    Finding { place: span, key: Some(key), what, fix }
}

/// The text with stars in place of passwords, byte for byte as long: error messages end in logs.
pub(crate) fn without_secrets(text: &str) -> String {
    text.split_inclusive('\n').map(without_secret).collect()
}

fn without_secret(line: &str) -> String {
    let parts = line.split_once('=').and_then(|(key, value)| {
        let key_end = line.len() - value.len();
        let end = if is_password(key) { line.trim_end().len() } else { line.rfind('@')? };
        let start = line.find("://").filter(|scheme| *scheme < end).map_or(key_end, |scheme| scheme + 3);
        Some((line.get(..start)?, line.get(start..end)?.len(), line.get(end..)?))
    });
    parts.map_or_else(|| line.to_owned(), |(before, length, after)| format!("{before}{}{after}", "*".repeat(length)))
}

fn is_password(key: &str) -> bool {
    key.trim().ends_with("password")
}

/// Refuses `"C:\temp"`, which is a valid text with a tab in it but certainly not what was meant.
pub(crate) fn no_control_characters(text: &str) -> Result<(), Finding> {
    let Ok(table) = DeTable::parse(text) else { return Ok(()) };
    let Some(value) = locate::control_characters(table.get_ref()) else { return Ok(()) };
    let place = value.span();
    let key = locate::key_at(table.get_ref(), place.start).map(|(key, _)| key);
    let raw = text.get(place.clone()).unwrap_or_default().trim_matches('"');
    Err(Finding { place: Some(place), key, what: BACKSLASH.to_owned(), fix: single_quotes(raw) })
}

const BACKSLASH: &str = "in double quotes a backslash starts an escape, and here it changes the text";

fn single_quotes(raw: &str) -> String {
    format!("use single quotes: '{}'", raw.replace("\\\\", "\\"))
}

fn syntax(text: &str, message: &str, span: Option<Range<usize>>) -> Finding {
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
        ("this key has been set before".to_owned(), "keep one of the two lines".to_owned())
    } else if bare_word(word) {
        (format!("{word} is a text without quotes, or a number with a unit"), format!("write it in quotes: \"{word}\""))
    } else {
        (format!("this is not TOML: {message}"), "a line reads: key = value, with texts in quotes".to_owned())
    };
    Finding { place: span, key, what, fix }
}

fn bare_word(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || "./:_-".contains(c))
}

/// The text between the first pair of backquotes.
fn quoted(text: &str) -> String {
    text.split('`').nth(1).unwrap_or(text).to_owned()
}

fn missing(name: &str, section: &str, place: Option<Range<usize>>, guide: &Guide) -> Finding {
    let key = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
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

fn unknown_key(rest: &str, key: &str, is_section: bool, guide: &Guide) -> (String, String) {
    let name = quoted(rest);
    let kind = if is_section { "section" } else { "key" };
    let what = format!("unknown {kind} '{name}'");
    let elsewhere = guide.examples.iter().map(|(known, _)| *known).find(|known| {
        let last = known.rsplit_once('.').map(|(_, last)| last);
        *known != key && last == Some(name.as_str())
    });
    let also = guide.also.iter().find(|(also, _)| *also == key).map(|(_, own)| *own);
    let fix = match (also.or_else(|| closest(&name, rest)), elsewhere.and_then(|known| known.rsplit_once('.'))) {
        (Some(near), _) => format!("did you mean '{near}'?"),
        (None, Some((section, _))) => format!("'{name}' belongs to the section [{section}]"),
        (None, None) => format!("known here: {}", known(rest).join(", ")),
    };
    (what, fix)
}

fn unknown_value(rest: &str, key: &str) -> (String, String) {
    let name = quoted(rest);
    let fix = match closest(&name, rest) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write one of: \"{}\"", known(rest).join("\", \"")),
    };
    (format!("{key}: \"{name}\" is not known"), fix)
}

/// The names that serde lists after "expected": every second part between backquotes but the first.
fn known(rest: &str) -> Vec<&str> {
    rest.split('`').skip(3).step_by(2).collect()
}

fn closest<'a>(name: &str, rest: &'a str) -> Option<&'a str> {
    let name = name.to_lowercase();
    let scored = known(rest).into_iter().map(|known| {
        let contained = name.len() >= 4 && (known.starts_with(&name) || name.starts_with(known));
        (if contained { 0.9 } else { strsim::jaro_winkler(&name, known) }, known)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score >= 0.82).map(|(_, known)| known)
}

fn wrong_kind(message: &str, key: &str) -> (String, String) {
    let found_expected = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    let Some((found, expected)) = found_expected.and_then(|rest| rest.split_once(", expected ")) else {
        return (format!("{key}: {message}"), "see the comments of the sample file".to_owned());
    };
    let wanted = kind(expected);
    let text = found.strip_prefix("string \"").and_then(|rest| rest.strip_suffix('"'));
    let value = found.split('`').nth(1).unwrap_or_default();
    match text {
        Some(number) if wanted.contains("number") && number.parse::<f64>().is_ok() => {
            (format!("{key}: a number must not stand in quotes"), format!("write {number} without quotes"))
        }
        Some(word @ ("true" | "false")) if expected == "a boolean" => {
            (format!("{key}: {word} must not stand in quotes"), format!("write {word} without quotes"))
        }
        Some(text) => (format!("{key}: \"{text}\" is not {wanted}"), format!("write {wanted}")),
        None if wanted == "a text" && !value.is_empty() => {
            (format!("{key}: a text must stand in quotes"), format!("write \"{value}\""))
        }
        None => (format!("{key}: {} does not fit", found.replace('`', "")), format!("write {wanted}")),
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
