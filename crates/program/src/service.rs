//! Reports to the service manager that started the program: that it is ready, what it does, that it is alive, that it stops.
//!
//! The protocol is systemd's `sd_notify`: lines to the socket that `NOTIFY_SOCKET` names. Without it nothing is sent, and
//! nothing else differs. A service manager that is too busy gets its report later and never delays the program: that is why
//! the datagrams are sent here and not by the `sd-notify` crate, whose sending waits.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};
use tracing::debug;

/// Shortest time between two reports of a new state.
const STATUS_EVERY: Duration = Duration::from_secs(2);
/// Signs of life within the time after which the service manager restarts a silent program.
const SIGNS_OF_LIFE: u32 = 3;
/// Without a service manager nothing is ever due.
const NEVER: Duration = Duration::from_secs(3600);

/// The service manager, if there is one.
#[derive(Debug)]
pub struct Service {
    manager: Option<UnixDatagram>,
    /// After this time without a sign of life the program is killed and restarted.
    watchdog: Option<Duration>,
    due: Instant,
    /// The last state that it was sent.
    status: String,
    /// Readiness still has to be reported.
    owes_ready: bool,
}

impl Service {
    /// Looks in the environment for a service manager that wants reports.
    #[must_use]
    pub fn find(now: Instant) -> Self {
        let manager = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()).and_then(|name| {
            connect(name.as_bytes()).inspect_err(|error| debug!("no reports to the service manager: {error}")).ok()
        });
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let of_this_process = number("WATCHDOG_PID").is_none_or(|id| id == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|micros| *micros > 0 && of_this_process);
        Self::new(manager, watchdog.map(Duration::from_micros), now)
    }

    fn new(manager: Option<UnixDatagram>, watchdog: Option<Duration>, now: Instant) -> Self {
        Self { manager, watchdog, due: now, status: String::new(), owes_ready: false }
    }

    /// Start-up is over: settings are valid and the work has begun. An absent broker does not count: otherwise the
    /// service manager would give up a program that waits for its broker.
    pub fn ready(&mut self, now: Instant, status: &str) {
        self.owes_ready = true;
        self.due = now;
        self.turn(now, true, || status.to_owned());
    }

    /// To be called in every turn of a program's loop: gives a sign of life if the program is `alive`, and reports what it
    /// does if that has changed.
    pub fn turn(&mut self, now: Instant, alive: bool, status: impl FnOnce() -> String) {
        if now < self.due {
            return;
        }
        self.due = now + self.every();
        let Some(manager) = &self.manager else { return };
        let (status, mut lines) = (status(), String::new());
        if self.owes_ready {
            lines.push_str("READY=1\n");
        }
        if alive && self.watchdog.is_some() {
            lines.push_str("WATCHDOG=1\n");
        }
        if status != self.status {
            lines.push_str(&status_line(&status));
        }
        // What could not be sent now is sent in the next turn.
        if send(manager, &lines) {
            (self.status, self.owes_ready) = (status, false);
        }
    }

    /// When the next turn has something to report.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.due
    }

    /// The program ends by itself, or was asked to: it is no longer watched.
    pub fn stopping(&self, why: &str) {
        if let Some(manager) = &self.manager {
            send(manager, &format!("STOPPING=1\n{}", status_line(why)));
        }
    }

    fn every(&self) -> Duration {
        let watched = self.watchdog.map_or(STATUS_EVERY, |after| STATUS_EVERY.min(after / SIGNS_OF_LIFE));
        if self.manager.is_some() { watched } else { NEVER }
    }
}

/// A name that begins with `@` is one of Linux' abstract ones.
fn connect(name: &[u8]) -> io::Result<UnixDatagram> {
    let address = match name.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A second line would count as another message.
fn status_line(status: &str) -> String {
    format!("STATUS={}\n", status.replace(char::is_control, " "))
}

/// Whether the lines were sent, or there were none.
fn send(manager: &UnixDatagram, lines: &str) -> bool {
    let sent = if lines.is_empty() { Ok(0) } else { manager.send(lines.as_bytes()) };
    sent.inspect_err(|error| debug!("no report to the service manager: {error}")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager() -> (UnixDatagram, Option<UnixDatagram>) {
        let (own, other) = UnixDatagram::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        (other, Some(own))
    }

    fn received(manager: &UnixDatagram) -> String {
        let mut bytes = [0; 4096];
        let count = manager.recv(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    }

    #[test]
    fn signs_of_life_come_well_before_the_program_counts_as_hung() {
        let now = Instant::now();
        let every = |seconds: u64| Service::new(manager().1, Some(Duration::from_secs(seconds)), now).every();
        assert_eq!(every(3), Duration::from_secs(1));
        assert_eq!(every(60), STATUS_EVERY);
    }

    #[test]
    fn without_a_service_manager_nothing_is_ever_due() {
        let now = Instant::now();
        let mut service = Service::new(None, None, now);
        let mut asked = false;
        service.turn(now, true, || {
            asked = true;
            String::new()
        });
        assert!(!asked && service.due() >= now + NEVER);
    }

    #[test]
    fn what_has_changed_is_reported_once_and_a_hung_program_gives_no_sign() {
        let (other, own) = manager();
        let (now, every) = (Instant::now(), STATUS_EVERY);
        let mut service = Service::new(own, Some(Duration::from_secs(60)), now);
        service.ready(now, "waiting");
        assert_eq!(received(&other), "READY=1\nWATCHDOG=1\nSTATUS=waiting\n");
        service.turn(now, true, || "working".to_owned());
        assert_eq!(received(&other), "", "not due yet");
        service.turn(now + every, true, || "two\nlines".to_owned());
        assert_eq!(received(&other), "WATCHDOG=1\nSTATUS=two lines\n");
        service.turn(now + every * 2, true, || "two\nlines".to_owned());
        assert_eq!(received(&other), "WATCHDOG=1\n");
        service.turn(now + every * 3, false, || "two\nlines".to_owned());
        assert_eq!(received(&other), "");
        service.stopping("stopped");
        assert_eq!(received(&other), "STOPPING=1\nSTATUS=stopped\n");
    }

    #[test]
    fn a_busy_service_manager_delays_nothing_and_gets_its_report_later() {
        let (other, own) = manager();
        let now = Instant::now();
        let full = own.as_ref().unwrap();
        while full.send(b"FULL=1\n").is_ok() {}
        let mut service = Service::new(own, None, now);
        service.ready(now, "waiting");
        while received(&other) == "FULL=1\n" {}
        service.turn(now + STATUS_EVERY, true, || "waiting".to_owned());
        assert_eq!(received(&other), "READY=1\nSTATUS=waiting\n");
    }
}
