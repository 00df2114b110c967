//! The golden frames of `docs/wire/vectors.json`, read by a program in another language that was written from `docs/wire.md`.

use crate::export::python;
use std::path::Path;
use std::process::Command;

#[test]
fn python_decodes_the_golden_frames_by_the_page_alone() {
    let Some(python) = python() else { return };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (script, file) = (here.join("end_to_end/vectors.py"), here.join("../docs/wire/vectors.json"));
    let output = Command::new(python).arg(script).arg(file).output().unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{error}");
    assert!(said.contains("entries are as docs/wire.md says"), "{said}");
}
