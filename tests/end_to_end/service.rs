//! Both programs as services: what systemd receives, and that they stop when asked, without a broker and with one.

use heijunka_tests::{Plant, Program, digits};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long anything may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(120);
/// Short, so that reports to the watchdog come soon.
const WATCHDOG_US: &str = "600000";
/// A port that no broker listens on.
const NO_BROKER: &str = "mqtt://127.0.0.1:9";

/// Stands in for systemd: a socket that receives its notifications.
struct Manager {
    socket: UnixDatagram,
    received: Vec<String>,
}

impl Manager {
    fn new(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        Self { socket, received: Vec::new() }
    }

    /// Waits until a line that `wanted` accepts was received, and returns how many lines came before it.
    fn wait_for(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> usize {
        let (deadline, begin) = (Instant::now() + PATIENCE, self.received.len());
        loop {
            let mut bytes = [0; 4096];
            match self.socket.recv(&mut bytes) {
                Ok(count) => {
                    let text = String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()).into_owned();
                    self.received.extend(text.lines().map(str::to_owned));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
            if let Some(at) = self.received.iter().skip(begin).position(|line| wanted(line)) {
                return begin + at;
            }
            assert!(Instant::now() < deadline, "no {what} in {:?}", self.received);
        }
    }

    fn wait_for_line(&mut self, line: &str) -> usize {
        self.wait_for(line, |received| received == line)
    }
}

fn start(folder: &Path, name: &str, socket: &str) -> Program {
    let config = format!("{name}.toml");
    let environment = [("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", WATCHDOG_US)];
    let log = folder.join(format!("{name}.log"));
    Program::start_with(&format!("heijunka-{name}"), &["run", "--config", &config], folder, &log, &environment).unwrap()
}

fn write_settings(plant: &Plant, url: &str) {
    let common = format!("site = \"test\"\njob = \"job\"\n[broker]\nurl = \"{url}\"\nreconnect_max = \"1s\"\n");
    plant.write("agent.toml", format!("{common}[data]\npath = {:?}\nheader = false\n", digits())).unwrap();
    let job = "[task]\nkind = \"classification\"\ntarget = \"col64\"\n[training]\nmax_rounds = 1000000\n";
    plant.write("aggregator.toml", format!("{common}{job}[web]\nlisten = \"off\"\n")).unwrap();
}

#[test]
fn without_a_broker_a_service_is_ready_alive_and_stops_when_asked() {
    let plant = Plant::new().unwrap();
    write_settings(&plant, NO_BROKER);
    for name in ["agent", "aggregator"] {
        let path = plant.folder().join(format!("{name}.socket"));
        let mut manager = Manager::new(&path);
        let program = start(plant.folder(), name, path.to_str().unwrap());
        manager.wait_for_line("READY=1");
        let waiting = "STATUS=waiting for the broker at 127.0.0.1:9";
        assert!(manager.received.iter().any(|line| line == waiting), "{:?}", manager.received);
        manager.wait_for_line("WATCHDOG=1");
        manager.wait_for_line("WATCHDOG=1");
        let ended = program.stop().unwrap();
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.log);
        manager.wait_for_line("STOPPING=1");
    }
}

#[test]
fn a_service_reports_what_it_does_and_a_frozen_one_stops_reporting() {
    let plant = Plant::new().unwrap();
    write_settings(&plant, &plant.url());
    let at = |name: &str| plant.folder().join(name);
    let (mut agent_told, mut aggregator_told) = (Manager::new(&at("a.socket")), Manager::new(&at("g.socket")));
    let agent = start(plant.folder(), "agent", at("a.socket").to_str().unwrap());
    agent_told.wait_for("job to wait for", |line| line == "STATUS=waiting for job job at test");
    let aggregator = start(plant.folder(), "aggregator", at("g.socket").to_str().unwrap());
    agent_told.wait_for("share", |line| line.starts_with("STATUS=job job, round ") && line.ends_with("256 samples"));
    aggregator_told.wait_for("round", |line| line.contains("of 1000000, 1 agent online") && line.contains("loss"));
    agent.freeze().unwrap();
    while agent_told.socket.recv(&mut [0; 4096]).is_ok() {}
    assert!(agent_told.socket.recv(&mut [0; 4096]).is_err(), "a frozen agent gave a sign of life");
    agent.thaw().unwrap();
    agent_told.wait_for_line("WATCHDOG=1");
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    aggregator_told.wait_for_line("STOPPING=1");
    assert_eq!(agent.stop().unwrap().code, Some(0));
}
