//! Where the workspace lies, and how the helper starts other programs.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What every step returns; the error is a message for the person at the terminal.
pub type Outcome<T = ()> = Result<T, String>;

/// The workspace and its build directory.
pub struct Place {
    /// The folder with the workspace's Cargo.toml.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
}

impl Place {
    /// From the folder that cargo names to a program that it runs, else from the current directory.
    pub fn find() -> Outcome<Self> {
        let here = std::env::current_dir().map_err(|error| format!("no current directory: {error}"))?;
        let start = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| here.clone(), PathBuf::from);
        let root = start
            .ancestors()
            .find(|folder| folder.join("Cargo.lock").is_file())
            .ok_or("not in a workspace: run it inside the project's folder")?
            .to_path_buf();
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |set| here.join(set));
        Ok(Self { root, target })
    }

    /// A cargo command in the workspace, without standard input.
    pub fn cargo(&self, args: &[&str]) -> Command {
        self.command(std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from), args)
    }

    /// Any program in the workspace, without standard input.
    pub fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(args).current_dir(&self.root).stdin(Stdio::null());
        command
    }
}

/// Runs a command to its end; anything but success is an error that shows the command.
pub fn succeed(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| format!("{}: {error}", shown(command)))?;
    judge(command, status)
}

/// As [`succeed`], but ends the command when it takes longer than `limit`.
pub fn succeed_within(command: &mut Command, limit: Duration) -> Outcome {
    let mut child = command.spawn().map_err(|error| format!("{}: {error}", shown(command)))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("{}: {error}", shown(command)))? {
            return judge(command, status);
        }
        if started.elapsed() > limit {
            // It may have ended by itself in between; either way it is gone after the wait.
            child.kill().and_then(|()| child.wait()).map_err(|error| format!("{}: {error}", shown(command)))?;
            return Err(format!("{}: still running after {} s", shown(command), limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs a command and returns what it printed.
pub fn output_of(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("{}: {error}", shown(command)))?;
    judge(command, output.status)
        .map_err(|message| format!("{message}\n{}", String::from_utf8_lossy(&output.stderr).trim_end()))?;
    String::from_utf8(output.stdout).map_err(|_| format!("{}: printed no text", shown(command)))
}

/// A program in PATH or in the system folders that are missing from an ordinary user's PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(system).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn judge(command: &Command, status: ExitStatus) -> Outcome {
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", shown(command))) }
}

fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let args = command.get_args().map(|arg| arg.to_string_lossy());
    std::iter::once(name.to_string_lossy()).chain(args).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_an_error_that_shows_it() {
        let message = succeed(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(message.contains("sh -c exit 3") && message.contains('3'), "{message}");
        assert!(succeed(&mut Command::new("true")).is_ok());
        assert!(succeed(&mut Command::new("no-such-program-anywhere")).is_err());
    }

    #[test]
    fn a_command_past_its_limit_is_ended() {
        let message = succeed_within(Command::new("sleep").arg("600"), Duration::from_millis(1)).unwrap_err();
        assert!(message.contains("still running after"), "{message}");
    }
}
