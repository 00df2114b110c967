//! Others open the model: onnx checks the file, onnxruntime computes what `predict` says, safetensors loads.

use crate::training::STEEL;
use heijunka_tests::{Plant, skip, steel_plates};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const PACKAGES: [&str; 4] = ["onnx", "onnxruntime", "numpy", "safetensors"];

/// What is missing for a Python with the packages.
struct Missing {
    tool: &'static str,
    fix: String,
}

/// A Python with the packages, in a virtual environment of this build's own; `None`, recorded as a skip, if this machine
/// cannot have it. Tests that ask at the same time wait for one of them to make it.
pub(crate) fn python() -> Option<PathBuf> {
    static PYTHON: OnceLock<Result<PathBuf, Missing>> = OnceLock::new();
    match PYTHON.get_or_init(make_python) {
        Ok(python) => Some(python.clone()),
        Err(Missing { tool, fix }) => {
            skip(tool, fix).unwrap();
            None
        }
    }
}

fn make_python() -> Result<PathBuf, Missing> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    let runs = |command: &mut Command| command.stdin(Stdio::null()).status().is_ok_and(|status| status.success());
    if complete.exists() && runs(Command::new(&python).arg("--version").stdout(Stdio::null())) {
        return Ok(python);
    }
    if !runs(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder)) {
        return Err(Missing { tool: "python3 with venv", fix: "apt-get install python3-venv".into() });
    }
    let install = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    if !runs(Command::new(&python).args(install).args(PACKAGES)) {
        let fix = format!("make `python3 -m pip install {}` work here", PACKAGES.join(" "));
        return Err(Missing { tool: "a Python package", fix });
    }
    std::fs::write(complete, "").unwrap();
    Ok(python)
}

pub(crate) fn program(plant: &Plant, arguments: &[&str]) -> String {
    let ended = plant.start("heijunka-aggregator", arguments, "program.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    ended.log
}

/// Compares a model in the plant's folder with `predict`, for every row of `data`, or every window.
pub(crate) fn same(plant: &Plant, python: &Path, data: &str, onnx: &str) {
    program(plant, &["predict", "--data", data, "--output", "predictions.csv"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("end_to_end/export.py");
    let output = Command::new(python)
        .arg(script)
        .args(["heijunka-output", data, "predictions.csv", onnx])
        .current_dir(plant.folder())
        .output()
        .unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{onnx}: {error}");
    print!("{onnx}: {said}");
}

fn trains(plant: &Plant, data: &Path, task: &str, training: &str, more: &str) {
    let agent = plant.agent("press-07", data, "").unwrap();
    let ended = plant.aggregator(task, training, more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agent);
}

#[test]
fn a_classification_is_the_same_in_onnx() {
    let plant = Plant::new().unwrap();
    // The steel's type is among the inputs as a text, not as two columns of 0 and 1.
    let table = std::fs::read_to_string(steel_plates()).unwrap();
    let (header, rows) = table.split_once('\n').unwrap();
    let a300 = header.split(',').position(|name| name == "TypeOfSteel_A300").unwrap();
    let with_text = |row: &str| {
        let steel = if row.split(',').nth(a300) == Some("1") { "A300" } else { "A400, \"\"grün\"\"" };
        format!("{row},\"{steel}\"\n")
    };
    let text: String = rows.lines().map(with_text).collect();
    let data = plant.write("steel.csv", format!("{header},steel\n{text}")).unwrap();
    let task = STEEL.replace("[\"split\"]", "[\"split\", \"TypeOfSteel_A300\", \"TypeOfSteel_A400\"]");
    let more = "[model]\nhidden = [32, 16]\nactivation = \"tanh\"\n";
    trains(&plant, &data, &task, "max_rounds = 60\nlearning_rate = 0.003", more);
    let log = program(&plant, &["export", "--onnx", "double.onnx", "--double"]);
    assert!(log.contains("27 inputs, 7 classes"), "{log}");
    let Some(python) = python() else { return };
    same(&plant, &python, "steel.csv", "heijunka-output/model.onnx");
    same(&plant, &python, "steel.csv", "double.onnx");
}

/// `t` counts from a time far away, as clocks do.
fn regression(far: f64) -> String {
    let row = |i: u32| {
        let (a, b, t) = (f64::from(i * 7 % 100) / 10.0, f64::from(i * 13 % 50) / 5.0, f64::from(i) / 8.0);
        format!("{a};{b};{};{}\n", far + t, 0.3 * a - 0.2 * b + t / 50.0 + 0.5)
    };
    (0..400).map(row).fold(String::from("a;b;t;y\n"), |text, row| text + &row)
}

const REGRESSION: &str = "kind = \"regression\"\ntarget = \"y\"";

#[test]
fn a_regression_is_the_same_in_onnx() {
    let plant = Plant::new().unwrap();
    let data = plant.write("line.csv", regression(0.0)).unwrap();
    trains(&plant, &data, REGRESSION, "max_rounds = 60", "");
    let log = program(&plant, &["export", "--onnx", "line.onnx"]);
    assert!(log.contains("3 inputs, a value") && !log.contains("coarse"), "{log}");
    let Some(python) = python() else { return };
    same(&plant, &python, "line.csv", "line.onnx");
    same(&plant, &python, "line.csv", "heijunka-output/model.onnx");
}

#[test]
fn columns_that_need_64_bits_are_named_and_get_them() {
    let plant = Plant::new().unwrap();
    let data = plant.write("far.csv", regression(29_500_000.1)).unwrap();
    trains(&plant, &data, REGRESSION, "max_rounds = 60", "");
    let log = program(&plant, &["export", "--onnx", "single.onnx"]);
    assert!(log.contains("coarse for t:"), "{log}");
    let log = program(&plant, &["export", "--onnx", "double.onnx", "--double"]);
    assert!(!log.contains("coarse"), "{log}");
    let Some(python) = python() else { return };
    same(&plant, &python, "far.csv", "double.onnx");
}
