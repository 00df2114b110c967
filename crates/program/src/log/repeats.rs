//! Which lines repeat too often: decides, without a clock.

use heijunka_units::counted;
use std::collections::BTreeMap;
use std::time::Duration;

/// The same text is logged at most this often in [`WINDOW`].
pub(super) const LOGGED_MAX: u64 = 10;
/// How long a text's count lasts, from when it was first logged.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// Texts that are counted one by one; beyond this number, all others are counted together.
const TEXTS_MAX: usize = 256;
/// Lines of those others that are logged in [`WINDOW`]: a peer can make up any number of names, and so of texts.
const OTHERS_MAX: u64 = 256;
/// Characters by which texts are compared, and that are repeated in the count's line.
const TEXT_CHARS_MAX: usize = 160;

/// What has been logged within the last window.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    texts: BTreeMap<String, Seen>,
    others: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    since: Duration,
    count: u64,
    last: String,
}

impl Seen {
    /// Counts a line; returns whether it is one of the first `most`.
    fn again(&mut self, text: &str, most: u64) -> bool {
        self.count += 1;
        if self.count > most {
            self.last = text.chars().take(TEXT_CHARS_MAX).collect();
        }
        self.count <= most
    }

    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.since) >= WINDOW
    }
}

impl Repeats {
    /// Whether to log a text now. Texts that differ only in their numbers are the same.
    pub(super) fn admit(&mut self, now: Duration, text: &str) -> bool {
        let key = without_numbers(text);
        if let Some(seen) = self.texts.get_mut(&key) {
            return seen.again(text, LOGGED_MAX);
        }
        let begun = Seen { since: now, count: 0, last: String::new() };
        if self.texts.len() < TEXTS_MAX {
            return self.texts.entry(key).or_insert(begun).again(text, LOGGED_MAX);
        }
        self.others.get_or_insert(begun).again(text, OTHERS_MAX)
    }

    /// What was left out within windows that are over by now.
    pub(super) fn over(&mut self, now: Duration) -> Vec<String> {
        let mut left_out = Vec::new();
        self.texts.retain(|_, seen| {
            let over = seen.is_over(now);
            if over && seen.count > LOGGED_MAX {
                let times = counted(seen.count - LOGGED_MAX, "time");
                left_out.push(format!("repeated {times} within a minute, last: {}", seen.last));
            }
            !over
        });
        if let Some(others) = self.others.take_if(|others| others.is_over(now))
            && others.count > OTHERS_MAX
        {
            let count = others.count - OTHERS_MAX;
            left_out.push(format!("{count} other lines were left out within a minute, last: {}", others.last));
        }
        left_out
    }
}

/// A text's beginning. Digits that belong to a name, as in `press-07`, stay.
fn without_numbers(text: &str) -> String {
    let mut bare = String::new();
    let mut in_word = false;
    for letter in text.chars().take(TEXT_CHARS_MAX) {
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
    fn a_text_is_logged_ten_times_a_minute_and_then_counted() {
        let mut repeats = Repeats::default();
        let logged =
            (0..100).filter(|round| repeats.admit(S(1), &format!("round {round} was given up: 1 of 4"))).count();
        assert_eq!(logged as u64, LOGGED_MAX);
        assert!(repeats.admit(S(2), "another text"));
        assert!(repeats.over(S(60)).is_empty(), "the minute is not over");
        assert_eq!(repeats.over(S(61)), ["repeated 90 times within a minute, last: round 99 was given up: 1 of 4"]);
        assert!(repeats.over(S(500)).is_empty());
        assert!(repeats.admit(S(61), "round 100 was given up: 1 of 4"), "a new minute");
    }

    #[test]
    fn names_with_numbers_are_different_texts() {
        assert_eq!(without_numbers("press-07 left in round 12.5 s (error 5)"), "press-07 left in round  s (error )");
        assert_ne!(without_numbers("press-07 left"), without_numbers("press-08 left"));
        let mut repeats = Repeats::default();
        assert!((0..200).all(|agent| repeats.admit(S(0), &format!("agent-{agent} left"))));
    }

    #[test]
    fn memory_is_bounded_and_frees_itself() {
        let mut repeats = Repeats::default();
        let letter = |place: u32| char::from(b'a' + u8::try_from(place % 26).unwrap());
        let text = |number: u32| {
            let name: String = [number / 676, number / 26, number].into_iter().map(letter).collect();
            format!("{name} left{}", "!".repeat(10_000))
        };
        let logged = (0..2000).filter(|number| repeats.admit(S(0), &text(*number))).count();
        assert_eq!((repeats.texts.len(), logged), (TEXTS_MAX, TEXTS_MAX + OTHERS_MAX as usize));
        assert!(repeats.texts.keys().all(|key| key.len() <= TEXT_CHARS_MAX));
        assert!(repeats.over(S(59)).is_empty());
        let over = repeats.over(S(60));
        let left_out = 2000 - logged;
        assert_eq!(over.len(), 1);
        assert!(over[0].starts_with(&format!("{left_out} other lines were left out within a minute, last: cyx left!")));
        assert!(over[0].len() < 300 && repeats.texts.is_empty() && repeats.others.is_none());
        assert!(repeats.admit(S(60), &text(0)), "a new minute");
    }
}
