//! What one file alone can break: its opening, its length, words that have no place in it.

use super::File;
use super::lexer::{Kind, only};

const LINES_MAX: usize = 500;
const NO_STD: &str = "#![cfg_attr(not(test), no_std)]";
/// Folders that exist on one person's machine only.
const PRIVATE_FOLDERS: [&str; 4] = ["home", "root", "work", "Users"];
/// In code, with the fix.
const WORDS_IN_CODE: [(&str, &str); 4] = [
    ("unsafe", "find a safe way, or a crate that has one"),
    ("todo!", "write it, or leave it out"),
    ("unimplemented!", "write it, or leave it out"),
    ("dbg!", "remove it"),
];
const WORDS_IN_COMMENTS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// All findings in one file.
pub(crate) fn check(file: &File) -> Vec<String> {
    let mut found = private_paths(file);
    if file.path.ends_with(".rs") {
        found.extend(opening(file));
        found.extend(length(file));
        found.extend(no_std(file));
        found.extend(words(file));
    }
    found
}

fn opening(file: &File) -> Option<String> {
    (!file.text.starts_with("//!")).then(|| format!("{}:1: open with a //! line that says what it is for", file.path))
}

fn length(file: &File) -> Option<String> {
    let lines = file.text.lines().count();
    let fix = "divide it by what changes together";
    (lines > LINES_MAX).then(|| format!("{}: {lines} lines, at most {LINES_MAX}: {fix}", file.path))
}

fn no_std(file: &File) -> Option<String> {
    let is_core_root = file
        .path
        .strip_prefix("core/")
        .is_some_and(|path| path.split_once('/').is_some_and(|(_, inside)| inside == "src/lib.rs"));
    let has_it = file.text.lines().any(|line| line.trim() == NO_STD);
    (is_core_root && !has_it).then(|| format!("{}: add {NO_STD}", file.path))
}

fn words(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (index, line) in only(Kind::Code, &file.text).lines().enumerate() {
        let number = index + 1;
        for (word, fix) in WORDS_IN_CODE {
            if has_word(line, word) {
                found.push(format!("{}:{number}: '{word}': {fix}", file.path));
            }
        }
        let tight: String = line.split_whitespace().collect();
        if tight.contains("#[allow(") || tight.contains("#![allow(") {
            found.push(format!("{}:{number}: use #[expect(lint, reason = \"…\")] in place of allow", file.path));
        }
    }
    for (index, line) in only(Kind::Comment, &file.text).lines().enumerate() {
        for word in WORDS_IN_COMMENTS.iter().filter(|word| has_word(line, word)) {
            found.push(format!("{}:{}: '{word}' in a comment: do it, or file an issue", file.path, index + 1));
        }
    }
    found
}

/// Whether `word` stands in `line` and is not part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(of_a_word) && !after.is_some_and(of_a_word)
    })
}

fn private_paths(file: &File) -> Vec<String> {
    if file.path == "Cargo.lock" {
        return Vec::new();
    }
    let lines = file.text.lines().enumerate().filter(|(_, line)| has_private_path(line));
    lines
        .map(|(index, _)| format!("{}:{}: names a folder of one machine: use a relative path", file.path, index + 1))
        .collect()
}

fn has_private_path(line: &str) -> bool {
    PRIVATE_FOLDERS.iter().any(|folder| {
        let absolute = format!("/{folder}/");
        line.match_indices(&absolute).any(|(at, _)| {
            // `target/work/`, `{root}/work/` and addresses go on from something.
            let before = line.get(..at).and_then(|text| text.chars().next_back());
            !before.is_some_and(|letter| letter.is_alphanumeric() || "_.-~})>*$".contains(letter))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    fn found(path: &str, text: &str) -> String {
        check(&file(path, text)).join("\n")
    }

    #[test]
    fn a_good_file_has_no_findings() {
        let text = format!(
            "//! Units.\n{NO_STD}\n#![forbid(unsafe_code)]\n// \"unsafe\" is said here.\nconst A: &str = \"dbg!\";\n"
        );
        assert_eq!(found("core/units/src/lib.rs", &text), "");
        assert_eq!(found("notes.md", "allow TODO unsafe, target/work/x and https://example.org/work/x\n"), "");
    }

    #[test]
    fn a_file_without_its_purpose_is_found() {
        assert!(found("bus/src/lib.rs", "use x;\n").contains("bus/src/lib.rs:1: open with"));
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(found("a.rs", &format!("//! A.\n{}", "\n".repeat(499))), "");
        assert!(found("a.rs", &format!("//! A.\n{}", "\n".repeat(500))).contains("501 lines"));
    }

    #[test]
    fn a_core_crate_with_std_is_found() {
        assert!(found("core/wire/src/lib.rs", "//! Wire.\n").contains("no_std"));
        assert_eq!(found("core/wire/src/topic.rs", "//! Topics.\n"), "");
        assert_eq!(found("bus/src/lib.rs", "//! Bus.\n"), "");
    }

    #[test]
    fn words_with_no_place_are_found_with_their_line() {
        for (line, what) in [
            ("unsafe { x() }", "'unsafe'"),
            ("todo!()", "'todo!'"),
            ("unimplemented!()", "'unimplemented!'"),
            ("dbg!(x);", "'dbg!'"),
            ("#[allow(dead_code)]", "expect"),
            ("#![allow( dead_code )]", "expect"),
            ("// TODO later", "'TODO'"),
            ("/* FIXME */", "'FIXME'"),
        ] {
            let message = found("a.rs", &format!("//! A.\n{line}\n"));
            assert!(message.contains("a.rs:2:") && message.contains(what), "{line}: {message}");
        }
    }

    #[test]
    fn folders_of_one_machine_are_found() {
        for folder in PRIVATE_FOLDERS {
            let text = format!("first\npath = \"/{folder}/anna/data.csv\"\n");
            assert!(found("a.toml", &text).contains("a.toml:2:"), "{folder}");
        }
    }
}
