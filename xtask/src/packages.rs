//! `cargo xtask packages`: units, packages, manual pages and completions, made from the debug programs and tried in a root of
//! their own. The machine's own packages and services are never touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dist::{
    Installed, PACKAGES, Package, all_programs, build_package, empty, programs, source_date_epoch, version,
};
use crate::shell::{Outcome, Place, find_program, output_of, succeed};
use crate::suite::Ended;

mod papers;
mod units;
mod upgrade;

/// Debug programs are large and thrown away: packing them well would only take time.
const COMPRESSION: &str = "none";
/// What lintian says of a debug program that is linked with the C library and not packed well, as no shipped one is.
const OF_DEBUG_PROGRAMS: &str =
    "missing-dependency-on-libc,uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball";

/// The command `packages`.
pub(crate) fn run(place: &Place) -> Outcome {
    succeed(place.cargo(&["build"]).args(all_programs()))?;
    if let Ended::Skipped(why) = check(place)? {
        println!("skipped: {why}");
    }
    Ok(())
}

/// Tries everything that this machine has the tools for; reports which tools are missing.
pub(crate) fn check(place: &Place) -> Outcome<Ended> {
    let folder = place.target.join("package-test");
    empty(&folder)?;
    let mut lacks = Vec::new();
    let mut note = |ended: Ended| {
        if let Ended::Skipped(why) = ended {
            println!("skipped: {why}");
            lacks.push(why);
        }
    };
    note(units::check(place, &folder)?);
    if find_program("dpkg-deb").is_none() {
        return Ok(Ended::Skipped("dpkg-deb is missing: packages are built and tried on Debian".into()));
    }
    for program in PACKAGES {
        let pair = Pair::build(place, program, &folder)?;
        note(papers::check(&pair.unpacked)?);
        note(upgrade::check(&pair, &folder)?);
        note(lint(&pair.old, &["--suppress-tags", OF_DEBUG_PROGRAMS])?);
    }
    lacks.dedup();
    Ok(if lacks.is_empty() { Ended::Passed } else { Ended::Skipped(lacks.join("; ")) })
}

/// A package and a newer one.
struct Pair {
    program: &'static str,
    old: PathBuf,
    new: PathBuf,
    new_version: String,
    /// The old one's files.
    unpacked: PathBuf,
}

impl Pair {
    /// The old one is built twice: the same source must give the same bytes.
    fn build(place: &Place, program: &'static str, folder: &Path) -> Outcome<Self> {
        let mut installed = Vec::new();
        for name in programs(program) {
            let built = place.target.join("debug").join(name);
            let stripped = folder.join(name);
            fs::copy(&built, &stripped).map_err(|error| format!("{}: {error}", built.display()))?;
            if let Some(strip) = find_program("strip") {
                succeed(Command::new(strip).arg(&stripped))?;
            }
            installed.push(Installed { name, program: stripped, host_program: built });
        }
        let architecture = output_of(Command::new("dpkg").arg("--print-architecture"))?;
        let epoch = source_date_epoch(place)?;
        let build = |version: &str, out: &str| {
            let out = folder.join(out);
            fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
            let package = Package {
                name: program,
                version,
                architecture: architecture.trim(),
                programs: &installed,
                notices: "None: this package is for trials.\n",
                epoch,
                compression: COMPRESSION,
            };
            build_package(place, &package, &out)
        };
        let old_version = version(place)?;
        let new_version = format!("{old_version}+1");
        let (old, again, new) =
            (build(&old_version, "old")?, build(&old_version, "again")?, build(&new_version, "new")?);
        succeed(Command::new("cmp").args([&old, &again]))
            .map_err(|_| format!("{program}: the same source gives another package the second time"))?;
        let unpacked = folder.join("unpacked").join(program);
        empty(&unpacked)?;
        succeed(Command::new("dpkg-deb").arg("-x").args([&old, &unpacked]))?;
        Ok(Self { program, old, new, new_version, unpacked })
    }
}

/// Debian's own checks; every exception gives its reason in packaging/debian/lintian-overrides.
pub(crate) fn lint(deb: &Path, args: &[&str]) -> Outcome<Ended> {
    let Some(lintian) = find_program("lintian") else {
        return Ok(Ended::Skipped("lintian is missing (Debian: apt-get install lintian)".into()));
    };
    succeed(Command::new(lintian).args(["--fail-on", "error,warning"]).args(args).arg(deb)).map(|()| Ended::Passed)
}
