//! One Debian package: what lies where, and what Debian's own tools need to know of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packaging;
use super::tree::Tree;
use crate::shell::{Outcome, Place, output_of, succeed};

/// What a package is made of.
pub(crate) struct Package<'a> {
    /// Program and package.
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) architecture: &'a str,
    /// Its programs.
    pub(crate) programs: &'a [Installed],
    /// Licences of the libraries in the program.
    pub(crate) notices: &'a str,
    /// Seconds since 1970 that every file carries.
    pub(crate) epoch: u64,
    /// As dpkg-deb names it.
    pub(crate) compression: &'a str,
}

/// A program of a package.
pub(crate) struct Installed {
    pub(crate) name: &'static str,
    /// As it is installed.
    pub(crate) program: PathBuf,
    /// The same for this machine, which writes its own manual pages and completions.
    pub(crate) host_program: PathBuf,
}

const AGENT_ABOUT: &str = "trains a model on this machine's data, together with others (agent)
 Heijunka trains one model together on the computers that a factory already
 owns. This is the agent: it takes its share of each batch from an MQTT broker,
 computes gradients on this machine's own data and sends them back. Data stay
 where they are, and the machine's first job goes first.";
const AGGREGATOR_ABOUT: &str = "trains a model together with the agents of a plant (aggregator)
 Heijunka trains one model together on the computers that a factory already
 owns. This is the aggregator: it learns how fast each machine is, gives each
 its share, averages what comes back over MQTT, and writes the model as ONNX and
 safetensors. A page in the browser shows how it goes.";
/// Settings as installed: the service reads and writes below its own folder.
const MOVED_SETTINGS: [(&str, &str, &str); 2] = [
    ("agent", "path = 'data.csv'", "path = '/var/lib/heijunka/agent/data.csv'"),
    ("aggregator", "# directory = \"heijunka-output\"", "directory = \"/var/lib/heijunka/aggregator\""),
];

impl Package<'_> {
    /// `agent` or `aggregator`.
    fn kind(&self) -> &str {
        self.name.trim_start_matches("heijunka-")
    }

    fn is_agent(&self) -> bool {
        self.kind() == "agent"
    }

    fn units(&self) -> &'static [&'static str] {
        match self.is_agent() {
            true => &["heijunka-agent.service", "heijunka-agent@.service"],
            false => &["heijunka-aggregator.service"],
        }
    }

    /// As `systemctl` takes them: all instances of a template.
    fn unit_patterns(&self) -> &'static str {
        if self.is_agent() {
            "heijunka-agent.service 'heijunka-agent@*.service'"
        } else {
            "heijunka-aggregator.service"
        }
    }

    fn filled(&self, text: &str) -> String {
        text.replace("@PACKAGE@", self.name).replace("@KIND@", self.kind()).replace("@UNITS@", self.unit_patterns())
    }

    fn date(&self, format: &str) -> Outcome<String> {
        let at = format!("@{}", self.epoch);
        let said = output_of(Command::new("date").env("LC_ALL", "C").args(["-u", "-d", &at, format]))?;
        Ok(said.trim().to_owned())
    }

    fn changelog(&self) -> Outcome<String> {
        let date = self.date("+%a, %d %b %Y %H:%M:%S %z")?;
        Ok(format!(
            "{} ({}) stable; urgency=medium\n\n  * Built from the project's source; its CHANGELOG.md says what is new.\n\n -- {}  {date}\n",
            self.name,
            self.version,
            maintainer()
        ))
    }

    fn control(&self, kib: u64) -> String {
        let (about, suggests) =
            if self.is_agent() { (AGENT_ABOUT, "") } else { (AGGREGATOR_ABOUT, "Suggests: mosquitto\n") };
        format!(
            "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: {}\nInstalled-Size: {kib}\n\
             Depends: systemd\n{suggests}Section: science\nPriority: optional\n\
             Description: {about}\n",
            self.name,
            self.version,
            self.architecture,
            maintainer()
        )
    }
}

/// From the variables that Debian's own tools read; without them the address is invalid on purpose.
fn maintainer() -> String {
    let said = |name: &str, otherwise: &str| std::env::var(name).unwrap_or_else(|_| otherwise.to_owned());
    format!(
        "{} <{}>",
        said("DEBFULLNAME", "The Heijunka maintainers"),
        said("DEBEMAIL", "maintainers@heijunka.invalid")
    )
}

/// Builds the package in `out` and returns its path.
pub(crate) fn build(place: &Place, package: &Package<'_>, out: &Path) -> Outcome<PathBuf> {
    let work = place.target.join("package").join(format!("{}-{}", package.name, package.architecture));
    let tree = Tree::new(&work.join("tree"))?;
    add_program(place, package, &tree)?;
    add_manual(package, &tree, &work.join("manual"))?;
    add_completions(package, &tree)?;
    add_papers(place, package, &tree)?;
    add_control(place, package, &tree)?;
    let deb = out.join(format!("{}_{}_{}.deb", package.name, package.version, package.architecture));
    succeed(
        Command::new("dpkg-deb")
            .args(["--root-owner-group", &format!("-Z{}", package.compression), "--build"])
            .arg(tree.root())
            .arg(&deb)
            .env("SOURCE_DATE_EPOCH", package.epoch.to_string()),
    )?;
    Ok(deb)
}

fn add_program(place: &Place, package: &Package<'_>, tree: &Tree) -> Outcome {
    let (name, kind) = (package.name, package.kind());
    for installed in package.programs {
        tree.copy(&format!("usr/bin/{}", installed.name), 0o755, &installed.program)?;
    }
    for unit in package.units() {
        tree.copy(&format!("usr/lib/systemd/system/{unit}"), 0o644, &packaging(place, &format!("systemd/{unit}")))?;
    }
    tree.copy(&format!("usr/lib/sysusers.d/{name}.conf"), 0o644, &packaging(place, "sysusers/heijunka.conf"))?;
    let sample = place.root.join(kind).join(format!("{kind}.sample.toml"));
    let sample = fs::read_to_string(&sample).map_err(|error| format!("{}: {error}", sample.display()))?;
    tree.write(&format!("usr/share/{name}/{kind}.toml"), 0o644, settings(kind, &sample)?.as_bytes())?;
    // Empty, so that settings have a place before anything is configured.
    let marker = tree.write("etc/heijunka/marker", 0o644, b"")?;
    fs::remove_file(&marker).map_err(|error| format!("{}: {error}", marker.display()))
}

/// The sample as a service needs it.
fn settings(kind: &str, sample: &str) -> Outcome<String> {
    let mut text = sample.to_owned();
    for (_, from, to) in MOVED_SETTINGS.iter().filter(|moved| moved.0 == kind) {
        if !text.contains(from) {
            return Err(format!(
                "{kind}.sample.toml has no line {from:?}: correct MOVED_SETTINGS in xtask/src/dist/package.rs"
            ));
        }
        text = text.replacen(from, to, 1);
    }
    Ok(text)
}

fn add_manual(package: &Package<'_>, tree: &Tree, folder: &Path) -> Outcome {
    super::empty(folder)?;
    for installed in package.programs {
        succeed(Command::new(&installed.host_program).arg("manual").arg(folder))?;
    }
    let pages = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for page in pages.filter_map(Result::ok) {
        let bytes = fs::read(page.path()).map_err(|error| format!("{}: {error}", page.path().display()))?;
        tree.write_packed(&format!("usr/share/man/man1/{}", page.file_name().to_string_lossy()), &bytes)?;
    }
    Ok(())
}

fn add_completions(package: &Package<'_>, tree: &Tree) -> Outcome {
    for Installed { name, host_program, .. } in package.programs {
        for (shell, file) in [
            ("bash", format!("usr/share/bash-completion/completions/{name}")),
            ("zsh", format!("usr/share/zsh/vendor-completions/_{name}")),
            ("fish", format!("usr/share/fish/vendor_completions.d/{name}.fish")),
        ] {
            let text = output_of(Command::new(host_program).args(["completions", shell]))?;
            tree.write(&file, 0o644, text.as_bytes())?;
        }
    }
    Ok(())
}

fn add_papers(place: &Place, package: &Package<'_>, tree: &Tree) -> Outcome {
    let documents = format!("usr/share/doc/{}", package.name);
    let read = |file: PathBuf| fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()));
    let licence = read(place.root.join("LICENSE-MIT"))?;
    let licence: Vec<&str> =
        licence.lines().map(str::trim).map(|line| if line.is_empty() { "." } else { line }).collect();
    let copyright = read(packaging(place, "debian/copyright"))?.replace("@MIT@", &format!(" {}", licence.join("\n ")));
    tree.write(&format!("{documents}/copyright"), 0o644, copyright.as_bytes())?;
    tree.write_packed(&format!("{documents}/changelog"), package.changelog()?.as_bytes())?;
    tree.write_packed(&format!("{documents}/third-party.txt"), package.notices.as_bytes())?;
    tree.copy(&format!("{documents}/README.md"), 0o644, &packaging(place, "README.md"))?;
    let overrides = package.filled(&read(packaging(place, "debian/lintian-overrides"))?);
    tree.write(&format!("usr/share/lintian/overrides/{}", package.name), 0o644, overrides.as_bytes()).map(drop)
}

fn add_control(place: &Place, package: &Package<'_>, tree: &Tree) -> Outcome {
    let kib = tree.kib()?;
    for script in ["postinst", "prerm", "postrm"] {
        let file = packaging(place, &format!("debian/{script}"));
        let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        tree.write(&format!("DEBIAN/{script}"), 0o755, package.filled(&text).as_bytes())?;
    }
    let sums = "find . -path ./DEBIAN -prune -o -type f -printf '%P\\0' | sort -z | xargs -0 md5sum";
    let sums = output_of(Command::new("sh").args(["-c", sums]).env("LC_ALL", "C").current_dir(tree.root()))?;
    tree.write("DEBIAN/md5sums", 0o644, sums.as_bytes())?;
    tree.write("DEBIAN/control", 0o644, package.control(kib).as_bytes()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_settings_lie_where_the_service_may_write() {
        let place = Place::find().unwrap();
        for (kind, _, wanted) in MOVED_SETTINGS {
            let sample = fs::read_to_string(place.root.join(kind).join(format!("{kind}.sample.toml"))).unwrap();
            assert!(settings(kind, &sample).unwrap().lines().any(|line| line.starts_with(wanted)), "{kind}");
            assert!(settings(kind, "nothing").unwrap_err().contains("MOVED_SETTINGS"));
        }
    }
}
