//! Makes the uplink seem slower than it is, for trials: messages leave one after the other, each after its time.

use heijunka_bus::Message;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Messages on their way through an uplink of so many bits a second.
#[derive(Debug)]
pub(crate) struct Uplink {
    bps: Option<u64>,
    free_at: Instant,
    waiting: VecDeque<(Instant, Message)>,
}

impl Uplink {
    /// Without a number nothing is held back.
    pub(crate) fn new(bps: Option<u64>, now: Instant) -> Self {
        Self { bps, free_at: now, waiting: VecDeque::new() }
    }

    /// Takes a message, or gives it back if nothing holds it; and until when it is held.
    pub(crate) fn send(&mut self, message: Message, now: Instant) -> (Option<Message>, Instant) {
        let Some(bps) = self.bps else { return (Some(message), now) };
        let seconds = message.payload.len() as f64 * 8.0 / bps as f64;
        self.free_at = self.free_at.max(now) + Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.waiting.push_back((self.free_at, message));
        (None, self.free_at)
    }

    /// When the next message is through.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(at, _)| *at)
    }

    /// The next message that is through.
    pub(crate) fn ready(&mut self, now: Instant) -> Option<Message> {
        self.due().filter(|at| *at <= now)?;
        self.waiting.pop_front().map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_one_after_the_other() {
        let start = Instant::now();
        let mut uplink = Uplink::new(Some(8000), start);
        let message = |bytes: usize| Message::new("t", vec![0; bytes]);
        let at = |millis| start + Duration::from_millis(millis);
        assert!(uplink.send(message(500), start).0.is_none());
        assert_eq!(uplink.send(message(250), at(100)).1, at(750));
        assert_eq!(uplink.due(), Some(at(500)));
        assert!(uplink.ready(at(499)).is_none());
        assert_eq!(uplink.ready(at(500)).map(|message| message.payload.len()), Some(500));
        assert!(uplink.ready(at(749)).is_none());
        assert_eq!(uplink.ready(at(750)).map(|message| message.payload.len()), Some(250));
        // An idle uplink has saved nothing up.
        assert_eq!(uplink.send(message(1), at(5000)).1, at(5001));
        let mut free = Uplink::new(None, start);
        assert!(free.send(message(9), start).0.is_some() && free.due().is_none());
    }
}
