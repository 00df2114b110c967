//! Which lines have been told often enough: decides, without a clock.

use std::collections::BTreeMap;
use std::time::Duration;

/// The same text is told at most so often in [`WINDOW`].
pub(super) const TOLD_MAX: u64 = 10;
/// How long a text's count lasts, from when it was first told.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Texts that are remembered; while so many are, others are told however often they come.
const TEXTS_MAX: usize = 256;
/// Characters of a text that are told of it again.
const TEXT_CHARS_MAX: usize = 160;

/// What has been told of late.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    texts: BTreeMap<String, Seen>,
}

#[derive(Debug)]
struct Seen {
    since: Duration,
    count: u64,
    last: String,
}

impl Repeats {
    /// Whether a text is to be told now. Texts that differ in their numbers alone are the same.
    pub(super) fn admit(&mut self, now: Duration, text: &str) -> bool {
        let key = without_numbers(text);
        if let Some(seen) = self.texts.get_mut(&key) {
            seen.count += 1;
            if seen.count <= TOLD_MAX {
                return true;
            }
            seen.last = text.chars().take(TEXT_CHARS_MAX).collect();
            return false;
        }
        if self.texts.len() < TEXTS_MAX {
            self.texts.insert(key, Seen { since: now, count: 1, last: String::new() });
        }
        true
    }

    /// What was left out within windows that are over by now.
    pub(super) fn over(&mut self, now: Duration) -> Vec<String> {
        let mut left_out = Vec::new();
        self.texts.retain(|_, seen| {
            let over = now.saturating_sub(seen.since) >= WINDOW;
            if over && seen.count > TOLD_MAX {
                left_out.push(format!("repeated {} times within a minute, last: {}", seen.count - TOLD_MAX, seen.last));
            }
            !over
        });
        left_out
    }
}

/// Digits that belong to a name, as in `press-07`, stay.
fn without_numbers(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut in_word = false;
    for letter in text.chars() {
        let number = letter.is_ascii_digit() || (letter == '.' && !in_word);
        in_word = (in_word && letter.is_ascii_digit()) || letter.is_alphabetic() || letter == '-' || letter == '_';
        if !number || in_word {
            bare.push(letter);
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_text_is_told_ten_times_a_minute_and_then_counted() {
        let mut repeats = Repeats::default();
        let told = (0..100).filter(|round| repeats.admit(S(1), &format!("round {round} was given up: 1 of 4"))).count();
        assert_eq!(told as u64, TOLD_MAX);
        assert!(repeats.admit(S(2), "another text"));
        assert!(repeats.over(S(60)).is_empty(), "the minute is not over");
        assert_eq!(repeats.over(S(61)), ["repeated 90 times within a minute, last: round 99 was given up: 1 of 4"]);
        assert!(repeats.over(S(500)).is_empty());
        assert!(repeats.admit(S(61), "round 100 was given up: 1 of 4"), "a new minute");
    }

    #[test]
    fn names_with_numbers_are_told_apart() {
        assert_eq!(without_numbers("press-07 left in round 12.5 s (error 5)"), "press-07 left in round  s (error )");
        assert_ne!(without_numbers("press-07 left"), without_numbers("press-08 left"));
        let mut repeats = Repeats::default();
        assert!((0..200).all(|agent| repeats.admit(S(0), &format!("agent-{agent} left"))));
    }

    #[test]
    fn memory_is_bounded_and_frees_itself() {
        let mut repeats = Repeats::default();
        let letters = |number: usize| format!("x{}", "a".repeat(number));
        assert!((0..1000).all(|number| repeats.admit(S(0), &letters(number))));
        assert_eq!(repeats.texts.len(), TEXTS_MAX);
        assert!(repeats.over(S(60)).is_empty() && repeats.texts.is_empty());
    }
}
