//! What deny.toml cannot say of the manifests: which libraries `core/` may use, and that every crate has the shared lints.

use serde_json::Value;

use super::File;

/// Libraries for `core/`: none of them has std, a clock, sockets, files, threads or a log.
const CORE_LIBRARIES: &[&str] =
    &["bytes", "heapless", "libm", "nalgebra", "postcard", "pulp", "serde", "thiserror", "twox-hash"];
const OURS: &str = "heijunka-";
const LINTS: &str = "[lints]\nworkspace = true";

/// A finding for each crate without the shared lints.
pub(crate) fn lints(file: &File) -> Option<String> {
    let is_crate = file.path.ends_with("Cargo.toml") && file.text.contains("[package]");
    (is_crate && !file.text.contains(LINTS)).then(|| format!("{}: add [lints] workspace = true", file.path))
}

/// A finding for each library that a crate of `core/` must not use, from `cargo metadata`.
pub(crate) fn libraries(metadata: &Value) -> Vec<String> {
    let members = metadata["packages"].as_array().into_iter().flatten();
    let in_core = |member: &&Value| member["manifest_path"].as_str().is_some_and(|path| path.contains("/core/"));
    members.filter(in_core).flat_map(forbidden).collect()
}

fn forbidden(member: &Value) -> Vec<String> {
    let name = member["name"].as_str().unwrap_or_default();
    let dependencies = member["dependencies"].as_array().into_iter().flatten();
    dependencies
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|library| !library.starts_with(OURS) && !CORE_LIBRARIES.contains(library))
        .map(|library| format!("{name} must not use {library}: core/ uses what xtask/src/tidy/law.rs lists"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;
    use serde_json::json;

    fn found(path: &str, dependency: Value) -> Vec<String> {
        let member = json!({ "name": "heijunka-units", "manifest_path": path, "dependencies": [dependency] });
        libraries(&json!({ "packages": [member] }))
    }

    #[test]
    fn core_uses_the_listed_libraries_and_our_crates_only() {
        let core = "/plant/core/units/Cargo.toml";
        assert!(found(core, json!({ "name": "serde", "kind": null })).is_empty());
        assert!(found(core, json!({ "name": "heijunka-wire", "kind": null })).is_empty());
        assert!(found(core, json!({ "name": "proptest", "kind": "dev" })).is_empty());
        assert!(found("/plant/crates/bus/Cargo.toml", json!({ "name": "tokio", "kind": null })).is_empty());
        for kind in [Value::Null, json!("build")] {
            let message = found(core, json!({ "name": "tokio", "kind": kind })).concat();
            assert!(message.contains("heijunka-units must not use tokio"), "{message}");
        }
    }

    #[test]
    fn a_crate_without_the_shared_lints_is_found() {
        let text = "[package]\nname = \"heijunka-data\"\n";
        assert!(lints(&file("crates/data/Cargo.toml", text)).unwrap().contains("[lints]"));
        assert_eq!(lints(&file("crates/data/Cargo.toml", &format!("{text}\n{LINTS}\n"))), None);
        assert_eq!(lints(&file("Cargo.toml", "[workspace]\n")), None);
    }
}
