//! A Mosquitto for one measurement, by the shipped configuration, that counts the bytes it moves.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use xtask::shell::{Outcome, Place, find_program, output_of};

/// Time for Mosquitto to listen.
const START: Duration = Duration::from_secs(10);
/// Mosquitto publishes its counters once a second; some more, so that they hold what came last.
const COUNTERS_SETTLE: Duration = Duration::from_millis(2500);

/// A broker that ends with this value.
pub(crate) struct Mosquitto {
    process: Child,
    port: u16,
    config: PathBuf,
}

/// Bytes since the broker's start, by its own count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// From all clients.
    pub(crate) received: f64,
    /// To all clients.
    pub(crate) sent: f64,
}

impl Mosquitto {
    /// Starts it on a free port of the loopback and waits until it listens. Nothing is kept on disk.
    pub(crate) fn start(place: &Place) -> Outcome<Self> {
        let program = find_program("mosquitto").ok_or("mosquitto is not installed")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| format!("no free port: {error}"))?.port();
        let shipped = place.root.join("broker-config/local/mosquitto.conf");
        let text = fs::read_to_string(&shipped).map_err(|error| format!("{}: {error}", shipped.display()))?;
        let config = place.target.join(format!("bench-mosquitto-{port}.conf"));
        fs::write(&config, configuration(&text, port)).map_err(|error| format!("{}: {error}", config.display()))?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| format!("mosquitto: {error}"))?;
        let mut started = Self { process, port, config };
        started.wait()?;
        Ok(started)
    }

    fn wait(&mut self) -> Outcome {
        let deadline = Instant::now() + START;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            let ended = self.process.try_wait().map_err(|error| format!("mosquitto: {error}"))?;
            if ended.is_some() || Instant::now() > deadline {
                return Err("mosquitto does not listen".into());
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Where programs find it.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// What it has counted, once its counters hold all that went before.
    pub(crate) fn counted(&self) -> Outcome<Counted> {
        sleep(COUNTERS_SETTLE);
        Ok(Counted { received: self.counter("received")?, sent: self.counter("sent")? })
    }

    fn counter(&self, name: &str) -> Outcome<f64> {
        let program = find_program("mosquitto_sub").ok_or("mosquitto_sub is not installed: mosquitto-clients")?;
        let (port, topic) = (self.port.to_string(), format!("$SYS/broker/bytes/{name}"));
        let words = ["-h", "127.0.0.1", "-p", &port, "-C", "1", "-W", "10", "-t", &topic];
        let text = output_of(Command::new(program).args(words))?;
        text.trim().parse().map_err(|_| format!("{topic}: {text:?}"))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        // Nothing can be done if it is gone already.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_file(&self.config);
    }
}

/// The shipped configuration on another port, without persistence, counting every second.
fn configuration(shipped: &str, port: u16) -> String {
    let line = |line: &str| match line.split(' ').next() {
        Some("listener") => format!("listener {port} 127.0.0.1\n"),
        Some("persistence") => "persistence false\n".to_owned(),
        _ => format!("{line}\n"),
    };
    shipped.lines().map(line).chain(["sys_interval 1\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_lines_stay_but_for_port_and_persistence() {
        let text = configuration("listener 1883 127.0.0.1\nset_tcp_nodelay true\npersistence true\n", 7);
        assert_eq!(text, "listener 7 127.0.0.1\nset_tcp_nodelay true\npersistence false\nsys_interval 1\n");
    }
}
