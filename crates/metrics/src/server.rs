//! A server for figures only: `GET /metrics` is answered by the program's own loop, which has them.

use crate::http::{Answer, Request, Site, Status, bind, serve};
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Connections at a time.
const CONNECTIONS_MAX: usize = 8;

/// Where the text of an answer is awaited.
pub type Reply = oneshot::Sender<String>;

/// The program's side of the server. [`MetricsServer::default`] is one that is off: it has no requests.
#[derive(Debug, Default)]
pub struct MetricsServer(Option<(SocketAddr, mpsc::Receiver<Reply>)>);

impl MetricsServer {
    /// Starts to listen at `address`, if there is one. Needs a tokio runtime around it.
    ///
    /// # Errors
    /// The port is in use, or the address is not this machine's.
    pub fn open(address: Option<SocketAddr>) -> io::Result<Self> {
        let Some(address) = address else { return Ok(Self(None)) };
        let listener = tokio::net::TcpListener::from_std(bind(address)?)?;
        let address = listener.local_addr()?;
        let (requests, receiver) = mpsc::channel(CONNECTIONS_MAX);
        let site = Figures { requests, own_only: address.ip().is_loopback() };
        tokio::spawn(serve(listener, Arc::new(site), CONNECTIONS_MAX));
        Ok(Self(Some((address, receiver))))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|(address, _)| *address)
    }

    /// The next request for figures.
    pub async fn next(&mut self) -> Reply {
        if let Some((_, receiver)) = &mut self.0
            && let Some(reply) = receiver.recv().await
        {
            return reply;
        }
        pending().await
    }
}

struct Figures {
    requests: mpsc::Sender<Reply>,
    /// Whether it listens on this machine's own address only.
    own_only: bool,
}

impl Site for Figures {
    async fn answer(&self, request: Request) -> Answer {
        if self.own_only && !request.is_for_this_machine() {
            return Answer::misdirected();
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/metrics") => {
                let (reply, text) = oneshot::channel();
                let asked = self.requests.send(reply).await.is_ok();
                Answer::metrics(if asked { text.await.unwrap_or_default() } else { String::new() })
            }
            ("GET" | "HEAD", _) => Answer::text(Status::NotFound, "there is /metrics"),
            _ => Answer::not_allowed("this can only be read", "GET, HEAD"),
        }
    }
}
