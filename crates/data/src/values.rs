//! Columns in memory, and what their cells hold.

use crate::marks::Fate;
use crate::times::Millis;

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) values: Values,
}

#[derive(Clone, Debug)]
pub(crate) enum Values {
    /// Whole numbers from 0 to 255, none missing.
    Bytes(Vec<u8>),
    /// Numbers; NaN where one is missing.
    Numbers(Vec<f64>),
    /// Places in the dictionary; [`NO_TEXT`] where the text is missing.
    Text { codes: Vec<u32>, dictionary: Vec<String> },
    /// Milliseconds since 1970; [`NO_TIME`] where one is missing.
    Times(Vec<Millis>),
    /// More texts than an input may have, and so in words; rows can still be grouped by them.
    Names { codes: Vec<u32>, dictionary: Vec<String>, why: String },
    /// Nothing to learn from, and why.
    Unusable(String),
}

/// Texts of a column that says which rows are held out.
const HELD_OUT_MARKS: [&str; 5] = ["test", "held_out", "held-out", "validation", "true"];
/// Those of rows that neither train nor are scored.
const CONTEXT_MARKS: [&str; 3] = ["context", "ignore", "unused"];

/// A missing time.
pub(crate) const NO_TIME: Millis = Millis::MIN;

/// Code of a missing text.
pub(crate) const NO_TEXT: u32 = u32::MAX;

impl Values {
    /// The number in a row, NaN if there is none.
    pub(crate) fn number(&self, row: usize) -> f64 {
        let number = match self {
            Self::Bytes(bytes) => bytes.get(row).map(|byte| f64::from(*byte)),
            Self::Numbers(numbers) => numbers.get(row).copied(),
            Self::Text { .. } | Self::Times(_) | Self::Names { .. } | Self::Unusable(_) => None,
        };
        number.unwrap_or(f64::NAN)
    }

    /// Whether the cell is empty.
    pub(crate) fn is_missing(&self, row: usize) -> bool {
        match self {
            Self::Bytes(_) => false,
            Self::Numbers(numbers) => numbers.get(row).is_none_or(|number| number.is_nan()),
            Self::Text { codes, .. } | Self::Names { codes, .. } => codes.get(row).is_none_or(|code| *code == NO_TEXT),
            Self::Times(times) => times.get(row).is_none_or(|time| *time == NO_TIME),
            Self::Unusable(_) => true,
        }
    }

    /// What the cell says becomes of its row.
    pub(crate) fn fate(&self, row: usize) -> Fate {
        let Self::Text { codes, dictionary } = self else {
            let number = self.number(row);
            return if number.is_nan() || number == 0.0 { Fate::Train } else { Fate::HeldOut };
        };
        let text = codes.get(row).and_then(|code| dictionary.get(*code as usize)).map_or("", |text| text.trim());
        let is = |marks: &[&str]| marks.iter().any(|mark| text.eq_ignore_ascii_case(mark));
        match () {
            () if is(&HELD_OUT_MARKS) => Fate::HeldOut,
            () if is(&CONTEXT_MARKS) => Fate::Context,
            () => Fate::Train,
        }
    }

    /// Why it cannot be an input or target; `None` if it can.
    pub(crate) fn unfit(&self) -> Option<&str> {
        match self {
            Self::Unusable(why) | Self::Names { why, .. } => Some(why),
            Self::Times(_) => Some("holds times, which cannot be an input"),
            Self::Bytes(_) | Self::Numbers(_) | Self::Text { .. } => None,
        }
    }

    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, Self::Bytes(_) | Self::Numbers(_))
    }
}
