//! docs/settings.md: every key of both programs in tables.

use super::read::{Given, Key, Program};
use super::sample::sentence;
use std::fmt::Write as _;

const HEAD: &str = "# Settings

Every key of the two programs; `cargo xtask tidy --bless` writes this page and both samples from the fields' docs in the source.
A field's doc says what it means and ends in the sample's line: ``/// Longest wait, 1s to 1h. `reconnect_max = \"30s\"` `` gives the
default; after the words `for example` the line is an example instead. A field without a default is a required key.

Paths count from the settings file's folder. Durations carry a unit (us, ms, s, min, h, d), sizes too (B, KB, KiB, MB, MiB, GB, GiB),
and rates of a link (kbit/s, Mbit/s, Gbit/s). An unknown key is an error.
";

/// Its text.
pub(super) fn text(programs: &[Program]) -> String {
    let mut text = HEAD.to_owned();
    for program in programs {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "\n## {0}.toml\n\n{1} `heijunka-{0} init` writes a sample.",
            program.folder,
            cell(&program.title)
        );
        for section in &program.sections {
            if !section.name.is_empty() {
                let _ = writeln!(text, "\n### [{}]\n\n{}", section.name, cell(&section.meaning));
            }
            text.push_str("\n| key | meaning | takes | default |\n|---|---|---|---|\n");
            for key in &section.keys {
                let meaning = cell(&sentence(&key.meaning));
                let _ = writeln!(text, "| `{}` | {meaning} | {} | {} |", key.name, cell(&key.takes), default(key));
            }
        }
    }
    text
}

fn default(key: &Key) -> String {
    let value = key.line.split_once(" = ").map_or("", |(_, value)| value);
    match key.given {
        Given::Required => format!("required, like `{value}`"),
        Given::Default => format!("`{value}`"),
        Given::Example => format!("none; for example `{value}`"),
    }
}

/// Text within a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
