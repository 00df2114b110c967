//! Which answer a request gets.

use crate::files;
use crate::gate::{Pass, pass};
use crate::listen::Listen;
use crate::metrics::metrics;
use crate::orders::{Asked, Order, ask, is_own};
use crate::snapshot::Snapshot;
use crate::state::{Sent, state};
use bytes::Bytes;
use heijunka_metrics::http::{self, Answer, Body, Request, Status};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The page: one file that loads nothing from other sites.
const PAGE: &str = include_str!("../assets/page.html");
/// An event stream sends at most one snapshot in this time; changes in between are in the next one.
const EVENT_EVERY: Duration = Duration::from_millis(250);
/// A wrong password is answered after this time.
const WRONG_PASSWORD_WAIT: Duration = Duration::from_millis(500);
/// The page may run its own script and connect to this server only.
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
    /// Each open stream holds a reference.
    pub(crate) streams: Arc<()>,
}

/// The page's own headers: it may run its own script, and other sites do not learn its address.
fn secured(answer: Answer) -> Answer {
    answer.with("content-security-policy", POLICY).with("referrer-policy", "no-referrer")
}

impl http::Site for Site {
    async fn answer(&self, request: Request) -> Answer {
        secured(respond(self, &request).await)
    }
}

async fn respond(site: &Site, request: &Request) -> Answer {
    match pass(&site.listen, request) {
        Pass::Open => {}
        Pass::Misdirected => return Answer::misdirected(),
        wrong => {
            if wrong == Pass::Wrong {
                tokio::time::sleep(WRONG_PASSWORD_WAIT).await;
            }
            let answer = Answer::text(Status::Unauthorized, "password required (any user name)");
            return answer.with("www-authenticate", "Basic realm=\"Heijunka\", charset=\"UTF-8\"");
        }
    }
    match (request.method.as_str(), Order::of(&request.path)) {
        ("POST", Some(order)) => obey(site, request, order).await,
        (_, Some(_)) => {
            Answer::not_allowed("this is an order, send it as POST: curl -X POST -H 'X-Heijunka: 1' …", "POST")
        }
        ("GET" | "HEAD", None) => show(site, &request.path, request.method == "GET"),
        _ => Answer::not_allowed("only GET and HEAD are allowed here", "GET, HEAD"),
    }
}

async fn obey(site: &Site, request: &Request, order: Order) -> Answer {
    if !site.listen.control {
        return Answer::text(
            Status::Forbidden,
            "this page accepts no orders: set [web] control = true in the aggregator's settings",
        );
    }
    if let Err(why) = is_own(request) {
        return Answer::text(Status::Forbidden, why);
    }
    let phase = site.desk.snapshots.borrow().phase;
    if phase == "connecting" || phase == "finished" {
        return Answer::text(Status::Conflict, &format!("the job is {phase}: it accepts no orders now"));
    }
    match ask(&site.desk.orders, order).await {
        Ok(done) => Answer::text(Status::Ok, &done),
        Err(why) => Answer::text(Status::Conflict, &why),
    }
}

fn show(site: &Site, path: &str, with_body: bool) -> Answer {
    let snapshot = || Arc::clone(&site.desk.snapshots.borrow());
    let whole = |kind: &str, bytes: Bytes| Answer::new(Status::Ok, kind, Body::Whole(bytes));
    match path {
        "/" => whole("text/html; charset=utf-8", Bytes::from_static(PAGE.as_bytes())),
        "/state" => whole("application/json", state(&snapshot(), &mut Sent::default()).into()),
        "/metrics" => Answer::metrics(metrics(&snapshot())),
        "/events" if with_body => Answer::new(Status::Ok, "text/event-stream", events(site)),
        _ => match files::kind(path) {
            Some(kind) => file(site, path, kind),
            None => Answer::text(
                Status::NotFound,
                "not found; available are /, /state, /events, /metrics and the model's files",
            ),
        },
    }
}

fn file(site: &Site, path: &str, kind: &str) -> Answer {
    let Ok((content, bytes)) = files::content(&site.desk.folder, path) else {
        let text = format!("there is no {path} yet: /export and /checkpoint write the files once training has begun");
        return Answer::text(Status::NotFound, &text);
    };
    let answer = Answer::new(Status::Ok, kind, content).with("content-length", &bytes.to_string());
    answer.with("content-disposition", "attachment")
}

/// One message waits at most: a browser that reads slowly gets fewer of them, and newer ones.
fn events(site: &Site) -> Body {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(feed(site.desk.snapshots.clone(), sender, Arc::clone(&site.streams)));
    Body::Stream(receiver)
}

async fn feed(mut snapshots: watch::Receiver<Arc<Snapshot>>, sender: mpsc::Sender<Bytes>, _stream: Arc<()>) {
    let mut so_far = Sent::default();
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
