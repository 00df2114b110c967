//! Numbers of things, for people.

use core::fmt;

/// A number with its noun: `1 row`, `2 rows`.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a, N>(N, &'a str);

/// So many of a thing whose plural ends in s.
pub fn counted<N>(number: N, noun: &str) -> Counted<'_, N> {
    Counted(number, noun)
}

impl<N: fmt::Display + PartialEq + From<u8>> fmt::Display for Counted<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, noun) = self;
        write!(f, "{number} {noun}{}", if *number == N::from(1) { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_not_many() {
        let counts = [0_u64, 1, 2].map(|rows| format!("{}", counted(rows, "row")));
        assert_eq!(counts, ["0 rows", "1 row", "2 rows"]);
    }
}
