//! Columns in the making: what their cells have in common, and the most compact form that holds them.

use crate::cell::{self, Cell};
use crate::table::{NO_TEXT, Values};
use heijunka_wire::limits::{CLASSES_MAX, TEXT_BYTES_MAX};
use std::collections::HashMap;

/// What a column's cells have in common.
#[derive(Debug, Default)]
pub(crate) struct Kind {
    filled: bool,
    missing: bool,
    not_bytes: bool,
    /// The first text, with its line.
    text: Option<(u64, String)>,
}

impl Kind {
    pub(crate) fn see(&mut self, cell: Cell<'_>, line: u64) {
        self.filled |= cell != Cell::Missing;
        match cell {
            Cell::Missing => self.missing = true,
            Cell::Number(number) => self.not_bytes |= byte(number).is_none(),
            Cell::Text(text) if self.text.is_none() => self.text = Some((line, text.chars().take(40).collect())),
            Cell::Text(_) => {}
        }
    }

    pub(crate) fn builder(&self) -> Builder {
        match self {
            Self { filled: false, .. } => Builder::Nothing,
            Self { text: Some(_), .. } => {
                Builder::Text { codes: Vec::new(), dictionary: Vec::new(), known: HashMap::new() }
            }
            Self { missing: false, not_bytes: false, .. } => Builder::Bytes(Vec::new()),
            _ => Builder::Numbers(Vec::new()),
        }
    }
}

fn byte(number: f64) -> Option<u8> {
    let byte = number as u8;
    (f64::from(byte) == number).then_some(byte)
}

pub(crate) enum Builder {
    Nothing,
    Bytes(Vec<u8>),
    Numbers(Vec<f64>),
    Text { codes: Vec<u32>, dictionary: Vec<String>, known: HashMap<String, u32> },
    TooManyTexts,
}

impl Builder {
    pub(crate) fn push(&mut self, cell: Cell<'_>) {
        match self {
            Self::Nothing | Self::TooManyTexts => {}
            Self::Bytes(bytes) => bytes.extend(number(cell).and_then(byte)),
            Self::Numbers(numbers) => numbers.push(number(cell).unwrap_or(f64::NAN)),
            Self::Text { codes, dictionary, known } => {
                let text = match cell {
                    Cell::Missing => return codes.push(NO_TEXT),
                    Cell::Number(number) => cell::shortest(number),
                    Cell::Text(text) => text.to_owned(),
                };
                let next = dictionary.len();
                let code = *known.entry(text).or_insert_with_key(|text| {
                    dictionary.push(text.clone());
                    next as u32
                });
                codes.push(code);
                if dictionary.len() > CLASSES_MAX || dictionary.last().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
                    *self = Self::TooManyTexts;
                }
            }
        }
    }

    pub(crate) fn finish(self, kind: &Kind) -> Values {
        match self {
            Self::Nothing => Values::Unusable("is empty".to_owned()),
            Self::Bytes(bytes) => Values::Bytes(bytes),
            Self::Numbers(numbers) => Values::Numbers(numbers),
            Self::Text { codes, dictionary, .. } => Values::Text { codes, dictionary },
            Self::TooManyTexts => {
                let (line, text) = kind.text.clone().unwrap_or_default();
                Values::Unusable(format!(
                    "has more than {CLASSES_MAX} different texts (the first in line {line}: '{text}')"
                ))
            }
        }
    }
}

fn number(cell: Cell<'_>) -> Option<f64> {
    if let Cell::Number(number) = cell { Some(number) } else { None }
}
