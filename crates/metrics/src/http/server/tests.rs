//! The server over loopback, asked through a plain socket.

use super::HEAD_BYTES_MAX;
use crate::MetricsServer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Far beyond what an answer takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn connect(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    stream
}

/// The answers to `requests`, one after another. Figures are `a 1`.
fn answers(listen: &str, requests: Vec<Vec<u8>>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut server = MetricsServer::open(Some(listen.parse().unwrap())).unwrap();
        let port = server.address().unwrap().port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut asking = tokio::task::spawn_blocking(move || {
            let read = |request: Vec<u8>| {
                let mut answer = String::new();
                connect(address, &request).read_to_string(&mut answer).unwrap();
                answer
            };
            requests.into_iter().map(read).collect()
        });
        loop {
            tokio::select! {
                reply = server.next() => reply.send("a 1\n".to_owned()).unwrap(),
                answers = &mut asking => return answers.unwrap(),
            }
        }
    })
}

fn statuses(listen: &str, requests: &[&str]) -> Vec<String> {
    let requests = requests.iter().map(|request| request.as_bytes().to_vec()).collect();
    answers(listen, requests).iter().map(|answer| answer[9..12].to_owned()).collect()
}

#[test]
fn figures_come_from_the_programs_own_loop() {
    let request = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec();
    let answer = answers("127.0.0.1:0", vec![request]).remove(0);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4"), "{answer}");
    assert!(answer.contains("content-length: 4\r\n") && answer.ends_with("\r\n\r\na 1\n"), "{answer}");
    let head = answers("127.0.0.1:0", vec![b"HEAD /metrics HTTP/1.1\r\n\r\n".to_vec()]).remove(0);
    assert!(head.contains("content-length: 4\r\n") && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn only_figures_can_be_read() {
    let requests = [
        "GET /metrics HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST /metrics HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc",
        "GET /metrics HTTP/1.1\r\nhost: evil.example\r\n\r\n",
        "\u{1}\r\n\r\n",
    ];
    assert_eq!(statuses("127.0.0.1:0", &requests), ["200", "404", "405", "421", "400"]);
    let by_name = ["GET /metrics HTTP/1.1\r\nhost: pc-7.plant\r\n\r\n"];
    assert_eq!(statuses("0.0.0.0:0", &by_name), ["200"], "the network may use a name");
}

#[test]
fn an_endless_head_is_refused() {
    let answer = answers("127.0.0.1:0", vec![vec![b'a'; HEAD_BYTES_MAX]]).remove(0);
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[test]
fn connections_that_stay_open_make_room_for_new_ones() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let mut server = MetricsServer::open(Some("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = server.address().unwrap();
        let asking = tokio::task::spawn_blocking(move || {
            let silent: Vec<TcpStream> = (0..50).map(|_| connect(address, b"GET /metr")).collect();
            let mut answer = String::new();
            connect(address, b"GET /metrics HTTP/1.1\r\n\r\n").read_to_string(&mut answer).unwrap();
            drop(silent);
            answer
        });
        server.next().await.send("a 1\n".to_owned()).unwrap();
        asking.await.unwrap()
    });
    assert!(answer.ends_with("a 1\n"), "{answer}");
}
