//! A change of the wire format comes with a change of docs/wire.md: the page carries a digest of the sources it tells of.

use std::hash::Hasher as _;
use std::path::Path;

use twox_hash::XxHash64;

use super::File;
use super::lexer::{Kind, stretches};
use crate::shell::Outcome;

const SOURCES: &str = "core/wire/src/";
const PAGE: &str = "docs/wire.md";
const MARK: &str = "wire-digest: ";
const TEST_MARK: &str = "#[cfg(test)]";

/// The finding when page and sources have parted.
pub(crate) fn check(files: &[File]) -> Option<String> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return Some(format!("{PAGE}: is missing: describe the wire format there, then run cargo xtask tidy --bless"));
    };
    let is = digest(files);
    (recorded(&page.text) != Some(is.as_str()))
        .then(|| format!("{PAGE}: {SOURCES} is at {MARK}{is}: update {PAGE}, then run cargo xtask tidy --bless"))
}

/// Writes the digest into the page, and returns the line.
pub(crate) fn bless(root: &Path, files: &[File]) -> Outcome<String> {
    let page =
        files.iter().find(|file| file.path == PAGE).ok_or_else(|| format!("{PAGE} is missing: write it first"))?;
    let line = format!("{MARK}{}", digest(files));
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
fn digest(files: &[File]) -> String {
    let mut sources: Vec<&File> = files.iter().filter(|file| is_source(&file.path)).collect();
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    let mut hash = XxHash64::with_seed(0);
    for file in sources {
        for text in [&file.path, &normalised(&file.text)] {
            hash.write(text.as_bytes());
            hash.write(&[0]);
        }
    }
    format!("{:016x}", hash.finish())
}

fn is_source(path: &str) -> bool {
    let Some(inside) = path.strip_prefix(SOURCES).and_then(|inside| inside.strip_suffix(".rs")) else { return false };
    !inside.split('/').any(|part| part == "tests" || part.ends_with("_tests"))
}

/// The source without comments, layout and tests: none of them is on the wire.
fn normalised(source: &str) -> String {
    let mut tight = String::new();
    for (kind, text) in stretches(source) {
        match kind {
            Kind::Comment => {}
            Kind::Literal => tight.push_str(text),
            Kind::Code => tight.extend(text.split_whitespace().flat_map(|word| [word, " "])),
        }
    }
    without_tests(&tight)
}

/// Leaves out `#[cfg(test)] mod x;` and all from `#[cfg(test)] mod x {`, which closes a file.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once(TEST_MARK) {
        kept.push_str(before);
        let module = after.trim_start().strip_prefix("mod ");
        match module.and_then(|text| text.find([';', '{']).map(|at| text.split_at(at))) {
            Some((_, tail)) if tail.starts_with(';') => rest = tail.get(1..).unwrap_or_default().trim_start(),
            Some(_) => return kept,
            None => {
                kept.push_str(TEST_MARK);
                rest = after;
            }
        }
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    const LIB: &str = "//! Wire.\npub const TOPIC: &str = \"a//b\";\n";

    fn with_page(source: &str, page: &str) -> [File; 2] {
        [file("core/wire/src/lib.rs", source), file(PAGE, page)]
    }

    #[test]
    fn a_wire_change_without_its_page_is_found() {
        assert!(check(&[file("core/wire/src/lib.rs", LIB)]).unwrap().contains("is missing"));
        let page = blessed("# Wire\n", &format!("{MARK}{}", digest(&with_page(LIB, ""))));
        assert_eq!(check(&with_page(LIB, &page)), None);
        assert!(check(&with_page(&LIB.replace("a//b", "a//c"), &page)).unwrap().contains("--bless"));
        assert!(check(&with_page(LIB, "# Wire\n")).unwrap().contains("--bless"));
    }

    #[test]
    fn comments_layout_and_tests_are_not_on_the_wire() {
        let same = [
            LIB.to_owned(),
            LIB.replace("Wire", "The wire"),
            LIB.replace("= ", "=\n\n    "),
            format!("{LIB}#[cfg(test)]\nmod tests {{ const X: u8 = 1; }}\n"),
            format!("#[cfg(test)] mod golden;\n{LIB}"),
        ];
        for source in &same {
            assert_eq!(digest(&with_page(source, "")), digest(&with_page(LIB, "")), "{source}");
        }
        let with_tests = [file("core/wire/src/lib.rs", LIB), file("core/wire/src/frame_tests.rs", "//! T.\n")];
        assert_eq!(digest(&with_tests), digest(&with_page(LIB, "")));
    }

    #[test]
    fn a_page_is_blessed_in_place() {
        assert_eq!(blessed("# W\n<!-- wire-digest: 00ff -->\n", "wire-digest: 12"), "# W\n<!-- wire-digest: 12 -->\n");
        assert_eq!(blessed("# W\nwire-digest: \nend\n", "wire-digest: 12"), "# W\nwire-digest: 12\nend\n");
        assert_eq!(blessed("# W", "wire-digest: 12"), "# W\n\nwire-digest: 12\n");
    }

    #[test]
    fn a_test_only_item_that_is_no_module_is_kept() {
        assert_eq!(without_tests("#[cfg(test)] use x; const A: u8 = 1;"), "#[cfg(test)] use x; const A: u8 = 1;");
    }
}
