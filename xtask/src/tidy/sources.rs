//! What one file alone can break, beyond clippy's lints: its opening, its length, words and folders that do not belong in it.

use super::File;

const LINES_MAX: usize = 500;
/// Folders that exist on one person's machine only.
const PRIVATE_FOLDERS: [&str; 4] = ["home", "root", "work", "Users"];
/// Written in halves, so that this file has none of them.
const PROMISES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];

/// All findings in one file.
pub(crate) fn check(file: &File) -> Vec<String> {
    let mut found = lines_with(file, has_private_path, "names a folder of one machine: use a relative path");
    if file.path == "Cargo.lock" {
        found.clear();
    }
    if file.path.ends_with(".rs") {
        found.extend(opening(file));
        found.extend(length(file));
        let has_promise = |line: &str| PROMISES.iter().any(|word| line.contains(word));
        found.extend(lines_with(file, has_promise, "promises work: do it, or file an issue"));
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

/// A finding for each line that `is_wrong` accepts.
fn lines_with(file: &File, is_wrong: impl Fn(&str) -> bool, why: &str) -> Vec<String> {
    let lines = file.text.lines().enumerate().filter(|(_, line)| is_wrong(line));
    lines.map(|(index, _)| format!("{}:{}: {why}", file.path, index + 1)).collect()
}

fn has_private_path(line: &str) -> bool {
    PRIVATE_FOLDERS.iter().any(|folder| {
        let absolute = format!("/{folder}/");
        line.match_indices(&absolute).any(|(at, _)| {
            // `target/work/`, `{root}/work/` and addresses are something else.
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
        assert_eq!(found("core/units/src/lib.rs", "//! Units.\nconst TODAY: u8 = 1;\n"), "");
        assert_eq!(found("notes.md", "target/work/x and https://example.org/work/x\n"), "");
        assert_eq!(found("Cargo.lock", &format!("/{}/x\n", PRIVATE_FOLDERS[0])), "");
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
    fn promises_and_folders_of_one_machine_are_found_with_their_line() {
        for word in PROMISES {
            assert!(found("a.rs", &format!("//! A.\n// {word} later\n")).contains("a.rs:2: promises"), "{word}");
        }
        for folder in PRIVATE_FOLDERS {
            let text = format!("first\npath = \"/{folder}/anna/data.csv\"\n");
            assert!(found("a.toml", &text).contains("a.toml:2: names a folder"), "{folder}");
        }
    }
}
