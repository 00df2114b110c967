//! Columns in the making: what their cells have in common, and the most compact form that holds them.

use crate::Source;
use crate::cell::{self, Cell};
use crate::times::{self, Format, Formats, Millis};
use crate::values::{NO_TEXT, NO_TIME, Values};
use heijunka_wire::limits::{CLASSES_MAX, TEXT_BYTES_MAX};
use std::collections::HashMap;

/// Most different texts of a column, so that it can say which rows belong together.
const TEXTS_MAX: usize = 1 << 16;

/// What a column's cells have in common.
#[derive(Debug, Default)]
pub(crate) struct Kind {
    filled: bool,
    missing: bool,
    not_bytes: bool,
    /// The first text, with its line.
    text: Option<(u64, String)>,
    numbers: bool,
    /// How its texts can be times.
    times: Formats,
    /// How they are said to be.
    given: Option<Format>,
    /// Whether it says when rows were measured.
    is_clock: bool,
    thousands: Thousands,
}

/// Whether a column's texts are numbers with marks between their thousands.
#[derive(Debug, Default)]
struct Thousands {
    /// The first, with its line, as it is written and as a number.
    first: Option<(u64, String, f64)>,
    /// Some number can be nothing else.
    certain: bool,
    /// Some text is none.
    refuted: bool,
    /// They are read so.
    read: bool,
}

impl Thousands {
    fn see(&mut self, text: &str, line: u64, decimal: char) {
        match cell::grouped(text, decimal) {
            _ if self.refuted => {}
            None => self.refuted = true,
            Some(grouped) => {
                self.certain |= grouped.certain;
                self.first.get_or_insert_with(|| (line, text.to_owned(), grouped.number));
            }
        }
    }
}

impl Kind {
    pub(crate) fn new(source: &Source, name: &str) -> Self {
        let clock = source.timestamps.as_ref().filter(|timestamps| timestamps.column == name);
        let given = clock.and_then(|clock| clock.format.clone()).map(Format::Given);
        Self { is_clock: clock.is_some(), given, ..Self::default() }
    }

    pub(crate) fn see(&mut self, cell: Cell<'_>, line: u64, decimal: char) {
        self.filled |= cell != Cell::Missing;
        match cell {
            Cell::Missing => self.missing = true,
            Cell::Number(number) => {
                self.numbers = true;
                self.not_bytes |= byte(number).is_none();
                self.thousands.certain |= number.fract() != 0.0;
            }
            Cell::Text(text) => {
                if !self.times.is_empty() {
                    self.times.see(text);
                }
                self.thousands.see(text, line, decimal);
                self.text.get_or_insert_with(|| (line, text.chars().take(40).collect()));
            }
        }
    }

    /// Once all cells have been seen: decides whether thousands are marked. The settings may have said what is the decimal
    /// point, and so what is none. Returns what people should know.
    pub(crate) fn settle(&mut self, name: &str, decimal_given: bool) -> Option<String> {
        let thousands = &mut self.thousands;
        let (line, text, number) = thousands.first.as_ref().filter(|_| !self.is_clock && !thousands.refuted)?;
        if !(thousands.certain || decimal_given) {
            return None;
        }
        thousands.read = true;
        (self.text, self.numbers, self.not_bytes) = (None, true, true);
        Some(format!("column '{name}' has marks of thousands: '{text}' (line {line}) is read as {number}"))
    }

    /// A cell as it is read once the column is settled.
    pub(crate) fn settled<'a>(&self, cell: Cell<'a>, decimal: char) -> Cell<'a> {
        match cell {
            Cell::Text(text) if self.thousands.read => {
                cell::grouped(text, decimal).map_or(cell, |grouped| Cell::Number(grouped.number))
            }
            cell => cell,
        }
    }

    pub(crate) fn builder(&self) -> Builder {
        let times = || match &self.given {
            Some(format) => Some(format.clone()),
            None if self.numbers || self.text.is_none() || (self.is_clock && self.times.is_ambiguous()) => None,
            None => self.times.best(),
        };
        match self {
            Self { filled: false, .. } => Builder::Nothing,
            Self { is_clock: true, text: None, given: None, .. } => {
                Builder::Times { format: None, times: Vec::new(), wrong: None }
            }
            Self { is_clock: true, .. } if times().is_none() => Builder::NoTimes,
            _ if times().is_some() => Builder::Times { format: times(), times: Vec::new(), wrong: None },
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
    /// Without a format: Unix time.
    Times {
        format: Option<Format>,
        times: Vec<Millis>,
        /// The first cell that is not a time, and its line.
        wrong: Option<(u64, String)>,
    },
    NoTimes,
    Text {
        codes: Vec<u32>,
        dictionary: Vec<String>,
        known: HashMap<String, u32>,
    },
    TooManyTexts,
}

impl Builder {
    pub(crate) fn push(&mut self, cell: Cell<'_>, line: u64) {
        match self {
            Self::Nothing | Self::TooManyTexts | Self::NoTimes => {}
            Self::Times { format, times, wrong } => {
                let shortest;
                let (time, text) = match (cell, format) {
                    (Cell::Missing, _) => return times.push(NO_TIME),
                    (Cell::Number(number), None) => (times::unix(number), ""),
                    (Cell::Number(number), Some(format)) => {
                        shortest = cell::shortest(number);
                        (format.parse(&shortest), shortest.as_str())
                    }
                    (Cell::Text(text), format) => (format.as_ref().and_then(|format| format.parse(text)), text),
                };
                if time.is_none() {
                    wrong.get_or_insert_with(|| (line, text.chars().take(40).collect()));
                }
                times.push(time.unwrap_or(NO_TIME));
            }
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
                if dictionary.len() > TEXTS_MAX || dictionary.last().is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
                    *self = Self::TooManyTexts;
                }
            }
        }
    }

    pub(crate) fn finish(self, kind: &Kind) -> Values {
        let (line, text) = kind.text.clone().unwrap_or_default();
        match self {
            Self::Nothing => Values::Unusable("is empty".to_owned()),
            Self::Bytes(bytes) => Values::Bytes(bytes),
            Self::Numbers(numbers) => Values::Numbers(numbers),
            Self::Times { wrong: Some((line, text)), .. } => {
                Values::Unusable(format!("holds '{text}' (line {line}), which does not match timestamp_format"))
            }
            Self::Times { times, .. } => Values::Times(times),
            Self::NoTimes if !kind.numbers && !kind.times.is_empty() => Values::Unusable(format!(
                "holds times in which day and month could be confused ('{text}' in line {line})"
            )),
            Self::NoTimes => {
                Values::Unusable(format!("holds '{text}' (line {line}), which is not a known form of time"))
            }
            Self::Text { codes, dictionary, .. } if dictionary.len() > CLASSES_MAX => {
                Values::Names { codes, dictionary, why: many_texts(CLASSES_MAX, line, &text) }
            }
            Self::Text { codes, dictionary, .. } => Values::Text { codes, dictionary },
            Self::TooManyTexts => Values::Unusable(many_texts(TEXTS_MAX, line, &text)),
        }
    }
}

fn many_texts(most: usize, line: u64, text: &str) -> String {
    format!("has more than {most} different texts (the first in line {line}: '{text}')")
}

fn number(cell: Cell<'_>) -> Option<f64> {
    if let Cell::Number(number) = cell { Some(number) } else { None }
}
