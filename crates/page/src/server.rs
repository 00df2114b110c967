//! The server's thread: serves the page until the sender of snapshots is dropped, then waits a moment for the streams.

use crate::listen::Listen;
use crate::routes::{Desk, Site};
use heijunka_metrics::http;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc as signal};
use std::thread::Builder;
use std::time::Duration;

/// Connections at a time.
const CONNECTIONS_MAX: usize = 64;
/// How long browsers may take to get the last snapshot.
const FAREWELL: Duration = Duration::from_millis(700);
/// How often to check whether the streams have ended.
const STREAMS_AGAIN: Duration = Duration::from_millis(10);

/// Opens the port.
pub fn bind(listen: &Listen) -> io::Result<TcpListener> {
    http::bind(listen.address)
}

/// The running server. It ends when the sender of snapshots is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ended: signal::Receiver<()>,
}

impl Server {
    pub(crate) fn start(listen: &Listen, desk: Desk) -> io::Result<Self> {
        let listener = bind(listen)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (end, ended) = signal::sync_channel(1);
        let listen = listen.clone();
        Builder::new().name("page".to_owned()).spawn(move || {
            runtime.block_on(serve(listener, listen, desk));
            // The receiver is gone if the program has ended in another way.
            let _ = end.try_send(());
        })?;
        Ok(Self { address, ended })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits a moment for all streams to end.
    pub fn wait(self) {
        // The program continues in both cases.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

async fn serve(listener: TcpListener, listen: Listen, desk: Desk) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut changes = desk.snapshots.clone();
    let site = Arc::new(Site { listen, desk, streams: Arc::new(()) });
    let ended = async { while changes.changed().await.is_ok() {} };
    tokio::select! {
        never = http::serve(listener, Arc::clone(&site), CONNECTIONS_MAX) => match never {},
        () = ended => {}
    }
    let ends = async {
        while Arc::strong_count(&site.streams) > 1 {
            tokio::time::sleep(STREAMS_AGAIN).await;
        }
    };
    // A browser that has not taken the last snapshot by then does not get it.
    let _ = tokio::time::timeout(FAREWELL, ends).await;
}
