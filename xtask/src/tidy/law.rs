//! The law of dependencies: core decides, the shells do; who may know whom is this table.

use toml::{Table, Value};

use super::File;

/// For each crate of `core/`: the crates of ours that it may use.
const CORE: &[(&str, &[&str])] = &[
    ("heijunka-units", &[]),
    ("heijunka-wire", &["heijunka-units"]),
    ("heijunka-learn", &["heijunka-units"]),
    ("heijunka-compress", &["heijunka-units"]),
    ("heijunka-allocate", &["heijunka-units"]),
    ("heijunka-compute", &["heijunka-units", "heijunka-wire", "heijunka-learn"]),
    ("heijunka-judge", &["heijunka-wire", "heijunka-learn"]),
    ("heijunka-worker", &["heijunka-units", "heijunka-wire", "heijunka-compress"]),
    (
        "heijunka-round",
        &[
            "heijunka-units",
            "heijunka-wire",
            "heijunka-compress",
            "heijunka-learn",
            "heijunka-allocate",
            "heijunka-judge",
        ],
    ),
    (
        "heijunka-sim",
        &[
            "heijunka-units",
            "heijunka-wire",
            "heijunka-learn",
            "heijunka-allocate",
            "heijunka-compute",
            "heijunka-round",
            "heijunka-worker",
        ],
    ),
];
/// What `core/` may use of others: all of it without std, clock, socket, file, thread and log.
const CORE_OTHERS: &[&str] =
    &["bytes", "heapless", "libm", "nalgebra", "postcard", "pulp", "serde", "thiserror", "twox-hash"];
/// For each program: the minds that it must not know.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("heijunka-agent", &["heijunka-round", "heijunka-allocate"]),
    ("heijunka-aggregator", &["heijunka-worker", "heijunka-sim", "heijunka-broker", "heijunka-study", "heijunka-demo"]),
    ("heijunka-predict", &["heijunka-round", "heijunka-worker", "heijunka-allocate", "heijunka-sim"]),
];
const MQTT: &str = "rumqttc";
const MQTT_KNOWN_BY: &[&str] = &["heijunka-bus", "heijunka-broker"];
/// Test and developer crates may know everything.
const FREE: &[&str] = &["heijunka-tests", "xtask"];

/// One member of the workspace, as its Cargo.toml says.
struct Member {
    path: String,
    name: String,
    depends_on: Vec<String>,
    inherits_lints: bool,
}

/// All findings in all Cargo.toml files.
pub(crate) fn check(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    let shared = files.iter().find(|file| file.path == "Cargo.toml").and_then(|file| file.text.parse::<Table>().ok());
    for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        match member(file, shared.as_ref()) {
            Ok(member) => found.extend(check_member(&member)),
            Err(message) => found.push(message),
        }
    }
    found
}

fn check_member(member: &Member) -> Vec<String> {
    let mut found = Vec::new();
    if !member.inherits_lints {
        found.push(format!("{}: add [lints] workspace = true", member.path));
    }
    if FREE.contains(&member.name.as_str()) {
        return found;
    }
    found.extend(
        member
            .depends_on
            .iter()
            .filter_map(|other| forbidden(member, other))
            .map(|why| format!("{}: {why}", member.path)),
    );
    found
}

/// Why `member` must not depend on `other`, with the fix.
fn forbidden(member: &Member, other: &str) -> Option<String> {
    let name = member.name.as_str();
    if other == MQTT && !MQTT_KNOWN_BY.contains(&name) {
        return Some(format!("{name} must not use {MQTT}: go through heijunka-bus"));
    }
    if let Some((_, minds)) = PROGRAMS.iter().find(|(program, _)| *program == name) {
        return minds.contains(&other).then(|| format!("{name} must not use {other}: they meet through heijunka-wire"));
    }
    if !member.path.starts_with("core/") {
        return None;
    }
    let Some((_, ours)) = CORE.iter().find(|(known, _)| *known == name) else {
        return Some(format!("{name} has no row in the law: give it one in xtask/src/tidy/law.rs"));
    };
    let fine = ours.contains(&other) || CORE_OTHERS.contains(&other);
    (!fine).then(|| format!("{name} must not use {other}: core knows what the table in xtask/src/tidy/law.rs says"))
}

fn member(file: &File, shared: Option<&Table>) -> Result<Member, String> {
    let table: Table = file.text.parse().map_err(|error| format!("{}: {error}", file.path))?;
    let name = table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
    let inherits_lints = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(Value::as_bool);
    Ok(Member {
        path: file.path.clone(),
        name: name.ok_or_else(|| format!("{}: has no package name", file.path))?.into(),
        depends_on: dependencies(&table, shared),
        inherits_lints: inherits_lints == Some(true),
    })
}

/// Names of the packages that reach a program: dev-dependencies do not.
fn dependencies(table: &Table, shared: Option<&Table>) -> Vec<String> {
    let for_targets = table.get("target").and_then(Value::as_table);
    let tables =
        std::iter::once(table).chain(for_targets.into_iter().flat_map(Table::values).filter_map(Value::as_table));
    tables
        .flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind).and_then(Value::as_table)))
        .flatten()
        .flatten()
        .map(|(key, value)| package_name(key, value, shared))
        .collect()
}

/// A dependency can go by another name than its package's.
fn package_name(key: &str, value: &Value, shared: Option<&Table>) -> String {
    let in_workspace = || shared?.get("workspace")?.get("dependencies")?.get(key)?.get("package")?.as_str();
    value.get("package").and_then(Value::as_str).or_else(in_workspace).unwrap_or(key).into()
}

#[cfg(test)]
mod tests {
    use super::super::tests::file;
    use super::*;

    fn found(path: &str, name: &str, dependencies: &str) -> String {
        let text = format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{dependencies}");
        let shared = "[workspace.dependencies]\nmqtt = { version = \"1\", package = \"rumqttc\" }\n";
        check(&[file("Cargo.toml", shared), file(&format!("{path}/Cargo.toml"), &text)]).join("\n")
    }

    fn on(path: &str, name: &str, other: &str) -> String {
        found(path, name, &format!("[dependencies]\n{other}.workspace = true\n"))
    }

    #[test]
    fn every_law_is_kept_and_broken() {
        for (path, name, good, bad) in [
            ("core/units", "heijunka-units", "serde", "heijunka-wire"),
            ("core/wire", "heijunka-wire", "heijunka-units", "heijunka-learn"),
            ("core/learn", "heijunka-learn", "pulp", "heijunka-allocate"),
            ("core/allocate", "heijunka-allocate", "libm", "heijunka-wire"),
            ("core/worker", "heijunka-worker", "heijunka-wire", "heijunka-round"),
            ("core/round", "heijunka-round", "heijunka-allocate", "heijunka-worker"),
            ("core/sim", "heijunka-sim", "heijunka-worker", "heijunka-bus"),
            ("core/round", "heijunka-round", "heapless", "tokio"),
            ("core/units", "heijunka-units", "heapless", "log"),
            ("core/new", "heijunka-new", "", "serde"),
            ("data", "heijunka-data", "csv", "rumqttc"),
            ("agent", "heijunka-agent", "heijunka-worker", "heijunka-round"),
            ("agent", "heijunka-agent", "heijunka-bus", "heijunka-allocate"),
            ("agent", "heijunka-agent", "tokio", "mqtt"),
            ("aggregator", "heijunka-aggregator", "heijunka-round", "heijunka-worker"),
            ("aggregator", "heijunka-aggregator", "heijunka-predict", "heijunka-sim"),
            ("crates/predict", "heijunka-predict", "heijunka-model", "heijunka-round"),
        ] {
            if !good.is_empty() {
                assert_eq!(on(path, name, good), "", "{name} -> {good}");
            }
            assert!(on(path, name, bad).contains(&format!("{path}/Cargo.toml: {name}")), "{name} -> {bad}");
        }
        assert_eq!(on("bus", "heijunka-bus", "rumqttc"), "");
        assert_eq!(on("tests", "heijunka-tests", "rumqttc"), "");
    }

    #[test]
    fn a_dependency_hides_neither_by_name_nor_by_target() {
        let renamed = "[dependencies]\nquiet = { version = \"1\", package = \"tokio\" }\n";
        assert!(found("core/units", "heijunka-units", renamed).contains("tokio"));
        let by_target = "[target.'cfg(unix)'.dependencies]\ntokio.workspace = true\n";
        assert!(found("core/units", "heijunka-units", by_target).contains("tokio"));
        let for_tests = "[dev-dependencies]\nproptest.workspace = true\n";
        assert_eq!(found("core/units", "heijunka-units", for_tests), "");
    }

    #[test]
    fn a_crate_that_leaves_the_shared_lints_is_found() {
        let text = "[package]\nname = \"heijunka-data\"\n";
        assert!(check(&[file("data/Cargo.toml", text)]).join("").contains("[lints]"));
        assert!(check(&[file("data/Cargo.toml", "[package")]).join("").contains("data/Cargo.toml"));
    }
}
