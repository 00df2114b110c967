//! `[status]`: what the agent tells people.

use heijunka_settings::{Problem, Span};
use serde::Deserialize;
use std::time::Duration;

/// `[status]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Status {
    /// Time between two status messages, 100ms or more. `publish_every = "2s"`
    publish_every: Span,
}

impl Default for Status {
    fn default() -> Self {
        Self { publish_every: Span::from_secs(2) }
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
}
