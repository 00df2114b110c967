//! Requests: what is read of them, and whether they are meant for this machine.

use std::net::IpAddr;

/// Headers of a request; more are refused.
const HEADERS_MAX: usize = 64;

/// The first line and the headers of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// `/metrics`, without a query.
    pub path: String,
    headers: Vec<(String, String)>,
}

/// The head is not HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Request {
    /// The request at the start of `bytes`; `None` while its head is not complete.
    ///
    /// # Errors
    /// The head is not HTTP, or has too many headers.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(bytes).map_err(|_| Malformed)?.is_partial() {
            return Ok(None);
        }
        let (method, target) = request.method.zip(request.path).ok_or(Malformed)?;
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let headers = request.headers.iter().map(|header| (header.name.to_owned(), text(header.value))).collect();
        Ok(Some(Self { method: method.to_owned(), path: path.to_owned(), headers }))
    }

    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the request names this machine by its address, by `localhost` or not at all. Behind any other name there may
    /// be the page of another site (DNS rebinding).
    #[must_use]
    pub fn is_for_this_machine(&self) -> bool {
        self.header("host").is_none_or(is_own)
    }
}

/// An address, or the one name that no name server can point elsewhere.
fn is_own(host: &str) -> bool {
    let name = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let head = "GET /metrics?a=1 HTTP/1.1\r\nHost: 127.0.0.1:9465\r\nX-A: \u{e9}\r\n\r\n";
        assert_eq!(Request::parse(&head.as_bytes()[..40]), Ok(None));
        let request = Request::parse(head.as_bytes()).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/metrics"));
        assert_eq!((request.header("hOST"), request.header("b")), (Some("127.0.0.1:9465"), None));
        assert!(request.is_for_this_machine());
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let many: String = (0..100).map(|number| format!("a{number}: b\r\n")).collect();
        for text in ["\u{1}\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n", &format!("GET /metrics HTTP/1.1\r\n{many}\r\n")] {
            assert_eq!(Request::parse(text.as_bytes()), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn own_names_are_known() {
        for own in ["localhost", "LOCALHOST:9465", "127.0.0.1", "[::1]:9465", "[::1]", "10.0.0.7:1"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "a@127.0.0.1"] {
            assert!(!is_own(other), "{other}");
        }
    }
}
