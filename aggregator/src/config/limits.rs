//! `[limits]`: what the aggregator leaves of a link to others.

use heijunka_bus::Message;
use heijunka_settings::{Problem, Rate, link_cap};
use heijunka_units::{Cap, JobName, SiteName};
use heijunka_wire::{Channel, Topics};
use serde::Deserialize;

/// What a packet may have beside that of an empty round: a longer word in its topic, and a longer length.
const LONGER_BYTES: usize = 8;

/// `[limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limits {
    /// Most that is sent to the broker, 8kbit/s or more; unlimited if omitted; the broker passes it on to
    /// each agent: see docs/limits.md; for example `downlink = "2Mbit/s"`
    downlink: Option<Rate>,
}

impl Limits {
    /// The cap on what is sent.
    pub(super) fn downlink(&self, site: &SiteName, job: &JobName) -> Result<Option<Cap>, Problem> {
        let topics = Topics::new(site.clone(), job.clone());
        let empty = Message::new(topics.common(Channel::Round).as_str(), Vec::new());
        let packet_extra_bytes = empty.packet_bytes() + LONGER_BYTES;
        let cap = link_cap("limits.downlink", self.downlink)?;
        Ok(cap.map(|rate| Cap { rate, packet_extra_bytes }))
    }
}
