//! What is answered to whom.

use super::body::Answer;
use super::gate::{Pass, pass};
use super::metrics::metrics;
use super::settings::Listen;
use super::snapshot::Snapshot;
use super::state::{Told, state};
use bytes::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use hyper::http::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The page: one file, nothing is asked of any other site.
const PAGE: &str = include_str!("../../assets/web/page.html");
/// An event stream carries at most one snapshot in this time; what changes meanwhile is in the next one.
const EVENT_EVERY: Duration = Duration::from_millis(250);
/// A wrong password is answered after this time.
const WRONG_PASSWORD_WAIT: Duration = Duration::from_millis(500);
const TEXT: &str = "text/plain; charset=utf-8";
/// The page may run what is in it and ask this server, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What a request is answered from.
pub(crate) struct Site {
    pub(crate) listen: Listen,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Each stream holds one more while it lasts.
    pub(crate) streams: Arc<()>,
}

fn answer(status: StatusCode, kind: &'static str, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ];
    response.headers_mut().extend(headers.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

fn told(status: StatusCode, text: &str) -> Response<Answer> {
    answer(status, TEXT, Answer::from(format!("{text}\n").into_bytes()))
}

/// Answers one request. What it carries besides its first line and headers is not read.
pub(crate) async fn respond<B>(site: &Site, request: &Request<B>) -> Response<Answer> {
    match pass(&site.listen, request.headers()) {
        Pass::Open => {}
        Pass::Misdirected => {
            let text = "this page is for this machine alone: ask for http://localhost or its address";
            return told(StatusCode::MISDIRECTED_REQUEST, text);
        }
        wrong => {
            if wrong == Pass::Wrong {
                tokio::time::sleep(WRONG_PASSWORD_WAIT).await;
            }
            let mut response = told(StatusCode::UNAUTHORIZED, "the password, please; any user name goes with it");
            let value = HeaderValue::from_static("Basic realm=\"Heijunka\", charset=\"UTF-8\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, value);
            return response;
        }
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = told(StatusCode::METHOD_NOT_ALLOWED, "this page can only be read");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let snapshot = || Arc::clone(&site.snapshots.borrow());
    match request.uri().path() {
        "/" => {
            answer(StatusCode::OK, "text/html; charset=utf-8", Answer::Whole(Some(Bytes::from_static(PAGE.as_bytes()))))
        }
        "/state" => answer(StatusCode::OK, "application/json", state(&snapshot(), Told::default()).0.into()),
        "/metrics" => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            answer(StatusCode::OK, kind, metrics(&snapshot()).into_bytes().into())
        }
        "/events" if request.method() == Method::GET => answer(StatusCode::OK, "text/event-stream", events(site)),
        _ => told(StatusCode::NOT_FOUND, "there are /, /state, /events and /metrics"),
    }
}

/// One message waits at most: a browser that reads slowly gets fewer of them, and newer ones.
fn events(site: &Site) -> Answer {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(feed(site.snapshots.clone(), sender, Arc::clone(&site.streams)));
    Answer::Stream(receiver)
}

async fn feed(mut snapshots: watch::Receiver<Arc<Snapshot>>, sender: mpsc::Sender<Bytes>, _stream: Arc<()>) {
    let mut so_far = Told::default();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let (json, now) = state(&snapshot, so_far);
        so_far = now;
        let message = [b"data: ".as_slice(), &json, b"\n\n"].concat();
        if sender.send(message.into()).await.is_err() {
            return;
        }
        tokio::time::sleep(EVENT_EVERY).await;
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}
