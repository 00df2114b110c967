//! The one socket option on which everything depends, read back from the sockets themselves.
#![cfg(target_os = "linux")]

use std::net::TcpStream;
use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use crate::rig::{Kind, Setup, TestBroker};

/// TCP sockets of this process for which `is_wanted` holds.
fn own_sockets(is_wanted: impl Fn(&TcpStream) -> bool) -> Vec<TcpStream> {
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let numbers = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let is_socket = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path()).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    // Collected first: the copies made below are sockets of this process too.
    let numbers: Vec<i32> =
        numbers.filter(is_socket).filter_map(|entry| entry.file_name().to_string_lossy().parse().ok()).collect();
    numbers
        .into_iter()
        .filter_map(|number| pidfd_getfd(&this, number, PidfdGetfdFlags::empty()).ok())
        .map(|copy: OwnedFd| TcpStream::from(copy))
        .filter(is_wanted)
        .collect()
}

#[tokio::test]
async fn both_ends_send_without_delay() {
    let broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let _client = broker.client("agent", &[]).await;
    let port = broker.port();
    let clients = own_sockets(|socket| socket.peer_addr().is_ok_and(|peer| peer.port() == port));
    let servers =
        own_sockets(|socket| socket.local_addr().is_ok_and(|local| local.port() == port) && socket.peer_addr().is_ok());
    assert_eq!((clients.len(), servers.len()), (1, 1));
    assert!(clients.iter().all(|socket| socket.nodelay().unwrap()), "the bus sets TCP_NODELAY");
    assert!(servers.iter().all(|socket| socket.nodelay().unwrap()), "the broker sets TCP_NODELAY");
}
