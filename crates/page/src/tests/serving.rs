//! The server over loopback, asked by a plain socket.

use super::{part, record, snapshot};
use crate::board::Board;
use crate::listen::Listen;
use crate::orders::{Asked, ORDERS_MAX, Order};
use crate::routes::Desk;
use crate::server::Server;
use crate::snapshot::Snapshot;
use heijunka_settings::Secret;
use heijunka_wire::Purpose;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Far beyond what an answer takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

struct Site {
    server: Server,
    snapshots: watch::Sender<Arc<Snapshot>>,
    orders: mpsc::Receiver<Asked>,
    folder: tempfile::TempDir,
}

fn site(password: Option<&str>) -> Site {
    site_with(password, true)
}

fn site_with(password: Option<&str>, control: bool) -> Site {
    let listen = Listen { address: "127.0.0.1:0".parse().unwrap(), password: password.map(Secret::new), control };
    let (snapshots, receiver) = watch::channel(Arc::new(snapshot(&Board::default())));
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk { snapshots: receiver, orders: sender, folder: folder.path().to_owned() };
    Site { server: Server::start(&listen, desk).unwrap(), snapshots, orders, folder }
}

fn connect(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// The whole answer to a request with these further headers.
fn ask(address: SocketAddr, method: &str, path: &str, headers: &str) -> String {
    let request = format!("{method} {path} HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
    let mut answer = String::new();
    connect(address, &request).read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, "GET", path, &format!("host: {address}\r\n"))
}

#[test]
fn each_path_has_its_answer() {
    let site = site(None);
    let address = site.server.address();
    for (path, kind, content) in [
        ("/", "text/html", "<!doctype html>"),
        ("/state", "application/json", "\"phase\":\"training\""),
        ("/metrics", "text/plain; version=0.0.4", "heijunka_build_info"),
    ] {
        let answer = get(address, path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains(&format!("content-type: {kind}")) && answer.contains(content), "{path}: {answer}");
        assert!(answer.contains("content-security-policy: default-src 'none'"), "{path}: {answer}");
    }
    assert!(get(address, "/etc/passwd").starts_with("HTTP/1.1 404"));
    assert!(ask(address, "POST", "/", "host: localhost\r\n").starts_with("HTTP/1.1 405"));
    let head = ask(address, "HEAD", "/", "host: localhost\r\n");
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(address, "G(T", "/", "").starts_with("HTTP/1.1 400"));
}

/// Whether and how an order is carried out.
fn order(site: &mut Site, path: &str, headers: &str) -> (String, Option<Order>) {
    let address = site.server.address();
    let request = format!("host: {address}\r\n{headers}");
    let path = path.to_owned();
    let asking = std::thread::spawn(move || ask(address, "POST", &path, &request));
    // The driver's part; a request that is refused ends without an order.
    let order = loop {
        match site.orders.try_recv() {
            Ok(asked) => {
                asked.answer.send(Ok("it is done".to_owned())).unwrap();
                break Some(asked.order);
            }
            Err(_) if asking.is_finished() => break None,
            Err(_) => std::thread::yield_now(),
        }
    };
    (asking.join().unwrap(), order)
}

#[test]
fn orders_reach_the_driver_and_its_answer_comes_back() {
    let mut site = site(None);
    for (path, right) in [
        ("/pause", Order::Pause),
        ("/resume", Order::Resume),
        ("/checkpoint", Order::Checkpoint),
        ("/export", Order::Export),
        ("/stop", Order::Stop),
    ] {
        let (answer, order) = order(&mut site, path, "x-heijunka: 1\r\n");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("it is done\n"), "{path}: {answer}");
        assert_eq!(order, Some(right));
        assert!(get(site.server.address(), path).starts_with("HTTP/1.1 405"), "{path} is not a link");
    }
    site.snapshots.send_replace(Arc::new(Snapshot { phase: "finished", ..snapshot(&Board::default()) }));
    assert!(order(&mut site, "/pause", "x-heijunka: 1\r\n").0.starts_with("HTTP/1.1 409"));
}

#[test]
fn another_sites_page_cannot_give_orders_and_a_page_may_take_none() {
    let mut open = site(None);
    for headers in [
        "",
        "content-type: text/plain\r\ncontent-length: 0\r\n",
        "x-heijunka: 1\r\norigin: http://evil.example\r\n",
        "x-heijunka: 1\r\nsec-fetch-site: cross-site\r\n",
    ] {
        let (answer, order) = order(&mut open, "/stop", headers);
        assert!(answer.starts_with("HTTP/1.1 403") && order.is_none(), "{headers}: {answer}");
    }
    let asked_first =
        ask(open.server.address(), "OPTIONS", "/stop", "host: localhost\r\norigin: http://evil.example\r\n");
    assert!(asked_first.starts_with("HTTP/1.1 405") && !asked_first.contains("access-control"), "{asked_first}");
    let (answer, order) = order(&mut site_with(None, false), "/pause", "x-heijunka: 1\r\n");
    assert!(answer.starts_with("HTTP/1.1 403") && order.is_none() && answer.contains("control"), "{answer}");
}

#[test]
fn the_models_files_can_be_had_and_no_others() {
    let site = site(None);
    let address = site.server.address();
    assert!(get(address, "/model.onnx").starts_with("HTTP/1.1 404"));
    let content = "0123456789".repeat(20_000);
    std::fs::write(site.folder.path().join("model.onnx"), &content).unwrap();
    std::fs::write(site.folder.path().join("secret"), "no").unwrap();
    let answer = get(address, "/model.onnx");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 200000\r\n"));
    assert!(answer.contains("content-disposition: attachment") && answer.ends_with(&format!("\r\n\r\n{content}")));
    for path in ["/secret", "/../secret", "/model.onnx/../secret", "/model.onnx%00", "//model.onnx"] {
        assert!(get(address, path).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn another_sites_page_cannot_read_under_a_name_of_its_own() {
    let site = site(None);
    let address = site.server.address();
    for host in ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", ""] {
        let answer = ask(address, "GET", "/state", &format!("host: {host}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 421") && !answer.contains("phase"), "{host}: {answer}");
    }
    for host in ["localhost:8765", "LOCALHOST", "[::1]:8765", "192.168.1.10"] {
        let answer = ask(address, "GET", "/state", &format!("host: {host}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{host}: {answer}");
    }
}

#[test]
fn a_password_is_asked_for_on_every_path() {
    let site = site(Some("s3:cret"));
    let address = site.server.address();
    // anyone:s3:cret, anyone:wrong, anyone (without a colon).
    let (right, wrong, none) = ("Basic YW55b25lOnMzOmNyZXQ=", "Basic YW55b25lOndyb25n", "Basic YW55b25l");
    for path in ["/", "/state", "/events", "/metrics", "/model.onnx", "/stop", "/elsewhere"] {
        let answer = get(address, path);
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("www-authenticate: Basic"), "{path}: {answer}");
    }
    for given in [wrong, none, "Bearer s3:cret", "Basic ???"] {
        let answer = ask(address, "GET", "/state", &format!("host: page.plant\r\nauthorization: {given}\r\n"));
        assert!(answer.starts_with("HTTP/1.1 401") && !answer.contains("phase"), "{given}: {answer}");
    }
    let answer = ask(address, "GET", "/state", &format!("host: page.plant\r\nauthorization: {right}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// The data of the next event.
fn next_event(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> serde_json::Value {
    let data = lines.map(Result::unwrap).find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
    serde_json::from_str(&data).unwrap()
}

#[test]
fn a_stream_tells_what_is_new_and_ends_with_the_last_snapshot() {
    let Site { server, snapshots, orders: _orders, folder: _folder } = site(None);
    let mut lines =
        BufReader::new(connect(server.address(), "GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")).lines();
    assert_eq!(next_event(&mut lines)["phase"], "training");
    let mut board = Board::default();
    for step in 1..=3 {
        board.add(&record(Purpose::Train, 0.1, vec![part("a", 8, 0.1, 0.1)]), step);
        snapshots.send_replace(Arc::new(snapshot(&board)));
    }
    // However the three fall into events, each round is sent once.
    let mut received = Vec::new();
    while received.len() < 3 {
        let event = next_event(&mut lines);
        received.extend(event["rounds"].as_array().into_iter().flatten().map(|round| round["round"].as_u64().unwrap()));
    }
    assert_eq!(received, [1, 2, 3]);
    snapshots.send_replace(Arc::new(Snapshot { phase: "finished", ..snapshot(&board) }));
    drop(snapshots);
    server.wait();
    assert_eq!(next_event(&mut lines)["phase"], "finished");
    assert!(lines.map(Result::unwrap).all(|line| line.is_empty() || line == "0"), "the stream has ended");
}

#[test]
fn browsers_that_do_not_read_are_dropped_for_new_ones() {
    let site = site(None);
    let address = site.server.address();
    let dead: Vec<TcpStream> =
        (0..150).map(|_| connect(address, "GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n")).collect();
    for _ in 0..20 {
        site.snapshots.send_replace(Arc::new(snapshot(&Board::default())));
    }
    assert!(get(address, "/state").starts_with("HTTP/1.1 200"));
    drop(dead);
}
