//! `[status]`: what the agent reports to people.

use heijunka_settings::{Problem, Span};
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

/// `[status]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Status {
    /// Time between two status messages, 100ms or more. `publish_every = "2s"`
    publish_every: Span,
    /// Address and port of /metrics for Prometheus; off if omitted; for example `http_listen = "127.0.0.1:9465"`
    http_listen: Option<String>,
}

impl Default for Status {
    fn default() -> Self {
        Self { publish_every: Span::from_secs(2), http_listen: None }
    }
}

impl Status {
    /// Time between two status messages.
    pub(super) fn publish_every(&self) -> Result<Duration, Problem> {
        let every = self.publish_every.duration();
        if every < Duration::from_millis(100) {
            return Err(Problem::new("status.publish_every", "less than 100 ms", "write publish_every = \"2s\""));
        }
        Ok(every)
    }

    /// Where /metrics is served.
    pub(super) fn http_listen(&self) -> Result<Option<SocketAddr>, Problem> {
        let Some(text) = &self.http_listen else { return Ok(None) };
        let address = text.parse().map_err(|_| {
            let message = format!("\"{text}\" is not an address with a port");
            Problem::new("status.http_listen", message, "write for example http_listen = \"127.0.0.1:9465\"")
        })?;
        Ok(Some(address))
    }
}
