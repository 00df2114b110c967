//! Manual pages and shell completions, made from the command line that a program really has.

use clap::{Command, ValueEnum};
use clap_mangen::Man;
use heijunka_settings::{Exit, Failure};
use roff::{Roff, bold, roman};
use std::io::{self, Write};
use std::path::Path;

/// The shells that completions are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash.
    Bash,
    /// Fish.
    Fish,
    /// Z shell.
    Zsh,
}

/// What a program's page says beyond its command line. Each pair is a term and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Manual {
    /// Files that the program reads and writes.
    pub files: &'static [(&'static str, &'static str)],
    /// Command lines, and what they are for.
    pub examples: &'static [(&'static str, &'static str)],
    /// Related pages, as `name(section)`.
    pub see_also: &'static str,
}

const ENVIRONMENT: &[(&str, &str)] = &[
    ("NO_COLOR", "If it is set and not empty, nothing is written in colour."),
    ("NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd: the program reports its state to it, and that it is alive."),
];
const EXIT_STATUS: &[(&str, &str)] = &[
    ("0", "Done, or stopped by SIGINT, SIGTERM or SIGHUP (which `nohup` blocks)."),
    ("64", "The command line is invalid."),
    ("69", "Something that is needed is not available (broker, disk): trying again may help."),
    ("78", "Settings or data are wrong: correct them; trying again does not help."),
];

/// Prints the completions of `command` for a shell.
///
/// # Errors
/// Standard output cannot be written to.
pub fn print_completions(shell: Shell, mut command: Command) -> Result<(), Failure> {
    let mut text = Vec::new();
    let name = command.get_name().to_owned();
    match shell {
        Shell::Bash => clap_complete::generate(clap_complete::Shell::Bash, &mut command, name, &mut text),
        Shell::Fish => clap_complete::generate(clap_complete::Shell::Fish, &mut command, name, &mut text),
        Shell::Zsh => clap_complete::generate(clap_complete::Shell::Zsh, &mut command, name, &mut text),
    }
    io::stdout()
        .write_all(&text)
        .map_err(|error| Failure::new(Exit::Unavailable, "cannot write the completions").why(error.to_string()))
}

/// Writes a page for `command` and one for each of its subcommands into `folder`.
///
/// # Errors
/// The folder cannot be made or written to.
pub fn write_manual(folder: &Path, command: Command, manual: &Manual) -> Result<(), Failure> {
    let cannot = |error: io::Error| {
        Failure::new(Exit::Unavailable, format!("cannot write to {}", folder.display())).why(error.to_string())
    };
    std::fs::create_dir_all(folder).map_err(cannot)?;
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let source = format!("{} {}", command.get_name(), command.get_version().unwrap_or_default());
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        let name = sub.get_display_name().unwrap_or_else(|| sub.get_name()).to_owned();
        let page = Man::new(sub.clone()).manual("Heijunka").source(&source);
        let mut text = Vec::new();
        page.render(&mut text).map_err(cannot)?;
        std::fs::write(folder.join(format!("{name}.1")), text).map_err(cannot)?;
    }
    let name = command.get_name().to_owned();
    let text = main_page(command, manual).map_err(cannot)?;
    std::fs::write(folder.join(format!("{name}.1")), text).map_err(cannot)
}

fn main_page(command: Command, manual: &Manual) -> io::Result<Vec<u8>> {
    let page = Man::new(command).manual("Heijunka");
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    page.render_subcommands_section(&mut text)?;
    let mut more = Roff::new();
    section(&mut more, "FILES", manual.files);
    section(&mut more, "ENVIRONMENT", ENVIRONMENT);
    section(&mut more, "EXIT STATUS", EXIT_STATUS);
    section(&mut more, "EXAMPLES", manual.examples);
    more.control("SH", ["SEE ALSO"]).text([roman(manual.see_also)]);
    more.to_writer(&mut text)?;
    Ok(text)
}

fn section(page: &mut Roff, title: &str, terms: &[(&str, &str)]) {
    page.control("SH", [title]);
    for (term, meaning) in terms {
        page.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn each_subcommand_has_a_page_and_the_main_one_says_how_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let command = Command::new("press")
            .about("Presses.")
            .subcommand(Command::new("run").about("Runs.").arg(Arg::new("config").long("config")))
            .subcommand(Command::new("secret").hide(true));
        let manual = Manual {
            files: &[("/etc/press.toml", "Settings.")],
            examples: &[("press run", "Runs until it is stopped.")],
            see_also: "systemd(1)",
        };
        write_manual(folder.path(), command, &manual).unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let main = read("press.1");
        for part in ["EXIT STATUS", "FILES", "ENVIRONMENT", "EXAMPLES", "press.toml", "78", "press\\-run(1)"] {
            assert!(main.contains(part), "{part} in:\n{main}");
        }
        assert!(read("press-run.1").contains("\\-\\-config"));
        assert!(!main.contains("secret") && !folder.path().join("press-secret.1").exists());
    }
}
