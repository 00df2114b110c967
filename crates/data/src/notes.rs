//! What people should know about a table that was read.

use crate::table::Table;
use crate::values::{Column, NO_TIME, Values};
use crate::{cell, times};

impl Table {
    /// What people should know about columns: those that cannot be inputs, and those taken as text although most of
    /// their values are numbers.
    pub fn notes(&self) -> Vec<String> {
        let clock = self.timestamps.as_ref().map(|timestamps| timestamps.column.as_str());
        let note = |column: &Column| match &column.values {
            Values::Times(_) if clock == Some(column.name.as_str()) => None,
            Values::Times(times) => {
                let times = || times.iter().filter(|time| **time != NO_TIME);
                let (from, to) = (times().min().copied()?, times().max().copied()?);
                let (name, from, to) = (&column.name, times::shown(from), times::shown(to));
                Some(format!("column '{name}' is left out: it holds times ({from} to {to})"))
            }
            Values::Unusable(why) | Values::Names { why, .. } => {
                Some(format!("column '{}' is left out: it {why}", column.name))
            }
            Values::Text { codes, dictionary } => self.why_text(&column.name, codes, dictionary),
            Values::Bytes(_) | Values::Numbers(_) => None,
        };
        self.remarks.iter().cloned().chain(self.columns.iter().filter_map(note)).collect()
    }

    /// Why a column is text although most of its values are numbers.
    fn why_text(&self, name: &str, codes: &[u32], dictionary: &[String]) -> Option<String> {
        let decimal = self.format.map_or('.', |format| format.decimal);
        let is_plain = |text: &String| text.parse::<f64>().is_ok();
        let is_grouped = |text: &String| cell::grouped(text, decimal).is_some();
        let numbers = dictionary.iter().filter(|text| is_plain(text) || is_grouped(text)).count();
        let place = |text: usize| Some(self.place(codes.iter().position(|code| *code as usize == text)?));
        if let Some(stranger) = dictionary.iter().position(|text| !is_plain(text) && !is_grouped(text)) {
            let (text, place) = (dictionary.get(stranger)?, place(stranger)?);
            let among_numbers = numbers * 2 > dictionary.len();
            return among_numbers
                .then(|| format!("column '{name}' is taken as text: it holds '{text}' ({place}) among numbers"));
        }
        let unclear = dictionary.iter().position(is_grouped)?;
        let (text, place) = (dictionary.get(unclear)?, place(unclear)?);
        let mark = text.chars().find(|c| !c.is_ascii_digit() && !matches!(c, '-' | '+'))?;
        let (point, or) = match mark {
            '.' => (',', ", decimal = \".\" if decimals"),
            ',' => ('.', ", decimal = \",\" if decimals"),
            _ => ('.', ""),
        };
        Some(format!(
            "column '{name}' is taken as text: it is not certain what '{mark}' in '{text}' ({place}) means; set decimal = \
             \"{point}\" in [data] if it marks thousands{or}"
        ))
    }
}
