//! The slower link that `[emulate]` makes believe: a message is published when its last bit would be through.
//!
//! The cap of `[limits] uplink` is not kept here: the worker keeps it.

use heijunka_bus::Message;
use heijunka_units::{ByteRate, Pacer, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;

/// Messages on their way out.
#[derive(Debug)]
pub(crate) struct Uplink {
    emulated: Option<Pacer>,
    waiting: VecDeque<(Timestamp, Message)>,
}

impl Uplink {
    /// `None`: the link is as fast as it is.
    pub(crate) fn new(emulated: Option<ByteRate>) -> Self {
        Self { emulated: emulated.map(Pacer::new), waiting: VecDeque::new() }
    }

    /// Takes a message, or gives it back if the link is not emulated; and for how long it is held back.
    pub(crate) fn send(&mut self, message: Message, now: Timestamp) -> (Option<Message>, Duration) {
        let leaves = self.emulated.as_mut().map_or(now, |link| link.take(message.payload.len(), now).1);
        if leaves <= now && self.waiting.is_empty() {
            return (Some(message), Duration::ZERO);
        }
        self.waiting.push_back((leaves, message));
        (None, leaves.since(now))
    }

    /// When the next message is through.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.waiting.front().map(|(at, _)| *at)
    }

    /// The next message that is through.
    pub(crate) fn ready(&mut self, now: Timestamp) -> Option<Message> {
        self.due().filter(|at| *at <= now)?;
        self.waiting.pop_front().map(|(_, message)| message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulated_link_delivers_messages_one_after_the_other() {
        let message = |bytes| Message::new("t", vec![0; bytes]);
        let at = |millis| Timestamp::ZERO + Duration::from_millis(millis);
        let mut uplink = Uplink::new(ByteRate::from_bits_per_s(8000));
        assert!(uplink.send(message(500), at(0)).0.is_none());
        assert_eq!(uplink.send(message(250), at(100)).1, Duration::from_millis(650));
        assert_eq!(uplink.due(), Some(at(500)));
        assert!(uplink.ready(at(499)).is_none());
        assert_eq!(uplink.ready(at(500)).map(|message| message.payload.len()), Some(500));
        assert!(uplink.ready(at(749)).is_none());
        assert_eq!(uplink.ready(at(750)).map(|message| message.payload.len()), Some(250));
        // An idle link has saved nothing up.
        assert_eq!(uplink.send(message(1), at(5000)).1, Duration::from_millis(1));
        let mut free = Uplink::new(None);
        assert!(free.send(message(9), at(0)).0.is_some() && free.due().is_none());
    }
}
