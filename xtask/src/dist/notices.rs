//! Licences of the libraries that a program is linked with, as they ask to be passed on with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::shell::{Outcome, Place, output_of};

/// Starts of the names of files that say who may do what.
const FILES: [&str; 4] = ["license", "licence", "copying", "copyright"];

/// A text with each library of `programs`, and each licence once.
pub(crate) fn third_party(place: &Place, programs: &[&str], target: &str) -> Outcome<String> {
    let args = ["metadata", "--format-version", "1", "--locked", "--filter-platform", target];
    let metadata = output_of(&mut place.cargo(&args))?;
    let metadata: Value = serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let mut linked = BTreeSet::new();
    for program in programs {
        let start = packages.values().find(|package| package["name"] == *program);
        let start = start.ok_or_else(|| format!("cargo metadata does not list {program}"))?;
        linked.append(&mut reached(&nodes, start["id"].as_str().unwrap_or_default()));
    }
    let mut list = String::new();
    let mut licences: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for id in linked {
        let Some(package) = packages.get(id.as_str()).filter(|package| package["source"].is_string()) else { continue };
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let title = format!("{} {}", text("name"), text("version"));
        list.push_str(&format!("{title}: {}\n", text("license")));
        for licence in licence_texts(Path::new(text("manifest_path")))? {
            licences.entry(licence).or_default().push(title.clone());
        }
    }
    let texts = licences.iter().map(|(text, titles)| format!("{}\n{}\n\n{text}\n", "=".repeat(80), titles.join(", ")));
    Ok(format!("Libraries in {}:\n\n{list}\n{}", programs.join(", "), texts.collect::<String>()))
}

fn by_id(list: &Value) -> BTreeMap<&str, &Value> {
    list.as_array().into_iter().flatten().filter_map(|item| Some((item["id"].as_str()?, item))).collect()
}

/// The package itself and all that it is linked with; what only builds or tests it is left out.
fn reached(nodes: &BTreeMap<&str, &Value>, start: &str) -> BTreeSet<String> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(id) = waiting.pop() {
        let dependencies = nodes.get(id.as_str()).and_then(|node| node["deps"].as_array());
        if found.insert(id.clone()) {
            let linked = |kind: &Value| kind["kind"].is_null();
            let linked = |dep: &&Value| dep["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(linked));
            let ids = dependencies.into_iter().flatten().filter(linked).filter_map(|dep| dep["pkg"].as_str());
            waiting.extend(ids.map(str::to_owned));
        }
    }
    found
}

fn licence_texts(manifest: &Path) -> Outcome<Vec<String>> {
    let folder = manifest.parent().ok_or("a package has no folder")?;
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let is_licence = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && FILES.iter().any(|start| name.starts_with(start))
    };
    let mut files: Vec<_> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_licence(path)).collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_builds_a_program_is_not_in_it() {
        let graph = serde_json::json!([
            {"id": "a", "deps": [
                {"pkg": "b", "dep_kinds": [{"kind": null}]},
                {"pkg": "c", "dep_kinds": [{"kind": "dev"}, {"kind": "build"}]}
            ]},
            {"id": "b", "deps": [{"pkg": "a", "dep_kinds": [{"kind": null}]}]},
            {"id": "c", "deps": []}
        ]);
        let found = reached(&by_id(&graph), "a");
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }
}
