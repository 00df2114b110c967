//! What is answered to whom.

use crate::body::Answer;
use crate::files;
use crate::gate::{Pass, pass};
use crate::listen::Listen;
use crate::metrics::metrics;
use crate::orders::{Asked, Order, ask, is_own};
use crate::snapshot::Snapshot;
use crate::state::{Told, state};
use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
    WWW_AUTHENTICATE,
};
use hyper::http::HeaderValue;
use hyper::{Method, Request, Response, StatusCode};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The page: one file, nothing is asked of any other site.
const PAGE: &str = include_str!("../assets/page.html");
/// An event stream carries at most one snapshot in this time; what changes meanwhile is in the next one.
const EVENT_EVERY: Duration = Duration::from_millis(250);
/// A wrong password is answered after this time.
const WRONG_PASSWORD_WAIT: Duration = Duration::from_millis(500);
const TEXT: &str = "text/plain; charset=utf-8";
/// The page may run what is in it and ask this server, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Between the driver and the server.
pub(crate) struct Desk {
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) orders: mpsc::Sender<Asked>,
    /// Where the driver writes the job's files.
    pub(crate) folder: PathBuf,
}

/// What a request is answered from.
pub(crate) struct Site {
    pub(crate) listen: Listen,
    pub(crate) desk: Desk,
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
    let (path, order) = (request.uri().path(), Order::of(request.uri().path()));
    match (request.method(), order) {
        (&Method::POST, Some(order)) => obey(site, request, order).await,
        (_, Some(_)) => not_allowed("this is an order: curl -X POST -H 'X-Heijunka: 1' …", "POST"),
        (&Method::GET | &Method::HEAD, None) => show(site, path, request.method() == Method::GET),
        _ => not_allowed("this can only be read", "GET, HEAD"),
    }
}

fn not_allowed(text: &str, allowed: &'static str) -> Response<Answer> {
    let mut response = told(StatusCode::METHOD_NOT_ALLOWED, text);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

async fn obey<B>(site: &Site, request: &Request<B>, order: Order) -> Response<Answer> {
    if !site.listen.control {
        return told(StatusCode::FORBIDDEN, "this page takes no orders: [web] control = false");
    }
    if let Err(why) = is_own(request.headers()) {
        return told(StatusCode::FORBIDDEN, why);
    }
    let phase = site.desk.snapshots.borrow().phase;
    if phase == "connecting" || phase == "finished" {
        return told(StatusCode::CONFLICT, &format!("the job is {phase}: there is nothing to order"));
    }
    match ask(&site.desk.orders, order).await {
        Ok(done) => told(StatusCode::OK, &done),
        Err(why) => told(StatusCode::CONFLICT, &why),
    }
}

fn show(site: &Site, path: &str, whole: bool) -> Response<Answer> {
    let snapshot = || Arc::clone(&site.desk.snapshots.borrow());
    match path {
        "/" => {
            answer(StatusCode::OK, "text/html; charset=utf-8", Answer::Whole(Some(Bytes::from_static(PAGE.as_bytes()))))
        }
        "/state" => answer(StatusCode::OK, "application/json", state(&snapshot(), &mut Told::default()).into()),
        "/metrics" => answer(StatusCode::OK, heijunka_metrics::CONTENT_TYPE, metrics(&snapshot()).into_bytes().into()),
        "/events" if whole => answer(StatusCode::OK, "text/event-stream", events(site)),
        _ => match files::kind(path) {
            Some(kind) => file(site, path, kind),
            None => told(StatusCode::NOT_FOUND, "there are /, /state, /events, /metrics and the model's files"),
        },
    }
}

fn file(site: &Site, path: &str, kind: &'static str) -> Response<Answer> {
    let Ok((content, bytes)) = files::content(&site.desk.folder, path) else {
        let text = format!("there is no {path} yet: export and checkpoint write the files once there is a model");
        return told(StatusCode::NOT_FOUND, &text);
    };
    let mut response = answer(StatusCode::OK, kind, content);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    response
}

/// One message waits at most: a browser that reads slowly gets fewer of them, and newer ones.
fn events(site: &Site) -> Answer {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(feed(site.desk.snapshots.clone(), sender, Arc::clone(&site.streams)));
    Answer::Stream(receiver)
}

async fn feed(mut snapshots: watch::Receiver<Arc<Snapshot>>, sender: mpsc::Sender<Bytes>, _stream: Arc<()>) {
    let mut so_far = Told::default();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        let json = state(&snapshot, &mut so_far);
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
