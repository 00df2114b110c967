//! Connections: accepted, bounded in number, time and bytes, and closed after one answer.

use super::{Answer, Body, Request, Status};
use bytes::Bytes;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// Bytes of a request's head; more is refused.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A request's head must arrive within this time.
const HEAD_WAIT: Duration = Duration::from_secs(10);
/// Wait after a connection could not be accepted (too many open files).
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// What a client still sends after its answer is read for so long and no further: a socket that is closed with unread bytes
/// resets the connection, and the client may lose the answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 64 * 1024;

/// What answers requests.
pub trait Site: Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request) -> impl Future<Output = Answer> + Send;
}

/// Opens the port at `address`.
///
/// # Errors
/// The port is in use, or the address is not this machine's.
pub fn bind(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves `site` until it is dropped; connections that are open then end by themselves. When there are more than
/// `connections_max`, the oldest is dropped: a browser connects again by itself.
pub async fn serve(listener: TcpListener, site: Arc<impl Site>, connections_max: usize) -> Infallible {
    let mut connections: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= connections_max
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let site = Arc::clone(&site);
        let conversation = async move {
            // Clients come and go: the end of a connection is not an error of this program.
            let _ = converse(stream, &*site).await;
        };
        connections.push_back(tokio::spawn(conversation).abort_handle());
    }
}

async fn converse(mut stream: TcpStream, site: &impl Site) -> io::Result<()> {
    // Small messages must not wait for each other; a socket that refuses is slower, nothing else.
    let _ = stream.set_nodelay(true);
    let (answer, whole) = match timeout(HEAD_WAIT, receive(&mut stream)).await?? {
        Ok(request) => {
            let whole = request.method != "HEAD";
            (site.answer(request).await, whole)
        }
        Err(line) => (Answer::text(Status::BadRequest, line), true),
    };
    let (head, body) = answer.into_parts();
    stream.write_all(head.as_bytes()).await?;
    match body {
        Body::Whole(bytes) if whole => stream.write_all(&bytes).await?,
        Body::Stream(messages) if whole => forward(&mut stream, messages).await?,
        Body::Whole(_) | Body::Stream(_) => {}
    }
    stream.shutdown().await?;
    let mut rest = stream.take(LINGER_BYTES_MAX);
    // Either way the connection is over.
    let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
    Ok(())
}

/// A request; in words why it cannot be answered.
async fn receive(stream: &mut TcpStream) -> io::Result<Result<Request, &'static str>> {
    let mut head = vec![0; HEAD_BYTES_MAX];
    let mut filled = 0;
    loop {
        let read = match head.get_mut(filled..) {
            Some(rest) if !rest.is_empty() => stream.read(rest).await?,
            _ => 0,
        };
        if read == 0 {
            return Ok(Err("the request is too long or incomplete"));
        }
        filled += read;
        match Request::parse(head.get(..filled).unwrap_or_default()) {
            Ok(None) => {}
            Ok(Some(request)) => return Ok(Ok(request)),
            Err(_) => return Ok(Err("malformed request")),
        }
    }
}

/// Until the messages or the client's side of the connection end.
async fn forward(stream: &mut TcpStream, mut messages: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let (mut reader, mut writer) = stream.split();
    let mut unread = [0; 512];
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(message) => writer.write_all(&message).await?,
                None => return Ok(()),
            },
            read = reader.read(&mut unread) => if read? == 0 { return Ok(()) },
        }
    }
}

#[cfg(test)]
mod tests;
