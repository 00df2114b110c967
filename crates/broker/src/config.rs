//! The broker's configuration, and what it reports about itself.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

/// Connections at the same time.
pub(crate) const CONNECTIONS_MAX: usize = 4096;
/// Sessions, present and absent clients together.
pub(crate) const SESSIONS_MAX: usize = 8192;
/// Subscriptions of one session.
pub(crate) const FILTERS_MAX: usize = 256;

/// The one login that is accepted. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Settings of the broker.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// Where to listen; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Whether `addr` may be reachable from other machines.
    pub beyond_loopback: bool,
    /// Largest packet accepted, in bytes; clients are informed of it.
    pub packet_bytes_max: u32,
    /// Bytes that may wait for one client.
    pub queue_bytes_max: usize,
    /// Bytes of all retained messages.
    pub retained_bytes_max: usize,
    /// The login, if one is needed.
    pub login: Option<Credentials>,
}

impl Default for BrokerConfig {
    /// A free port of 127.0.0.1, packets of 16 MiB, 64 MiB waiting per client, 256 MiB retained, no login.
    fn default() -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            beyond_loopback: false,
            packet_bytes_max: 16 << 20,
            queue_bytes_max: 64 << 20,
            retained_bytes_max: 256 << 20,
            login: None,
        }
    }
}

/// Why the broker cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there, perhaps another broker.
    #[error("port {port} of {addr} is in use by another program, perhaps another broker: stop it, or choose another port", port = .addr.port(), addr = .addr.ip())]
    Busy {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address is not loopback.
    #[error(
        "{addr} can be reached from other machines; this broker is for trials on one machine (set beyond_loopback)"
    )]
    NotLoopback {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The system refuses for another reason.
    #[error("cannot listen on {addr}: {error}")]
    Io {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

/// Counters since the start, and sizes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Bytes read from clients.
    pub bytes_in: u64,
    /// Bytes written to clients.
    pub bytes_out: u64,
    /// Clients connected now.
    pub clients: usize,
    /// Sessions now, those of absent clients included.
    pub sessions: usize,
    /// Retained messages now.
    pub retained: usize,
    /// Bytes that wait for clients now.
    pub queued_bytes: usize,
}
