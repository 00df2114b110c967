//! A program under test: started, watched by its log, stopped by signal, and never left behind.

use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test fails; far beyond what it takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output and standard error, in the order of writing.
    pub log: String,
}

/// A running program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    log: PathBuf,
}

/// The folder where cargo puts the programs: two above this test's own executable.
fn programs() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    own.ancestors().nth(2).map(Path::to_owned).ok_or_else(|| io::Error::other("the folder of the test is unknown"))
}

impl Program {
    /// Starts `heijunka-agent` or `heijunka-aggregator`, whose output goes to `log`.
    ///
    /// # Errors
    /// The program has not been built (`cargo build --workspace --bins`), or the system refuses.
    pub fn start(name: &str, arguments: &[&str], folder: &Path, log: &Path) -> io::Result<Self> {
        Self::start_with(name, arguments, folder, log, &[])
    }

    /// As [`Program::start`], with further variables in its environment.
    ///
    /// # Errors
    /// As [`Program::start`].
    pub fn start_with(
        name: &str,
        arguments: &[&str],
        folder: &Path,
        log: &Path,
        environment: &[(&str, &str)],
    ) -> io::Result<Self> {
        let program = programs()?.join(name);
        let file = File::create(log)?;
        let child = Command::new(&program)
            .args(arguments)
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::from(file.try_clone()?))
            .stderr(Stdio::from(file))
            .spawn()
            .map_err(|error| io::Error::other(format!("{}: {error}; build it first", program.display())))?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// What it has written so far.
    #[must_use]
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until its log holds `text`.
    ///
    /// # Errors
    /// It ends before, or takes too long; the log is in the error.
    pub fn wait_for(&mut self, text: &str) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.child.try_wait()?.is_some();
            let log = self.text();
            if log.contains(text) {
                return Ok(());
            }
            if ended || Instant::now() > deadline {
                let why = if ended { "it ended without" } else { "still no" };
                return Err(io::Error::other(format!("{why} {text:?} in:\n{log}")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends.
    ///
    /// # Errors
    /// It takes too long; the log is in the error.
    pub fn wait(mut self) -> io::Result<Ended> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(self.ended(status));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("it does not end:\n{}", self.text())));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        Ended { code: status.code(), log: self.text() }
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| io::Error::other("no process id"))?, signal).map_err(io::Error::from)
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// It takes too long.
    pub fn stop(self) -> io::Result<Ended> {
        self.signal(Signal::TERM)?;
        self.wait()
    }

    /// Sends SIGHUP, as a terminal does that is closed.
    ///
    /// # Errors
    /// What the system says.
    pub fn hang_up(&self) -> io::Result<()> {
        self.signal(Signal::HUP)
    }

    /// Kills it, as a power cut would.
    ///
    /// # Errors
    /// What the system says.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Freezes it (SIGSTOP).
    ///
    /// # Errors
    /// What the system says.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Resumes it (SIGCONT).
    ///
    /// # Errors
    /// What the system says.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.is_running() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
