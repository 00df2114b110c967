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
