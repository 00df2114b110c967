//! What the programs of a plant are made of: neither simulator nor broker in the aggregator, no training in `predict`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The crates of this workspace that `package` links.
fn linked(package: &str) -> std::io::Result<BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let listed = Command::new(cargo)
        .args(["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()?;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8_lossy(&listed.stdout);
    let names = names.lines().filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| name.starts_with("heijunka-")).map(str::to_owned).collect())
}

#[test]
fn the_aggregator_links_neither_simulator_nor_demo_nor_broker() {
    let linked = linked("heijunka-aggregator").unwrap();
    assert!(linked.contains("heijunka-round") && linked.contains("heijunka-predict"), "{linked:?}");
    for other in ["heijunka-sim", "heijunka-study", "heijunka-demo", "heijunka-broker", "heijunka-worker"] {
        assert!(!linked.contains(other), "heijunka-aggregator links {other}");
    }
}

#[test]
fn predict_links_no_training() {
    let linked = linked("heijunka-predict").unwrap();
    assert!(linked.contains("heijunka-learn") && linked.contains("heijunka-model"), "{linked:?}");
    for other in ["heijunka-round", "heijunka-worker", "heijunka-allocate", "heijunka-compress", "heijunka-sim"] {
        assert!(!linked.contains(other), "heijunka-predict links {other}");
    }
}

#[test]
fn only_demo_and_tests_link_the_broker() {
    for package in ["heijunka-agent", "heijunka-predict", "heijunka-study"] {
        assert!(!linked(package).unwrap().contains("heijunka-broker"), "{package} links the broker");
    }
    assert!(linked("heijunka-demo").unwrap().contains("heijunka-broker"));
}
