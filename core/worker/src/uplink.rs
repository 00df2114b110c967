//! `[limits] uplink`: what the agent sends leaves no faster than it may.
//!
//! Messages are written when their time comes, not before: what is out of date by then is never sent, and one packet is
//! all the memory that it takes.

use core::time::Duration;
use heijunka_units::{Cap, Pacer, Timestamp};
use heijunka_wire::limits;

/// A driver that wakes later than it was asked to does not lower the rate, if it is no later than this.
const LATE_MAX: Duration = Duration::from_millis(20);

/// The way out.
#[derive(Debug)]
pub(crate) struct Uplink {
    capped: Option<(Cap, Pacer)>,
    /// Since when the next message has waited for those before it.
    waiting_since: Option<Timestamp>,
    held: Duration,
}

impl Uplink {
    pub(crate) fn new(cap: Option<Cap>) -> Self {
        Self { capped: cap.map(|cap| (cap, Pacer::new(cap.rate))), waiting_since: None, held: Duration::ZERO }
    }

    /// The cap; `None` without one.
    pub(crate) fn cap(&self) -> Option<Cap> {
        self.capped.map(|(cap, _)| cap)
    }

    /// For how long messages have been held back until `now`, in all.
    pub(crate) fn held(&self, now: Timestamp) -> Duration {
        self.held + self.waiting_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// A message wants to leave at `now`: when it may, if not at once.
    pub(crate) fn wait(&mut self, now: Timestamp) -> Option<Timestamp> {
        let free_at = self.capped.map(|(_, pacer)| pacer.free_at()).filter(|free_at| *free_at > now)?;
        self.waiting_since.get_or_insert(now);
        Some(free_at)
    }

    /// No message waits any more.
    pub(crate) fn idle(&mut self) {
        self.waiting_since = None;
    }

    /// A message leaves at `now`, with a frame of so many bytes.
    pub(crate) fn send(&mut self, frame_bytes: usize, now: Timestamp) {
        let waited = self.waiting_since.take();
        self.held += waited.map_or(Duration::ZERO, |since| now.since(since));
        if let Some((cap, pacer)) = &mut self.capped {
            let in_time = waited.is_some() && now.since(pacer.free_at()) <= LATE_MAX;
            let came = if in_time { pacer.free_at() } else { now };
            pacer.take(frame_bytes.saturating_add(cap.packet_extra_bytes), came);
        }
    }

    /// The driver has sent a packet by itself, at the expense of what comes next.
    pub(crate) fn charge(&mut self, packet_bytes: usize, now: Timestamp) {
        if let Some((_, pacer)) = &mut self.capped {
            pacer.take(packet_bytes, now);
        }
    }

    /// How many bytes of an object go into a packet that has room for `most`.
    pub(crate) fn chunk_bytes(&self, object_bytes: usize, most: usize) -> usize {
        self.cap().map_or(most, |cap| limits::paced_chunk_bytes(cap.rate, object_bytes).min(most))
    }
}
