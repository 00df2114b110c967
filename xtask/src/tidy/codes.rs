//! Every event's code can be looked up in docs/operations.md.

use super::File;
use std::collections::BTreeSet;

const PAGE: &str = "docs/operations.md";
const MARK: &str = "HJ-";

/// A finding for each code that the programs tell of and the page does not.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let page = files.iter().find(|file| file.path == PAGE).map_or("", |file| &file.text);
    let is_source =
        |file: &&File| file.path.ends_with(".rs") && !file.path.contains("test") && !file.path.starts_with("xtask/");
    let told: BTreeSet<&str> = files.iter().filter(is_source).flat_map(|file| codes(&file.text)).collect();
    let known: BTreeSet<&str> = codes(page).collect();
    told.difference(&known)
        .map(|code| format!("{PAGE}: {code} is told and not explained: add a line with its fix"))
        .collect()
}

fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(MARK).filter_map(|(at, _)| text.get(at..at + MARK.len() + 3))
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    #[test]
    fn a_code_that_nobody_explains_is_found() {
        let source = file("core/round/src/close.rs", "self.event(\"HJ-140\"); self.event(\"HJ-150\");");
        let page = |text| file(PAGE, text);
        assert_eq!(check(&[source, page("| HJ-140, HJ-150 | … |")]), Vec::<String>::new());
        let source = file("core/round/src/close.rs", "self.event(\"HJ-140\"); self.event(\"HJ-150\");");
        let found = check(&[source, page("| HJ-140 | … |")]);
        assert!(found.len() == 1 && found[0].contains("HJ-150"), "{found:?}");
    }
}
