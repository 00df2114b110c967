//! A package's whole life in a root of its own: installed, configured, upgraded, removed, purged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Pair;
use crate::dist::empty;
use crate::shell::{Outcome, find_program, output_of};
use crate::suite::Ended;

const EDITED: &str = "# Edited by the plant.\n";

pub(crate) fn check(pair: &Pair, folder: &Path) -> Outcome<Ended> {
    if find_program("systemd-sysusers").is_none() {
        return Ok(Ended::Skipped("systemd-sysusers is missing (Debian: apt-get install systemd)".into()));
    }
    if output_of(Command::new("id").arg("-u"))?.trim() != "0" {
        return Ok(Ended::Skipped("installing and upgrading packages in a root of their own needs root".into()));
    }
    let machine = Machine::new(folder)?;
    life(pair, &machine).map_err(|why| format!("{}: {why}", pair.program))?;
    println!("{}: installed, upgraded with its settings kept, removed, purged", pair.program);
    Ok(Ended::Passed)
}

fn life(pair: &Pair, machine: &Machine) -> Outcome {
    let kind = pair.program.trim_start_matches("heijunka-");
    let settings = format!("etc/heijunka/{kind}.toml");
    let others = format!("etc/heijunka/{kind}-line-2.toml");
    let state = format!("var/lib/heijunka/{kind}/state");
    let program = format!("usr/bin/{}", pair.program);

    machine.dpkg(&["--install"], Some(&pair.old))?;
    machine.has(&program, true)?;
    machine.has(&settings, true)?;
    machine.has(&format!("var/lib/heijunka/{kind}"), true)?;
    let mode =
        fs::metadata(machine.root.join(&settings)).map_err(|error| format!("{settings}: {error}"))?.permissions();
    if mode.mode() & 0o7 != 0 {
        return Err(format!("{settings} is readable by all users"));
    }
    if !machine.read("etc/passwd")?.contains("heijunka:") {
        return Err("the user heijunka was not created".into());
    }
    // It is not configured yet, so nothing is enabled.
    machine.has(&format!("etc/systemd/system/multi-user.target.wants/{}.service", pair.program), false)?;

    for file in [&settings, &others, &state] {
        machine.write(file, EDITED)?;
    }
    machine.dpkg(&["--install"], Some(&pair.new))?;
    machine.has_version(pair.program, &pair.new_version)?;
    machine.is_edited(&settings)?;

    machine.delete(&settings)?;
    machine.dpkg(&["--install"], Some(&pair.new))?;
    machine.has(&settings, false)?;
    machine.write(&settings, EDITED)?;

    machine.dpkg(&["--remove", pair.program], None)?;
    machine.has(&program, false)?;
    machine.is_edited(&settings)?;
    machine.is_edited(&state)?;
    machine.dpkg(&["--purge", pair.program], None)?;
    machine.has(&settings, false)?;
    machine.has(&state, false)?;
    machine.is_edited(&others)
}

/// A root with a package database of its own.
struct Machine {
    root: PathBuf,
}

impl Machine {
    fn new(folder: &Path) -> Outcome<Self> {
        let root = folder.join("root");
        empty(&root)?;
        for inside in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"] {
            fs::create_dir_all(root.join(inside)).map_err(|error| format!("{inside}: {error}"))?;
        }
        let machine = Self { root };
        machine.write("var/lib/dpkg/status", "")?;
        Ok(machine)
    }

    /// Scripts run outside of the root, which has no shell; DPKG_ROOT names it.
    fn dpkg(&self, action: &[&str], deb: Option<&Path>) -> Outcome {
        let log = self.root.join("dpkg.log");
        let said = output_of(
            Command::new("dpkg")
                .arg(format!("--root={}", self.root.display()))
                .arg(format!("--log={}", log.display()))
                .args(["--force-script-chrootless", "--force-depends"])
                .args(action)
                .args(deb)
                .env("LC_ALL", "C"),
        );
        said.map(drop)
    }

    fn has(&self, inside: &str, wanted: bool) -> Outcome {
        let there = self.root.join(inside).symlink_metadata().is_ok();
        match (there, wanted) {
            (true, false) => Err(format!("{inside} still exists")),
            (false, true) => Err(format!("{inside} is missing")),
            _ => Ok(()),
        }
    }

    fn has_version(&self, package: &str, wanted: &str) -> Outcome {
        let database = self.root.join("var/lib/dpkg");
        let query = ["--showformat", "${Version}", "--show", package];
        let said = output_of(Command::new("dpkg-query").arg("--admindir").arg(database).args(query))?;
        if said == wanted { Ok(()) } else { Err(format!("{package} is {said} rather than {wanted}")) }
    }

    fn is_edited(&self, inside: &str) -> Outcome {
        if self.read(inside)? == EDITED { Ok(()) } else { Err(format!("{inside} was changed")) }
    }

    fn read(&self, inside: &str) -> Outcome<String> {
        fs::read_to_string(self.root.join(inside)).map_err(|error| format!("{inside}: {error}"))
    }

    fn write(&self, inside: &str, text: &str) -> Outcome {
        let file = self.root.join(inside);
        fs::create_dir_all(file.parent().unwrap_or(&self.root))
            .and_then(|()| fs::write(&file, text))
            .map_err(|error| format!("{inside}: {error}"))
    }

    fn delete(&self, inside: &str) -> Outcome {
        fs::remove_file(self.root.join(inside)).map_err(|error| format!("{inside}: {error}"))
    }
}
