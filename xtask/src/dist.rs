//! `cargo xtask dist`: Debian packages and static programs for the machines of a plant, with their checksums.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::lint;
use crate::shell::{Outcome, Place, output_of, succeed};
use crate::suite::Ended;

mod machine;
mod notices;
mod package;
mod tree;

pub(crate) use machine::Machine;
pub(crate) use package::{Installed, Package, build as build_package};

/// The packages, each named after its own program.
pub(crate) const PACKAGES: [&str; 2] = ["heijunka-agent", "heijunka-aggregator"];

/// The programs of a package, its own first.
pub(crate) fn programs(package: &str) -> &'static [&'static str] {
    if package == "heijunka-agent" {
        &["heijunka-agent"]
    } else {
        &["heijunka-aggregator", "heijunka-predict", "heijunka-study"]
    }
}

/// The options of `cargo build` for all programs.
pub(crate) fn all_programs() -> impl Iterator<Item = &'static str> {
    PACKAGES.iter().flat_map(|package| programs(package)).flat_map(|program| ["-p", program])
}

const FOLDER: &str = "dist-packages";

/// The command `dist`.
///
/// `wanted` are Debian's names of the machines; none stands for all.
pub(crate) fn run(place: &Place, wanted: &[String]) -> Outcome {
    let is_wanted = |machine: &&Machine| wanted.is_empty() || wanted.iter().any(|name| name == machine.debian);
    let machines = machine::MACHINES.iter().filter(is_wanted);
    let out = place.target.join(FOLDER);
    empty(&out)?;
    // Pages and completions come from the programs themselves, as they run on this machine.
    succeed(place.cargo(&["build"]).args(all_programs()))?;
    let host = place.target.join("debug");
    let epoch = source_date_epoch(place)?;
    let version = version(place)?;
    let mut debs = Vec::new();
    for machine in machines {
        println!("\n-- {}: {}", machine.debian, machine.target);
        if let Err(why) = machine.ensure(place) {
            println!("left out: {why}");
            continue;
        }
        for name in PACKAGES {
            let mut installed = Vec::new();
            for program in programs(name) {
                let built = machine.build(place, program)?;
                machine.try_out(&built)?;
                let file = out.join(format!("{program}-{version}-{}", machine.target));
                fs::copy(&built, &file).map_err(|error| format!("{}: {error}", file.display()))?;
                installed.push(Installed { name: program, program: built, host_program: host.join(program) });
            }
            let notices = notices::third_party(place, programs(name), machine.target)?;
            let package = Package {
                name,
                version: &version,
                architecture: machine.debian,
                programs: &installed,
                notices: &notices,
                epoch,
                compression: "xz",
            };
            debs.push(build_package(place, &package, &out)?);
        }
    }
    sum(&out)?;
    for deb in debs {
        if let Ended::Skipped(why) = lint(&deb, &[])? {
            println!("skipped: {why}");
        }
    }
    Ok(())
}

/// Writes SHA256SUMS and shows what is there.
fn sum(out: &Path) -> Outcome {
    let mut names: Vec<String> = fs::read_dir(out)
        .map_err(|error| format!("{}: {error}", out.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    if names.is_empty() {
        return Err("nothing was built, see above for what each architecture needs".into());
    }
    names.sort();
    let sums = output_of(Command::new("sha256sum").arg("--").args(&names).current_dir(out))?;
    fs::write(out.join("SHA256SUMS"), &sums).map_err(|error| format!("SHA256SUMS: {error}"))?;
    println!("\n{}", out.display());
    for name in names {
        let bytes = fs::metadata(out.join(&name)).map_err(|error| format!("{name}: {error}"))?.len();
        println!("{:>9.2} MB  {name}", bytes as f64 / 1e6);
    }
    Ok(())
}

/// An empty folder at `path`.
pub(crate) fn empty(path: &Path) -> Outcome {
    let cannot = |error: std::io::Error| format!("{}: {error}", path.display());
    if path.exists() {
        fs::remove_dir_all(path).map_err(cannot)?;
    }
    fs::create_dir_all(path).map_err(cannot)
}

/// The time that packages carry: the last commit's, so that the same source gives the same bytes.
pub(crate) fn source_date_epoch(place: &Place) -> Outcome<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => output_of(&mut place.command("git", &["log", "-1", "--format=%ct"])).map_err(|why| {
            format!("set SOURCE_DATE_EPOCH, as the folder has no commit to take the time from\n{why}")
        })?,
    };
    text.trim().parse().map_err(|_| format!("SOURCE_DATE_EPOCH: {text} is not a number of seconds"))
}

/// The workspace's version.
pub(crate) fn version(place: &Place) -> Outcome<String> {
    let file = place.root.join("Cargo.toml");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let manifest: toml::Table = text.parse().map_err(|error| format!("{}: {error}", file.display()))?;
    let version = manifest.get("workspace").and_then(|table| table.get("package")?.get("version")?.as_str());
    version.map(str::to_owned).ok_or_else(|| "Cargo.toml names no version".into())
}

/// A file of the folder `packaging`.
pub(crate) fn packaging(place: &Place, inside: &str) -> PathBuf {
    place.root.join("packaging").join(inside)
}
