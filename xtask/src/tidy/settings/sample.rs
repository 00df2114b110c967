//! The sample file of a program: what `init` writes.

use super::read::{Given, Key, Program, Section};
use std::fmt::Write as _;

/// Longest line of a sample, in characters.
const WIDTH: usize = 100;

/// Where it stands.
pub(super) fn path(program: &Program) -> String {
    format!("{0}/{0}.sample.toml", program.folder)
}

/// Its text.
pub(super) fn text(program: &Program) -> String {
    let mut text = String::new();
    comment(
        &mut text,
        &format!(
            "{} Durations and sizes carry a unit: \"500ms\", \"2s\", \"256MB\". A line after a single # shows what \
             holds without it, or an example where it says so: take the # away to set it.",
            program.title
        ),
    );
    for section in &program.sections {
        section_text(&mut text, section);
    }
    text
}

fn section_text(text: &mut String, section: &Section) {
    if !section.name.is_empty() {
        text.push_str("\n\n");
        comment(text, &section.meaning);
        // Writing into a String cannot fail.
        let _ = writeln!(text, "[{}]", section.name);
    }
    for key in &section.keys {
        text.push('\n');
        key_text(text, key);
    }
}

fn key_text(text: &mut String, key: &Key) {
    comment(text, &sentence(&key.meaning));
    let line = &key.line;
    let _ = match key.given {
        Given::Required => writeln!(text, "{line}"),
        Given::Default => writeln!(text, "# {line}"),
        Given::Example => writeln!(text, "# {line}  # example"),
    };
}

/// With a full stop, unless it ends in another mark.
pub(super) fn sentence(meaning: &str) -> String {
    if meaning.ends_with(['.', '…', '?']) { meaning.to_owned() } else { format!("{meaning}.") }
}

/// Lines after `##`, folded.
fn comment(text: &mut String, meaning: &str) {
    let mut line = "##".to_owned();
    for word in meaning.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            "##".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}
