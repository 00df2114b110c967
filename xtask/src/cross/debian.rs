//! Debian's cross tools without root and without touching the system: downloaded under a private apt state that has
//! the machine's own sources, and unpacked under target/cross.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::write;
use crate::shell::{Outcome, Place, find_program, output_of, succeed, succeed_within};

const TOOLS: [&str; 3] = ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user-static"];
const TOOLS_32: [&str; 3] = ["gcc-arm-linux-gnueabihf", "libc6-dev-armhf-cross", "qemu-user-static"];
const RUST: [&str; 2] = ["rustc-web", "rust-web-src"];
/// Wanted for another architecture than the machine's, so unpacked alone, without what it depends on.
const RUST_OF_BOARD: &str = "libstd-rust-web-dev:arm64";
/// Libraries of the unpacked programs, below the prefix.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
/// What the machine has installed.
const STATUS: &str = "/var/lib/dpkg/status";
const APT_LIMIT: Duration = Duration::from_secs(600);

/// What to unpack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    /// Linker, C library and emulator.
    Tools,
    /// The same for 32-bit ARM.
    Tools32,
    /// A Rust compiler that knows the board and has its own source, too.
    RustAndTools,
}

impl Set {
    fn folder(self) -> &'static str {
        match self {
            Self::Tools => "debian-tools",
            Self::Tools32 => "debian-tools-32",
            Self::RustAndTools => "debian-rust",
        }
    }

    fn packages(self) -> Vec<&'static str> {
        match self {
            Self::Tools => TOOLS.to_vec(),
            Self::Tools32 => TOOLS_32.to_vec(),
            Self::RustAndTools => [RUST.as_slice(), TOOLS.as_slice()].concat(),
        }
    }

    /// What Debian calls the machine that the linker is for.
    fn triple(self) -> &'static str {
        match self {
            Self::Tools | Self::RustAndTools => "aarch64-linux-gnu",
            Self::Tools32 => "arm-linux-gnueabihf",
        }
    }
}

/// The unpacked compiler.
pub(crate) fn rustc(prefix: &Path) -> PathBuf {
    prefix.join("rustc")
}

/// The unpacked linker for the set's machine.
pub(crate) fn linker(prefix: &Path) -> PathBuf {
    prefix.join("cc")
}

/// Whether an earlier run has unpacked all of it.
pub(crate) fn is_unpacked(place: &Place, set: Set) -> bool {
    fs::read_to_string(folder(place, set).join("complete")).is_ok_and(|line| line == set.packages().join(" "))
}

/// Downloads and unpacks a set once, and returns its folder; an error says why this machine cannot.
pub(crate) fn unpack(place: &Place, set: Set) -> Outcome<PathBuf> {
    let prefix = folder(place, set);
    if is_unpacked(place, set) {
        return Ok(prefix);
    }
    for program in ["apt-get", "apt-cache", "dpkg"] {
        find_program(program).ok_or_else(|| format!("there is no {program} here"))?;
    }
    if output_of(Command::new("dpkg").arg("--print-architecture"))?.trim() != "amd64" {
        return Err("the Debian packages are used on amd64 only".into());
    }
    println!("downloading {} and what they need", set.packages().join(", "));
    let apt = Apt::new(place)?;
    apt.run(&["update"])?;
    if set == Set::RustAndTools {
        new_enough(place, &output_of(&mut apt.command("apt-cache", &["policy", "rustc-web"]))?)?;
    }
    apt.download(set)?;
    clear(&prefix)?;
    apt.unpack_into(&prefix)?;
    finish(&prefix, set)?;
    clear(&apt.folder)?;
    Ok(prefix)
}

fn folder(place: &Place, set: Set) -> PathBuf {
    place.target.join("cross").join(set.folder())
}

fn clear(folder: &Path) -> Outcome {
    match fs::remove_dir_all(folder) {
        Err(error) if folder.exists() => Err(format!("{}: {error}", folder.display())),
        _ => Ok(()),
    }
}

/// apt with lists, cache and status of its own: the system's are read, never changed.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(place: &Place) -> Outcome<Self> {
        let folder = place.target.join("cross").join("apt");
        clear(&folder)?;
        for inside in ["state/lists/partial", "cache/archives/partial", "log"] {
            fs::create_dir_all(folder.join(inside)).map_err(|error| format!("{inside}: {error}"))?;
        }
        let installed = fs::read_to_string(STATUS).map_err(|error| format!("{STATUS}: {error}"))?;
        write(&folder.join("status"), &without_cross_packages(&installed))?;
        write(&folder.join("apt.conf"), &configuration(&folder))?;
        Ok(Self { folder })
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C");
        command.current_dir(self.archives()).stdin(Stdio::null());
        command
    }

    fn archives(&self) -> PathBuf {
        self.folder.join("cache").join("archives")
    }

    fn run(&self, args: &[&str]) -> Outcome {
        succeed_within(self.command("apt-get", &["-qq"]).args(args).stdout(Stdio::null()), APT_LIMIT)
    }

    fn download(&self, set: Set) -> Outcome {
        let install = ["install", "-y", "--no-install-recommends", "--download-only"];
        self.run(&[install.as_slice(), &set.packages()].concat())?;
        // What the machine has installed already is not downloaded again, and is used from where it is.
        if set == Set::RustAndTools { self.run(&["download", RUST_OF_BOARD]) } else { Ok(()) }
    }

    fn unpack_into(&self, prefix: &Path) -> Outcome {
        let entries = fs::read_dir(self.archives()).map_err(|error| format!("downloaded packages: {error}"))?;
        for entry in entries {
            let package = entry.map_err(|error| format!("downloaded packages: {error}"))?.path();
            if package.extension().is_some_and(|extension| extension == "deb") {
                succeed(Command::new("dpkg").arg("-x").arg(&package).arg(prefix))?;
            }
        }
        Ok(())
    }
}

/// The installed packages but those that are wanted below the prefix: a machine that has some of them would get a
/// linker here and its libraries elsewhere.
fn without_cross_packages(status: &str) -> String {
    let wanted = Set::RustAndTools.packages();
    let of_machine = |name: &str| {
        name.contains(Set::Tools.triple())
            || name.contains(Set::Tools32.triple())
            || name.ends_with("-arm64-cross")
            || name.ends_with("-armhf-cross")
    };
    let stays = |paragraph: &&str| {
        let name = paragraph.lines().find_map(|line| line.strip_prefix("Package: ")).unwrap_or_default();
        !(wanted.contains(&name) || name.starts_with("libstd-rust-web") || of_machine(name))
    };
    status.split_inclusive("\n\n").filter(stays).collect()
}

fn configuration(folder: &Path) -> String {
    let at = |inside: &str| folder.join(inside).display().to_string();
    format!(
        "Dir::State \"{}\";\nDir::State::status \"{}\";\nDir::Cache \"{}\";\nDir::Log \"{}\";\n\
         APT::Architectures {{ \"amd64\"; \"arm64\"; }};\nAPT::Sandbox::User \"\";\n\
         Acquire::Languages \"none\";\nAcquire::Retries \"2\";\nAcquire::http::Timeout \"30\";\n",
        at("state"),
        at("status"),
        at("cache"),
        at("log")
    )
}

/// Debian's compiler must be no older than the workspace asks for.
fn new_enough(place: &Place, policy: &str) -> Outcome {
    let manifest = fs::read_to_string(place.root.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let wanted = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let wanted = wanted.and_then(version).ok_or("Cargo.toml names no rust-version")?;
    let offered = policy.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
    match offered.and_then(version) {
        Some(offered) if offered >= wanted => Ok(()),
        Some((major, minor)) => Err(format!("rustc-web is {major}.{minor}, older than the workspace asks for")),
        None => Err("the machine's package sources have no rustc-web".into()),
    }
}

/// Major and minor number of `1.96.0+dfsg1` or `"1.89"`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_matches(['"', ' ']).split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Makes what was packed for `/` work below the prefix, and marks it complete.
fn finish(prefix: &Path, set: Set) -> Outcome {
    let libraries = format!("usr/{}/lib", set.triple());
    let libc = prefix.join(&libraries).join("libc.so");
    if let Ok(script) = fs::read_to_string(&libc) {
        // The linker finds them beside the script.
        write(&libc, &script.replace(&format!("/{libraries}/"), ""))?;
    }
    wrap(&linker(prefix), &format!("usr/bin/{}-gcc", set.triple()))?;
    if set == Set::RustAndTools {
        wrap(&rustc(prefix), "usr/bin/rustc")?;
    }
    write(&prefix.join("complete"), &set.packages().join(" "))
}

/// A script that starts an unpacked program with the libraries beside it.
fn wrap(script: &Path, program: &str) -> Outcome {
    let text = format!(
        "#!/bin/sh\nhere=$(dirname \"$0\")\nLD_LIBRARY_PATH=\"$here/{LIBRARIES}\" exec \"$here/{program}\" \"$@\"\n"
    );
    write(script, &text)?;
    succeed(Command::new("chmod").arg("+x").arg(script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_debian_and_cargo_compare() {
        assert_eq!(version("1.96.0+dfsg1-1~deb12u2"), Some((1, 96)));
        assert_eq!(version("\"1.89\""), Some((1, 89)));
        assert_eq!(version("(none)"), None);
        assert!(version("1.85.0") < version("1.89"));
    }

    #[test]
    fn an_old_or_missing_compiler_is_refused() {
        let place = Place::find().unwrap();
        assert!(new_enough(&place, "rustc-web:\n  Candidate: 1.85.0+dfsg3\n").unwrap_err().contains("older"));
        assert!(new_enough(&place, "rustc-web:\n  Candidate: (none)\n").unwrap_err().contains("no rustc-web"));
        assert_eq!(new_enough(&place, "  Candidate: 9.0.0\n"), Ok(()));
    }

    #[test]
    fn the_machines_own_cross_packages_are_forgotten_and_the_rest_stays() {
        let plain = "Package: libc6\nStatus: install ok installed\n\n";
        let cross = ["gcc-12-aarch64-linux-gnu", "libc6-armhf-cross", "rustc-web", "libstd-rust-web-1.85"]
            .map(|name| format!("Package: {name}\nStatus: install ok installed\n\n"));
        assert_eq!(without_cross_packages(&format!("{}{plain}", cross.concat())), plain);
    }

    #[test]
    fn apt_keeps_its_state_below_the_folder() {
        let text = configuration(Path::new("some/apt"));
        assert!(text.contains("Dir::State \"some/apt/state\";") && text.contains("\"arm64\""), "{text}");
    }
}
