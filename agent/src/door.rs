//! `[status] http_listen`: answers `GET /metrics`, and nothing else, on the driver's own thread.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::{info, warn};

/// Requests at a time; whoever comes then is turned away.
const REQUESTS_MAX: usize = 8;
/// Bytes and lines of a request's head; more is refused.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const HEADERS_MAX: usize = 64;
/// A request comes and its answer is taken within this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the text of an answer is awaited.
pub(crate) type Asked = oneshot::Sender<String>;

/// The driver's side.
#[derive(Debug, Default)]
pub(crate) struct Door(Option<(SocketAddr, mpsc::Receiver<Asked>)>);

impl Door {
    /// Begins to listen, and says where. Figures that cannot be served are no reason not to work.
    pub(crate) fn start(address: Option<SocketAddr>) -> Self {
        match Self::open(address) {
            Ok(door) => {
                if let Some(address) = door.address() {
                    info!("figures for Prometheus are at http://{address}/metrics");
                }
                door
            }
            Err(error) => {
                let address = address.map(|address| address.to_string()).unwrap_or_default();
                warn!(
                    "no /metrics at {address}: {error}; the agent works all the same; [status] http_listen names another address"
                );
                Self::default()
            }
        }
    }

    /// Begins to listen; without an address nobody ever asks. Needs a tokio runtime around it.
    fn open(address: Option<SocketAddr>) -> io::Result<Self> {
        let Some(address) = address else { return Ok(Self(None)) };
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let (sender, receiver) = mpsc::channel(REQUESTS_MAX);
        tokio::spawn(serve(listener, sender, address.ip().is_loopback()));
        Ok(Self(Some((address, receiver))))
    }

    /// Where it listens.
    fn address(&self) -> Option<SocketAddr> {
        self.0.as_ref().map(|(address, _)| *address)
    }

    /// The next one who asks.
    pub(crate) async fn asked(&mut self) -> Asked {
        if let Some((_, receiver)) = &mut self.0
            && let Some(asked) = receiver.recv().await
        {
            return asked;
        }
        std::future::pending().await
    }
}

async fn serve(listener: tokio::net::TcpListener, driver: mpsc::Sender<Asked>, own_only: bool) {
    let room = Arc::new(Semaphore::new(REQUESTS_MAX));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many open files: perhaps not for long.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
        let driver = driver.clone();
        tokio::spawn(async move {
            // Whoever asked may leave without a word.
            let _ = tokio::time::timeout(PATIENCE, converse(stream, &driver, own_only)).await;
            drop(place);
        });
    }
}

async fn converse(mut stream: TcpStream, driver: &mpsc::Sender<Asked>, own_only: bool) -> io::Result<()> {
    let mut head = vec![0; HEAD_BYTES_MAX];
    let mut filled = 0;
    let told = loop {
        let read = match head.get_mut(filled..) {
            Some(rest) if !rest.is_empty() => stream.read(rest).await?,
            _ => 0,
        };
        if read == 0 {
            break Told { status: "400 Bad Request", text: "the request is too long, or not whole\n".to_owned() };
        }
        filled += read;
        match look(head.get(..filled).unwrap_or_default(), own_only) {
            Look::More => {}
            Look::Refused(status, text) => break Told { status, text: text.to_owned() },
            Look::Metrics => {
                let (answer, text) = oneshot::channel();
                let asked = driver.send(answer).await.is_ok();
                let text = if asked { text.await.unwrap_or_default() } else { String::new() };
                break Told { status: "200 OK", text };
            }
        }
    };
    let Told { status, text } = told;
    let kind = heijunka_metrics::CONTENT_TYPE;
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

struct Told {
    status: &'static str,
    text: String,
}

#[derive(Debug, PartialEq)]
enum Look {
    /// The head is not whole yet.
    More,
    Metrics,
    Refused(&'static str, &'static str),
}

fn look(head: &[u8], own_only: bool) -> Look {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Look::More,
        Err(_) => return Look::Refused("400 Bad Request", "this is no request that can be understood\n"),
    }
    let host = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("host"));
    let host = host.map(|header| std::str::from_utf8(header.value).unwrap_or_default());
    if own_only && !host.is_none_or(is_own) {
        // Another site's page may be behind it (DNS rebinding).
        return Look::Refused("421 Misdirected Request", "this is for this machine alone: ask for its address\n");
    }
    match (request.method, request.path) {
        (Some("GET"), Some("/metrics")) => Look::Metrics,
        (Some("GET"), _) => Look::Refused("404 Not Found", "there is /metrics\n"),
        _ => Look::Refused("405 Method Not Allowed", "this can only be read\n"),
    }
}

/// An address, or the one name that no name server can point elsewhere.
fn is_own(host: &str) -> bool {
    let is_localhost = |name: &str| name.eq_ignore_ascii_case("localhost");
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    is_localhost(name) || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_metrics_can_be_read() {
        let of = |text: &str| look(text.as_bytes(), true);
        let status = |text: &str| match of(text) {
            Look::Refused(status, _) => status.split(' ').next().unwrap().to_owned(),
            other => format!("{other:?}"),
        };
        assert_eq!(of("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9465\r\n\r\n"), Look::Metrics);
        assert_eq!(of("GET /metrics HTTP/1.0\r\n\r\n"), Look::Metrics);
        assert_eq!(of("GET /metrics HTTP/1.1\r\nHost: 127."), Look::More);
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "404");
        assert_eq!(status("POST /metrics HTTP/1.1\r\n\r\n"), "405");
        assert_eq!(status("GET /metrics HTTP/1.1\r\nhost: evil.example\r\n\r\n"), "421");
        assert_eq!(look(b"GET /metrics HTTP/1.1\r\nhost: pc-7.plant\r\n\r\n", false), Look::Metrics);
        assert_eq!(status("\u{1}\r\n\r\n"), "400");
        let many: String = (0..100).map(|number| format!("a{number}: b\r\n")).collect();
        assert_eq!(status(&format!("GET /metrics HTTP/1.1\r\n{many}\r\n")), "400");
    }

    #[test]
    fn own_names_are_known() {
        for own in ["localhost", "LOCALHOST:9465", "127.0.0.1", "[::1]:9465", "[::1]", "10.0.0.7:1"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80"] {
            assert!(!is_own(other), "{other}");
        }
    }

    fn asking(address: SocketAddr, request: &'static [u8]) -> std::thread::JoinHandle<String> {
        use std::io::{Read, Write};
        std::thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(request).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        })
    }

    #[test]
    fn whoever_asks_is_told_by_the_driver() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(async {
            let mut door = Door::open(Some("127.0.0.1:0".parse().unwrap())).unwrap();
            let asking = asking(door.address().unwrap(), b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n");
            door.asked().await.send("a 1\n".to_owned()).unwrap();
            tokio::task::spawn_blocking(|| asking.join().unwrap()).await.unwrap()
        });
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.contains("content-length: 4\r\n") && answer.ends_with("\r\n\r\na 1\n"), "{answer}");
    }

    #[test]
    fn an_endless_head_is_refused() {
        static ENDLESS: [u8; HEAD_BYTES_MAX] = [b'a'; HEAD_BYTES_MAX];
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let door = Door::open(Some("127.0.0.1:0".parse().unwrap())).unwrap();
            let asking = asking(door.address().unwrap(), &ENDLESS);
            let answer = tokio::task::spawn_blocking(|| asking.join().unwrap()).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        });
    }
}
