//! What the generator makes of small programs.

use super::super::File;
use super::read::{Given, read};
use super::{page, sample};

const GOOD: &str = r#"
/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The plant. `site = "plant-1"`
    site: String,
    /// What the agent learns from.
    data: Data,
}
/// A section.
#[derive(Deserialize)]
#[serde(default)]
struct Data {
    /// Rows with empty cells. `missing = "skip_row"`
    missing: Missing,
    /// What separates | cells;
    /// for example `delimiter = ";"`
    delimiter: Option<char>,
}
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Missing { SkipRow, Mean }
"#;

fn program(text: &str) -> Result<super::Program, Vec<String>> {
    let file = File { path: "agent/src/config/mod.rs".into(), text: text.into() };
    read(&[file], "agent", "heijunka-agent: a part.")
}

#[test]
fn fields_become_a_sample_and_a_table() {
    let program = program(GOOD).unwrap_or_else(|findings| unreachable!("{findings:?}"));
    let given: Vec<Given> = program.sections.iter().flat_map(|section| &section.keys).map(|key| key.given).collect();
    assert_eq!(given, [Given::Required, Given::Default, Given::Example]);
    let sample = sample::text(&program);
    let rest = sample.split_once("\n\n").map_or("", |(_, rest)| rest);
    let expected = "## The plant.\nsite = \"plant-1\"\n\n\n## What the agent learns from.\n[data]\n\n\
                    ## Rows with empty cells.\n# missing = \"skip_row\"\n\n\
                    ## What separates | cells.\n# delimiter = \";\"  # example\n";
    assert_eq!(rest, expected);
    let page = page::text(&[program]);
    assert!(page.contains("| `missing` | Rows with empty cells. | skip_row, mean | `\"skip_row\"` |"), "{page}");
    assert!(
        page.contains("| `delimiter` | What separates \\| cells. | character | none; for example `\";\"` |"),
        "{page}"
    );
}

#[test]
fn a_field_without_a_doc_or_with_another_keys_line_is_found() {
    for (from, to) in [
        ("    /// The plant. `site = \"plant-1\"`\n", ""),
        ("The plant. `site", "The plant. `sight"),
        ("The plant. `site", "`site"),
        ("`site = \"plant-1\"`", "`site = plant`"),
        ("    /// What the agent learns from.\n", ""),
    ] {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        let findings = program(&text).err().unwrap_or_default();
        assert_eq!(findings.len(), 1, "{findings:?}");
    }
}
