//! A broker, an agent and an aggregator on this machine, for as long as it takes to measure.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use xtask::shell::{Outcome, find_program};

/// How long anything may take, far beyond what it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A folder for settings and logs, and a broker.
pub(crate) struct Plant {
    folder: PathBuf,
    port: u16,
    broker: Option<Program>,
}

/// A running program; it ends with this.
pub(crate) struct Program {
    name: String,
    process: Child,
    log: PathBuf,
}

/// A free port of the loopback.
pub(crate) fn free_port() -> Outcome<u16> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

impl Plant {
    pub(crate) fn new(folder: &Path, port: u16) -> Self {
        Self { folder: folder.to_owned(), port, broker: None }
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Outcome {
        let file = self.folder.join(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// `limits`: lines of `[limits]` besides the one thread.
    pub(crate) fn write_agent(&self, broker: &str, data: &Path, limits: &str) -> Outcome {
        let data = data.display();
        let text = format!(
            "site = \"plant\"\njob = \"digits\"\nagent_id = \"old-machine\"\n[broker]\n{broker}\n\
             [data]\npath = '{data}'\nheader = false\n[limits]\ncpu_threads = 1\n{limits}\n"
        );
        self.write("agent.toml", &text)
    }

    pub(crate) fn write_job(&self, rounds: &str) -> Outcome {
        let text = format!(
            "site = \"plant\"\njob = \"digits\"\n[broker]\nurl = \"{}\"\n\
             [task]\nkind = \"classification\"\ntarget = \"col64\"\n[training]\nmax_rounds = {rounds}\n",
            self.url()
        );
        self.write("aggregator.toml", &text)
    }

    pub(crate) fn start_broker(&mut self) -> Outcome {
        let program = find_program("mosquitto").ok_or("mosquitto is not installed")?;
        self.write("mosquitto.conf", &format!("listener {} 127.0.0.1\nallow_anonymous true\n", self.port))?;
        let config = self.folder.join("mosquitto.conf");
        self.broker = Some(self.spawn(Command::new(program).arg("-c").arg(config), "mosquitto")?);
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if Instant::now() > deadline {
                return Err("mosquitto does not listen".into());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Starts a program with the settings `name.toml`.
    pub(crate) fn start(&self, program: &Path, name: &str) -> Outcome<Program> {
        self.spawn(Command::new(program).args(["run", "--config", &format!("{name}.toml")]), name)
    }

    /// Starts a command on one processor alone.
    pub(crate) fn start_pinned(&self, processor: &str, words: &[&str], name: &str) -> Outcome<Program> {
        let program = find_program("taskset").ok_or("taskset (util-linux) is not installed")?;
        self.spawn(Command::new(program).args(["-c", processor]).args(words), name)
    }

    fn spawn(&self, command: &mut Command, name: &str) -> Outcome<Program> {
        let log = self.folder.join(format!("{name}.log"));
        let failed = |error: std::io::Error| format!("{name}: {error}");
        let file = File::create(&log).map_err(failed)?;
        let process = command
            .current_dir(&self.folder)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(file.try_clone().map_err(failed)?)
            .stderr(file)
            .spawn()
            .map_err(failed)?;
        Ok(Program { name: name.to_owned(), process, log })
    }

    /// What a program says that is expected to fail.
    pub(crate) fn refusal(&self, program: &Path, args: &[&str]) -> Outcome<String> {
        let output = Command::new(program).args(args).current_dir(&self.folder).env("NO_COLOR", "1").output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Program {
    fn text(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until its log holds `text`.
    pub(crate) fn wait_for(&mut self, text: &str) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        while !self.text().contains(text) {
            let ended = self.process.try_wait().map_err(|error| error.to_string())?.is_some();
            if ended || Instant::now() > deadline {
                return Err(format!("{}: no \"{text}\" in\n{}", self.name, self.text()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Waits until it ends well.
    pub(crate) fn succeed(mut self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.process.try_wait().map_err(|error| error.to_string())? {
                Some(status) if status.success() => return Ok(()),
                None if Instant::now() < deadline => std::thread::sleep(LOOK_EVERY),
                _ => return Err(format!("{} did not end well:\n{}", self.name, self.text())),
            }
        }
    }

    /// Processor time that it has had, in seconds: utime and stime of proc(5), in ticks of a hundredth.
    pub(crate) fn cpu_seconds(&self) -> Outcome<f64> {
        let file = format!("/proc/{}/stat", self.process.id());
        let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        ticks(&text).map(|ticks| ticks as f64 / 100.0).ok_or_else(|| format!("{file} has no processor time"))
    }

    /// A line of the system's account of its memory (proc(5): `VmRSS`, or `VmHWM` for the most so far), in bytes.
    pub(crate) fn memory(&self, line: &str) -> Outcome<f64> {
        let file = format!("/proc/{}/status", self.process.id());
        let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        kilobytes(&text, line).map(|kilobytes| kilobytes * 1024.0).ok_or_else(|| format!("{file} has no {line}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is gone after the wait.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// User and system time; the name before them is in brackets and may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn kilobytes(status: &str, line: &str) -> Option<f64> {
    let rest = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    rest.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_account_is_read() {
        let status = "Name:\tagent\nVmHWM:\t    5120 kB\nVmRSS:\t    4096 kB\nThreads:\t2\n";
        assert_eq!(kilobytes(status, "VmRSS"), Some(4096.0));
        assert_eq!(kilobytes(status, "VmHWM"), Some(5120.0));
        assert_eq!(kilobytes(status, "VmSwap"), None);
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 95 0 0 0 120 30 0 0 20 0 1 0 5 0 0";
        assert_eq!((ticks(stat), ticks("42 (a) S 1")), (Some(150), None));
    }
}
