//! Starts a real Mosquitto for tests: a shipped `broker-config/*/mosquitto.conf` with ports and directories replaced.
//!
//! The process is killed when its handle is dropped. Starting blocks for some tens of milliseconds.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Credentials;

/// Time for Mosquitto to listen.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Ports tried, in case another program takes one between choosing and listening.
const PORTS_TRIED: usize = 5;

/// Which of the shipped configurations.
#[derive(Debug, Clone, Default)]
pub enum Shipped {
    /// `broker-config/local`: one machine, no login.
    #[default]
    Local,
    /// `broker-config/production`: its first port takes passwords, its second one client certificates.
    Production {
        /// What `broker-config/make.sh` has made for the broker, in place of `/etc/mosquitto/heijunka`.
        folder: PathBuf,
    },
}

/// What differs from the shipped configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which configuration is started.
    pub shipped: Shipped,
    /// Do not keep anything on disk: a restart loses sessions and retained messages.
    pub without_persistence: bool,
    /// Save after every change instead of every second: a crash loses next to nothing, a round costs far more.
    pub saving_every_change: bool,
    /// Another limit of packets, in bytes.
    pub packet_bytes_max: Option<u32>,
    /// The login, if one is needed.
    pub login: Option<Credentials>,
    /// More lines of configuration.
    pub more_lines: String,
}

/// A running Mosquitto on free ports of 127.0.0.1, with a directory of its own.
#[derive(Debug)]
pub struct Mosquitto {
    program: PathBuf,
    directory: TempDir,
    ports: Vec<u16>,
    process: Child,
}

impl Mosquitto {
    /// Where Mosquitto is installed, if it is.
    #[must_use]
    pub fn find() -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into(), "/usr/local/sbin".into(), "/opt/homebrew/sbin".into()])
            .map(|directory| directory.join("mosquitto"))
            .find(|program| program.is_file())
    }

    /// Starts it and waits until it listens.
    ///
    /// # Errors
    /// Not installed, cannot be started, or does not listen within 10 s; its log is in the error.
    pub fn start(options: &Options) -> io::Result<Self> {
        let program = Self::find().ok_or_else(|| io::Error::other("mosquitto is not installed"))?;
        let directory = TempDir::new()?;
        let mut last_error = io::Error::other("no port was tried");
        for _ in 0..PORTS_TRIED {
            let ports = write_configuration(directory.path(), options)?;
            match launch(&program, directory.path(), &ports) {
                Ok(process) => return Ok(Self { program, directory, ports, process }),
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }

    /// The first port it listens on; a restart keeps it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.ports.first().copied().unwrap_or_default()
    }

    /// All ports, in the configuration's order; a restart keeps them.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// The address with its first port.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))
    }

    /// Kills it with SIGKILL, as a power cut would.
    ///
    /// # Errors
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.kill()?;
        self.process.wait().map(drop)
    }

    /// Starts it again after [`Mosquitto::kill`], on the same port with the same directory.
    ///
    /// # Errors
    /// As for [`Mosquitto::start`].
    pub fn start_again(&mut self) -> io::Result<()> {
        self.process = launch(&self.program, self.directory.path(), &self.ports)?;
        Ok(())
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // It may be dead already.
        let _ = self.kill();
    }
}

/// A free port that is not in `taken`.
fn free_port(taken: &[u16]) -> io::Result<u16> {
    loop {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        if !taken.contains(&port) {
            return Ok(port);
        }
    }
}

/// Where the shipped configurations expect what `make.sh` makes.
const INSTALLED: &str = "/etc/mosquitto/heijunka";

fn shipped_configuration(shipped: &Shipped) -> io::Result<String> {
    let configurations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../broker-config");
    match shipped {
        Shipped::Local => fs::read_to_string(configurations.join("local/mosquitto.conf")),
        Shipped::Production { folder } => {
            let text = fs::read_to_string(configurations.join("production/mosquitto.conf"))?;
            Ok(text.replace(INSTALLED, &folder.display().to_string()))
        }
    }
}

/// Writes what is started, and returns a port for each of its listeners.
fn write_configuration(directory: &Path, options: &Options) -> io::Result<Vec<u16>> {
    let mut text = String::new();
    let mut ports = Vec::new();
    for line in shipped_configuration(&options.shipped)?.lines() {
        let line = match line.split(' ').next().unwrap_or_default() {
            "listener" => {
                let port = free_port(&ports)?;
                ports.push(port);
                format!("listener {port} 127.0.0.1")
            }
            "persistence_location" => format!("persistence_location {}/", directory.display()),
            "persistence" if options.without_persistence => "persistence false".to_owned(),
            "autosave_on_changes" if options.saving_every_change => "autosave_on_changes true".to_owned(),
            "allow_anonymous" if options.login.is_some() => "allow_anonymous false".to_owned(),
            "max_packet_size" => match options.packet_bytes_max {
                Some(bytes) => format!("max_packet_size {bytes}"),
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    // Started by root it would become the user mosquitto, who cannot write here.
    text.push_str("user root\n");
    if let Some(login) = &options.login {
        let passwords = directory.join("passwords");
        write_passwords(&passwords, login)?;
        let _ = writeln!(text, "password_file {}", passwords.display());
    }
    text.push_str(&options.more_lines);
    fs::write(directory.join("mosquitto.conf"), text)?;
    Ok(ports)
}

fn write_passwords(file: &Path, login: &Credentials) -> io::Result<()> {
    let done = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(file)
        .args([&login.username, &login.password])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if done.success() { Ok(()) } else { Err(io::Error::other("mosquitto_passwd failed")) }
}

fn launch(program: &Path, directory: &Path, ports: &[u16]) -> io::Result<Child> {
    let log_file = directory.join("log");
    let log = fs::OpenOptions::new().create(true).append(true).open(&log_file)?;
    let mut process = Command::new(program)
        .arg("-c")
        .arg(directory.join("mosquitto.conf"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    let deadline = Instant::now() + START_TIMEOUT;
    while process.try_wait()?.is_none() && Instant::now() < deadline {
        let listens = |port: &u16| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok();
        if ports.iter().all(listens) && process.try_wait()?.is_none() {
            return Ok(process);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = process.kill();
    let _ = process.wait();
    Err(io::Error::other(format!("mosquitto does not listen; its log: {}", fs::read_to_string(log_file)?)))
}
