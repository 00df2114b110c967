//! Answers: a status, headers and a body.

use bytes::Bytes;
use std::fmt::Write;
use tokio::sync::mpsc;

/// Content type of a plain text.
const TEXT: &str = "text/plain; charset=utf-8";

/// The status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 200.
    Ok,
    /// 400.
    BadRequest,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 405.
    MethodNotAllowed,
    /// 409.
    Conflict,
    /// 421.
    MisdirectedRequest,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::Unauthorized => "401 Unauthorized",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::Conflict => "409 Conflict",
            Self::MisdirectedRequest => "421 Misdirected Request",
        }
    }
}

/// What an answer consists of.
#[derive(Debug)]
pub enum Body {
    /// These bytes.
    Whole(Bytes),
    /// What is sent here, until the sender is dropped.
    Stream(mpsc::Receiver<Bytes>),
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    head: String,
    body: Body,
}

impl Answer {
    /// An answer of content type `kind`. No cache may keep it, and no browser may guess another type.
    pub fn new(status: Status, kind: &str, body: Body) -> Self {
        let mut head = format!(
            "HTTP/1.1 {}\r\ncontent-type: {kind}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n\
             connection: close\r\n",
            status.line()
        );
        if let Body::Whole(bytes) = &body {
            // Writing to memory cannot fail.
            let _ = write!(head, "content-length: {}\r\n", bytes.len());
        }
        Self { head, body }
    }

    /// One line of plain text.
    pub fn text(status: Status, line: &str) -> Self {
        Self::new(status, TEXT, Body::Whole(format!("{line}\n").into()))
    }

    /// Figures in Prometheus' text format.
    pub fn metrics(text: String) -> Self {
        Self::new(Status::Ok, crate::CONTENT_TYPE, Body::Whole(text.into()))
    }

    /// The answer to a request for a name that is not this machine's.
    pub fn misdirected() -> Self {
        let line = "this is for this machine only: use http://localhost or its address";
        Self::text(Status::MisdirectedRequest, line)
    }

    /// The answer to a method other than `allowed`: `GET, HEAD`.
    pub fn not_allowed(line: &str, allowed: &str) -> Self {
        Self::text(Status::MethodNotAllowed, line).with("allow", allowed)
    }

    /// The same answer with another header. `name` and `value` come from the program, never from a peer.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.head, "{name}: {value}\r\n");
        self
    }

    /// The head as it is sent, and the body.
    pub(super) fn into_parts(mut self) -> (String, Body) {
        self.head.push_str("\r\n");
        (self.head, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_names_type_and_length() {
        let (head, _) = Answer::not_allowed("this can only be read", "GET, HEAD").into_parts();
        let expected = "HTTP/1.1 405 Method Not Allowed\r\ncontent-type: text/plain; charset=utf-8\r\n\
                        cache-control: no-store\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\
                        content-length: 22\r\nallow: GET, HEAD\r\n\r\n";
        assert_eq!(head, expected);
        let (_sender, receiver) = mpsc::channel(1);
        let (head, _) = Answer::new(Status::Ok, "text/event-stream", Body::Stream(receiver)).into_parts();
        assert!(!head.contains("content-length"), "{head}");
    }
}
