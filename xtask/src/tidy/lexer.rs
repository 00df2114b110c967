//! Tells Rust code, comments and literals apart, no more: enough to look for words where they count.

/// What a stretch of Rust source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything that is neither of the others.
    Code,
    /// `//…` without its line end, or `/* … */`.
    Comment,
    /// A string, byte string, raw string or character, with its quotes.
    Literal,
}

/// Cuts a source into stretches that together are the whole of it.
pub(crate) fn stretches(source: &str) -> Vec<(Kind, &str)> {
    let mut found = Vec::new();
    let (mut code_from, mut at) = (0, 0);
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let before = source.get(..at).and_then(|text| text.chars().next_back());
        let Some((kind, length)) = special(before, rest) else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let length = length.min(rest.len());
        found.extend(source.get(code_from..at).filter(|code| !code.is_empty()).map(|code| (Kind::Code, code)));
        found.extend(source.get(at..at + length).map(|text| (kind, text)));
        at += length;
        code_from = at;
    }
    found.extend(source.get(code_from..).filter(|code| !code.is_empty()).map(|code| (Kind::Code, code)));
    found
}

/// The source with everything but `kind` left out, line ends kept so that line numbers hold.
pub(crate) fn only(kind: Kind, source: &str) -> String {
    let mut kept = String::with_capacity(source.len());
    for (found, text) in stretches(source) {
        if found == kind {
            kept.push_str(text);
        } else {
            kept.push(' ');
            kept.extend(text.chars().filter(|&letter| letter == '\n'));
        }
    }
    kept
}

/// The comment or literal that `rest` begins with, and its length in bytes.
fn special(before: Option<char>, rest: &str) -> Option<(Kind, usize)> {
    if rest.starts_with("//") {
        return Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some((Kind::Comment, block_comment(rest)));
    }
    if rest.starts_with('"') {
        return Some((Kind::Literal, quoted(rest, '"')));
    }
    if rest.starts_with('\'') {
        return character(rest).map(|length| (Kind::Literal, length));
    }
    let in_a_word = before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    raw_string(rest).filter(|_| !in_a_word).map(|length| (Kind::Literal, length))
}

/// Length of a block comment; they nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
        if left.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if left.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += left.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// Length of a literal that ends with an unescaped `quote`.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        if !escaped && letter == quote {
            return at + 1;
        }
        escaped = !escaped && letter == '\\';
    }
    rest.len()
}

/// Length of a character literal; none for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1);
    let (_, first) = letters.next()?;
    if first == '\\' {
        return Some(quoted(rest, '\''));
    }
    letters.next().filter(|&(_, second)| second == '\'').map(|(at, _)| at + 1)
}

/// Length of a raw string such as `r#"…"#` or `br"…"`.
fn raw_string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.chars().take_while(|&letter| letter == '#').count();
    let inner = body.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let start = rest.len() - inner.len();
    Some(inner.find(&end).map_or(rest.len(), |at| start + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_literals_and_code_are_told_apart() {
        let source = concat!(
            "fn f<'a>(x: &'a str) { // a \"quote\"\n",
            "let c = '\"'; let d = '\\''; let s = \"// no \\\" comment\"; /* a /* b */ c */ let b = br#\"\"/*\"#; }\n"
        );
        let stretches = stretches(source);
        let of = |kind| stretches.iter().filter(|found| found.0 == kind).map(|found| found.1).collect::<Vec<_>>();
        assert_eq!(of(Kind::Comment), ["// a \"quote\"", "/* a /* b */ c */"]);
        assert_eq!(of(Kind::Literal), ["'\"'", "'\\''", "\"// no \\\" comment\"", "br#\"\"/*\"#"]);
        assert_eq!(stretches.iter().map(|found| found.1).collect::<String>(), source);
    }

    #[test]
    fn line_numbers_hold_when_parts_are_left_out() {
        let source = "a /* 1\n2 */ \"x\ny\" b // c\nd";
        assert_eq!(only(Kind::Code, source).lines().count(), source.lines().count());
        assert!(only(Kind::Code, source).lines().nth(3).unwrap().contains('d'));
    }

    #[test]
    fn unfinished_source_ends_the_search() {
        for source in ["\"open", "/* open", "r#\"open", "'\\", "'", "é'é'é"] {
            assert_eq!(stretches(source).iter().map(|found| found.1).collect::<String>(), source);
        }
    }
}
