//! A change of the wire format comes with a change of docs/wire.md: the page carries a digest of the sources it describes.

use std::hash::Hasher as _;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use twox_hash::XxHash64;

use super::File;
use crate::shell::Outcome;

const SOURCES: &str = "core/wire/src/";
const PAGE: &str = "docs/wire.md";
const MARK: &str = "wire-digest: ";

/// The finding when page and sources have parted.
pub(crate) fn check(files: &[File]) -> Option<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return Some(format!("{PAGE}: is missing: describe the wire format there, then run cargo xtask tidy --bless"));
    };
    match digest(files) {
        Ok(is) => (recorded(&page.text) != Some(is.as_str()))
            .then(|| format!("{PAGE}: {SOURCES} is at {MARK}{is}: update {PAGE}, then run cargo xtask tidy --bless")),
        Err(finding) => Some(finding),
    }
}

/// Writes the digest into the page, and returns the line.
pub(crate) fn bless(root: &Path, files: &[File]) -> Outcome<String> {
    let page =
        files.iter().find(|file| file.path == PAGE).ok_or_else(|| format!("{PAGE} is missing: write it first"))?;
    let line = format!("{MARK}{}", digest(files)?);
    std::fs::write(root.join(PAGE), blessed(&page.text, &line)).map_err(|error| format!("{PAGE}: {error}"))?;
    Ok(line)
}

fn blessed(page: &str, line: &str) -> String {
    match recorded(page) {
        Some(old) => page.replacen(&format!("{MARK}{old}"), line, 1),
        None => format!("{}\n\n{line}\n", page.trim_end()),
    }
}

/// The digest that the page carries; empty when nothing follows the mark.
fn recorded(page: &str) -> Option<&str> {
    let (_, after) = page.split_once(MARK)?;
    after.get(..after.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(after.len()))
}

/// xxHash64 over paths and normalised text of all sources that are not tests, in path order.
fn digest(files: &[File]) -> Outcome<String> {
    let mut sources: Vec<&File> = files.iter().filter(|file| is_source(&file.path)).collect();
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    let mut hash = XxHash64::with_seed(0);
    for file in sources {
        let tokens = file.text.parse().map_err(|error| format!("{}: {error}", file.path))?;
        let mut text = String::new();
        normalise(tokens, &mut text);
        for text in [&file.path, &text] {
            hash.write(text.as_bytes());
            hash.write(&[0]);
        }
    }
    Ok(format!("{:016x}", hash.finish()))
}

fn is_source(path: &str) -> bool {
    let Some(inside) = path.strip_prefix(SOURCES).and_then(|inside| inside.strip_suffix(".rs")) else { return false };
    !inside.split('/').any(|part| part == "tests" || part.ends_with("_tests"))
}

/// Appends the tokens without comments, docs and items for tests: none of them is on the wire.
fn normalise(tokens: TokenStream, text: &mut String) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token.to_string() != "#" {
            append(token, text);
            continue;
        }
        // `#![…]` belongs to what is around it, `#[…]` to what follows.
        let inner = tokens.next_if(|token| token.to_string() == "!").is_some();
        let attribute = tokens.peek().map(|token| token.to_string().replace(' ', "")).unwrap_or_default();
        if attribute.starts_with("[doc=") {
            tokens.next();
        } else if attribute == "[cfg(test)]" && !inner {
            // The item ends with a semicolon or its braces.
            let ends = |token: &TokenTree| match token {
                TokenTree::Punct(punct) => punct.as_char() == ';',
                TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                _ => false,
            };
            tokens.find(ends);
        } else {
            text.push_str("# ");
        }
    }
}

fn append(token: TokenTree, text: &mut String) {
    if let TokenTree::Group(group) = token {
        text.push_str(&format!("{:?} ", group.delimiter()));
        normalise(group.stream(), text);
        text.push_str("end ");
    } else {
        text.push_str(&format!("{token} "));
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    const LIB: &str = "//! Wire.\npub const TOPIC: &str = \"a//b\";\n";

    fn with_page(source: &str, page: &str) -> [File; 2] {
        [file("core/wire/src/lib.rs", source), file(PAGE, page)]
    }

    fn digest_of(source: &str) -> String {
        digest(&with_page(source, "")).unwrap()
    }

    #[test]
    fn a_wire_change_without_its_page_is_found() {
        assert!(check(&[file("core/wire/src/lib.rs", LIB)]).unwrap().contains("is missing"));
        let page = blessed("# Wire\n", &format!("{MARK}{}", digest_of(LIB)));
        assert_eq!(check(&with_page(LIB, &page)), None);
        assert!(check(&with_page(&LIB.replace("a//b", "a//c"), &page)).unwrap().contains("--bless"));
        assert!(check(&with_page(LIB, "# Wire\n")).unwrap().contains("--bless"));
        assert!(check(&with_page("const A: u8 = {", &page)).unwrap().contains("core/wire/src/lib.rs: "));
    }

    #[test]
    fn comments_layout_and_tests_are_not_on_the_wire() {
        for same in [
            LIB.replace("Wire", "The wire"),
            LIB.replace("= ", "= /* why */\n\n    "),
            format!("{LIB}#[cfg(test)]\nmod tests {{ const X: u8 = 1; }}\n"),
            format!("{LIB}#[cfg(test)] mod golden;\n#[cfg(test)]\nuse std::vec;\n"),
        ] {
            assert_eq!(digest_of(&same), digest_of(LIB), "{same}");
        }
        let with_tests = [file("core/wire/src/lib.rs", LIB), file("core/wire/src/frame_tests.rs", "//! T.\n")];
        assert_eq!(digest(&with_tests).unwrap(), digest_of(LIB));
        let more = format!("{LIB}#[cfg(test)] mod golden;\nconst X: u8 = 1;\n");
        assert_ne!(digest_of(&more), digest_of(LIB));
        assert_ne!(digest_of("type A = (u8, (u8, u8));"), digest_of("type A = ((u8, u8), u8);"));
    }

    #[test]
    fn a_page_is_blessed_in_place() {
        assert_eq!(blessed("# W\n<!-- wire-digest: 00ff -->\n", "wire-digest: 12"), "# W\n<!-- wire-digest: 12 -->\n");
        assert_eq!(blessed("# W\nwire-digest: \nend\n", "wire-digest: 12"), "# W\nwire-digest: 12\nend\n");
        assert_eq!(blessed("# W", "wire-digest: 12"), "# W\n\nwire-digest: 12\n");
    }
}
