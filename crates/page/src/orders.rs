//! What people may ask of the job through the page: passed to the driver, which acts between two messages.

use heijunka_metrics::http::Request;
use tokio::sync::{mpsc, oneshot};

/// Orders that wait for the driver at most; further ones are refused with "try again".
pub(crate) const ORDERS_MAX: usize = 8;
/// No form and no image of another site's page can send it: a script of one must ask first, and is refused.
const OWN_HEADER: &str = "x-heijunka";
const FETCH_SITE: &str = "sec-fetch-site";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Finish the open round and open no other one.
    Pause,
    /// Resume training.
    Resume,
    /// Write the model now.
    Checkpoint,
    /// Write the model as ONNX now.
    Export,
    /// End the job.
    Stop,
}

impl Order {
    const ALL: [(&'static str, Self); 5] = [
        ("/pause", Self::Pause),
        ("/resume", Self::Resume),
        ("/checkpoint", Self::Checkpoint),
        ("/export", Self::Export),
        ("/stop", Self::Stop),
    ];

    /// The order of a path.
    pub(crate) fn of(path: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == path).map(|(_, order)| *order)
    }
}

/// What was done, or why not.
pub type Done = Result<String, String>;

/// An order, and where its answer goes.
#[derive(Debug)]
pub struct Asked {
    /// What is to be done.
    pub order: Order,
    /// Takes what was done, or why not.
    pub answer: oneshot::Sender<Done>,
}

/// Passes an order to the driver and waits for the answer.
pub(crate) async fn ask(orders: &mpsc::Sender<Asked>, order: Order) -> Done {
    let (answer, done) = oneshot::channel();
    let busy = "the aggregator is busy: try again in a moment".to_owned();
    orders.try_send(Asked { order, answer }).map_err(|_| busy.clone())?;
    done.await.map_err(|_| busy)?
}

/// Refuses what a page of another site may have sent with this browser's help.
pub(crate) fn is_own(request: &Request) -> Result<(), &'static str> {
    if request.header(OWN_HEADER).is_none() {
        return Err("orders need the header X-Heijunka, so that another site's page cannot send them: \
                    curl -X POST -H 'X-Heijunka: 1' …");
    }
    if request.header(FETCH_SITE).is_some_and(|site| site != "same-origin" && site != "none") {
        return Err("orders are accepted from this page only, not from another site");
    }
    let Some(origin) = request.header("origin") else { return Ok(()) };
    let from = origin.split_once("://").map(|(_, authority)| authority);
    let own = from.zip(request.header("host")).is_some_and(|(from, host)| from.eq_ignore_ascii_case(host));
    if own { Ok(()) } else { Err("orders are accepted from this page only, not from another site") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_sites_page_cannot_give_orders() {
        let own = |given: &[(&str, &str)]| {
            let headers: String = given.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let request = Request::parse(format!("POST /stop HTTP/1.1\r\n{headers}\r\n").as_bytes());
            is_own(&request.unwrap().unwrap()).is_ok()
        };
        let (header, host) = (("x-heijunka", "1"), ("host", "pc-1:8765"));
        assert!(own(&[header]));
        assert!(own(&[header, host, ("origin", "http://PC-1:8765"), ("sec-fetch-site", "same-origin")]));
        assert!(!own(&[host]));
        assert!(!own(&[host, ("origin", "http://pc-1:8765"), ("sec-fetch-site", "same-origin")]));
        for origin in ["http://evil.example", "null", "http://pc-1:8766", "pc-1:8765", ""] {
            assert!(!own(&[header, host, ("origin", origin)]), "{origin}");
        }
        assert!(!own(&[header, ("origin", "http://pc-1:8765")]));
        assert!(!own(&[header, host, ("sec-fetch-site", "cross-site")]));
        assert!(!own(&[header, host, ("sec-fetch-site", "same-site")]));
    }
}
