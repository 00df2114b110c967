//! The server's thread: accepts connections and drops the oldest when there are too many.

use crate::listen::Listen;
use crate::routes::{Desk, Site, respond};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, mpsc as signal};
use std::thread::Builder;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

/// Connections at a time. A browser that was dropped for a newer one connects again by itself.
const CONNECTIONS_MAX: usize = 64;
/// A request's head has to be here within this time.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// Bytes that wait for a connection to take them, beyond the message that is being written.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long browsers may take to get the last snapshot.
const FAREWELL: Duration = Duration::from_millis(700);
/// How often the end of the streams is looked for.
const STREAMS_AGAIN: Duration = Duration::from_millis(10);
/// Wait after a connection could not be accepted (too many open files).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Opens the port.
pub fn bind(listen: &Listen) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(listen.address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
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
            // Nobody waits if the program has been ended otherwise.
            let _ = end.try_send(());
        })?;
        Ok(Self { address, ended })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all streams have ended, for a moment.
    pub fn wait(self) {
        // Either way the program goes on.
        let _ = self.ended.recv_timeout(FAREWELL);
    }
}

async fn serve(listener: TcpListener, listen: Listen, desk: Desk) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut changes = desk.snapshots.clone();
    let site = Arc::new(Site { listen, desk, streams: Arc::new(()) });
    let mut connections = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => admit(&mut connections, stream, &site),
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            },
            changed = changes.changed() => if changed.is_err() { break },
        }
    }
    let ends = async {
        while Arc::strong_count(&site.streams) > 1 {
            tokio::time::sleep(STREAMS_AGAIN).await;
        }
    };
    // Who has not taken the last snapshot by then does not get it.
    let _ = tokio::time::timeout(FAREWELL, ends).await;
}

fn admit(connections: &mut VecDeque<AbortHandle>, stream: TcpStream, site: &Arc<Site>) {
    connections.retain(|connection| !connection.is_finished());
    if connections.len() >= CONNECTIONS_MAX
        && let Some(oldest) = connections.pop_front()
    {
        oldest.abort();
    }
    connections.push_back(tokio::spawn(converse(stream, Arc::clone(site))).abort_handle());
}

async fn converse(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(respond(&site, &request).await) }
    });
    // Small messages are not to wait for each other; a socket that refuses is slower, nothing else.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    // Browsers come and go; a connection's end is nobody's error.
    let _ = connection.await;
}
