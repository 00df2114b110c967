//! One cell of a table.

use std::borrow::Cow;

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    /// Nothing, or a word for nothing.
    Missing,
    /// A finite number within the range of `f32`.
    Number(f64),
    /// Anything else.
    Text(&'a str),
}

/// Words that programs write into empty cells.
const NOTHING: [&str; 12] = ["", "-", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "#NV", "None"];

/// Reads a cell, given the decimal point.
pub(crate) fn read(text: &str, decimal: char) -> Cell<'_> {
    let text = text.trim();
    if NOTHING.contains(&text) {
        return Cell::Missing;
    }
    number(text, decimal).map_or(Cell::Text(text), Cell::Number)
}

/// The number that `text` is.
pub(crate) fn number(text: &str, decimal: char) -> Option<f64> {
    let digits = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+' || c == decimal);
    let text = match decimal {
        _ if !digits => return None,
        '.' => Cow::Borrowed(text),
        _ if text.contains('.') => return None,
        _ => Cow::Owned(text.replacen(decimal, ".", 1)),
    };
    let number: f64 = text.parse().ok()?;
    (number.abs() <= f64::from(f32::MAX)).then_some(number + 0.0)
}

/// A number with marks between its thousands: `1.234,5` where the decimal point is a comma.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Grouped {
    pub(crate) number: f64,
    /// Whether it can be nothing else. `1.234` may be a bit more than one.
    pub(crate) certain: bool,
}

/// Separators of thousands other than points and commas: spaces and apostrophes of several kinds.
const MARKS: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '’'];

/// The number that `text` is if its thousands are marked.
pub(crate) fn grouped(text: &str, decimal: char) -> Option<Grouped> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once(decimal).map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let mark = whole.chars().find(|c| !c.is_ascii_digit())?;
    let is_mark = MARKS.contains(&mark) || (matches!(mark, '.' | ',') && mark != decimal);
    let mut groups = whole.split(mark);
    let first = groups.next().filter(|first| matches!(first.len(), 1..=3) && !first.starts_with('0'))?;
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut rest = groups.clone();
    if !(is_mark && all_digits(first) && rest.all(|group| group.len() == 3 && all_digits(group))) {
        return None;
    }
    let fraction = match fraction {
        Some(fraction) if fraction.is_empty() || !all_digits(fraction) => return None,
        fraction => fraction,
    };
    let plain: String = text.chars().filter(|c| *c != mark).collect();
    let certain = fraction.is_some() || groups.count() > 1 || !matches!(mark, '.' | ',' | ' ');
    Some(Grouped { number: number(&plain, decimal)?, certain })
}

/// The shortest text of a number: `3`, `0.5`.
pub(crate) fn shortest(number: f64) -> String {
    number.to_string()
}

impl Cell<'_> {
    /// Adds bytes that are the same however the cell is written: `1`, `1.0` and `1,0` are alike.
    pub(crate) fn write_canonical(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Missing => bytes.push(0),
            Self::Number(number) => {
                bytes.push(1);
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            Self::Text(text) => {
                bytes.push(2);
                bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_may_be_marked() {
        let of = |text, decimal| grouped(text, decimal).map(|grouped| (grouped.number, grouped.certain));
        for (text, decimal, number, certain) in [
            ("1.234,56", ',', 1234.56, true),
            ("-1.234.567", ',', -1_234_567.0, true),
            ("1.234", ',', 1234.0, false),
            ("12,345.6", '.', 12_345.6, true),
            ("1,234", '.', 1234.0, false),
            ("1 234", '.', 1234.0, false),
            ("1\u{202f}234", ',', 1234.0, true),
            ("1'234.5", '.', 1234.5, true),
        ] {
            assert_eq!(of(text, decimal), Some((number, certain)), "{text}");
        }
        for text in [
            "",
            "1",
            "1,5",
            "0.123",
            "1.23",
            "1234.567",
            "1.2345",
            "1.234,",
            "1.234,5,6",
            ".123",
            "a.123",
            "1.234 567",
            "é.123",
        ] {
            assert_eq!(of(text, ','), None, "{text}");
        }
    }
}
