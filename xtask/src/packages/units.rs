//! The systemd units: what systemd itself says of them, and how much a service could do to the machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{Outcome, Place, find_program, output_of};
use crate::suite::Ended;

/// Each unit's file, the name it is tried under, its program, and the most of systemd's "exposure", in tenths (0 is none).
const UNITS: [(&str, &str, &str, &str); 3] = [
    ("heijunka-agent.service", "heijunka-agent.service", "heijunka-agent", "13"),
    ("heijunka-agent@.service", "heijunka-agent@line-2.service", "heijunka-agent", "13"),
    ("heijunka-aggregator.service", "heijunka-aggregator.service", "heijunka-aggregator", "11"),
];
/// `security --offline` came with it.
const SYSTEMD_MIN: u32 = 250;

pub(crate) fn check(place: &Place, folder: &Path) -> Outcome<Ended> {
    let Some(analyze) = find_program("systemd-analyze") else {
        return Ok(Ended::Skipped("systemd-analyze is missing (Debian: apt-get install systemd)".into()));
    };
    let version = output_of(Command::new(&analyze).arg("--version"))?;
    let number = version.split_whitespace().nth(1).and_then(|number| number.parse::<u32>().ok());
    if number.is_none_or(|number| number < SYSTEMD_MIN) {
        return Ok(Ended::Skipped(format!("systemd is older than {SYSTEMD_MIN}: units are not judged")));
    }
    for (file, name, program, exposure_max) in UNITS {
        let unit = installed(place, folder, file, name, program)?;
        verify(&analyze, &unit)?;
        let threshold = format!("--threshold={exposure_max}");
        let said =
            output_of(Command::new(&analyze).args(["security", "--offline=true", "--no-pager", &threshold]).arg(&unit))
                .map_err(|why| format!("{file}: exposed to more than {exposure_max} tenths\n{why}"))?;
        println!("{}", said.lines().last().unwrap_or_default().trim_start_matches(['→', ' ']));
    }
    Ok(Ended::Passed)
}

/// The unit as it would be installed, but for its program, which is this build's.
fn installed(place: &Place, folder: &Path, file: &str, name: &str, program: &str) -> Outcome<PathBuf> {
    let source = place.root.join("packaging").join("systemd").join(file);
    let text = fs::read_to_string(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    let built = place.target.join("debug").join(program);
    let text = text.replace(&format!("/usr/bin/{program}"), &built.display().to_string());
    let unit = folder.join(name);
    fs::write(&unit, text).map_err(|error| format!("{}: {error}", unit.display()))?;
    Ok(unit)
}

/// A key that systemd does not know is only a warning to it, and an error here.
fn verify(analyze: &Path, unit: &Path) -> Outcome {
    let said = Command::new(analyze)
        .args(["verify", "--man=no"])
        .arg(unit)
        .output()
        .map_err(|error| format!("systemd-analyze: {error}"))?;
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    // Units of the machine itself may be flawed, too.
    let of_ours: Vec<&str> = said.lines().filter(|line| line.contains("heijunka")).collect();
    if of_ours.is_empty() { Ok(()) } else { Err(format!("systemd-analyze verify:\n{}", of_ours.join("\n"))) }
}
