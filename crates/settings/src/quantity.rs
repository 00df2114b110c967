//! What durations, sizes and rates share: a number with a unit, in a text.

use serde::Deserializer;
use serde::de::{Error, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// A quantity that is written as a number with a unit. The error of its `FromStr` is one line on what is wrong and one line
/// on what to write.
pub(crate) trait Quantity: FromStr<Err = String> {
    /// `duration`
    const NOUN: &'static str;
    /// `write for example "5s"`
    const FIX: &'static str;
    /// Units to suggest for a number without one.
    const SUGGESTED: &'static [&'static str];
}

/// Number and unit of a text such as `1.5 min`.
///
/// # Errors
/// There is a number and no unit.
pub(crate) fn parts<Q: Quantity>(text: &str) -> Result<(&str, &str), String> {
    let text = text.trim();
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    if unit.is_empty() && !number.is_empty() {
        return Err(format!("the {} '{text}' has no unit\n{}", Q::NOUN, Q::FIX));
    }
    Ok((number, unit.trim()))
}

/// Reads a text; a number alone is refused with a suggestion.
pub(crate) fn deserialize<'de, Q: Quantity, D: Deserializer<'de>>(deserializer: D) -> Result<Q, D::Error> {
    deserializer.deserialize_any(QuantityVisitor(PhantomData))
}

struct QuantityVisitor<Q>(PhantomData<Q>);

impl<Q: Quantity> Visitor<'_> for QuantityVisitor<Q> {
    type Value = Q;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a {} in quotes, with its unit", Q::NOUN)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Q, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Q, E> {
        Err(without_unit::<Q, E>(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Q, E> {
        Err(without_unit::<Q, E>(number))
    }
}

fn without_unit<Q: Quantity, E: Error>(number: impl fmt::Display) -> E {
    let suggested: Vec<String> = Q::SUGGESTED.iter().map(|unit| format!("\"{number}{unit}\"")).collect();
    E::custom(format!("the {} {number} has no unit\nwrite for example {}", Q::NOUN, suggested.join(" or ")))
}
