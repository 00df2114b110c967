//! Checks of single values that both programs need.

use crate::Problem;
use heijunka_units::NameError;
use std::str::FromStr;

/// The name of a plant, a job or an agent, as topics can carry it.
///
/// # Errors
/// It is not one.
pub fn name<T: FromStr<Err = NameError>>(key: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: NameError| Problem::new(key, error.to_string(), "use letters, digits, '-' and '_'"))
}

/// `value`, if it is a number from `least` to `most`.
///
/// # Errors
/// It is not.
pub fn between(key: &str, value: f64, least: f64, most: f64) -> Result<f64, Problem> {
    let wrong = || Problem::new(key, format!("{value} is out of range"), format!("write {least} to {most}"));
    if value.is_finite() && (least..=most).contains(&value) { Ok(value) } else { Err(wrong()) }
}
