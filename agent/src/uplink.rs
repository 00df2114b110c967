//! What leaves this machine, and how fast: the cap that `[limits]` sets, and the slower link that `[emulate]` makes believe.
//!
//! Messages leave one after the other. Under a cap a message begins once those before it are paid for: what leaves in any
//! time T is no more than cap x T and one message, which the driver keeps small. An emulated link delivers a message when
//! its last bit would be through.

use heijunka_bus::Message;
use heijunka_units::{ByteRate, Line, Timestamp};
use std::collections::VecDeque;
use std::time::Duration;

/// What a message was held back for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Held {
    /// Because `[limits] uplink` caps what is sent.
    pub(crate) capped: Duration,
    /// Because `[emulate]` asks for it.
    pub(crate) emulated: Duration,
}

/// Messages on their way out.
#[derive(Debug)]
pub(crate) struct Uplink {
    cap: Option<Line>,
    emulated: Option<Line>,
    waiting: VecDeque<(Timestamp, Message)>,
}

impl Uplink {
    /// Without numbers nothing is held back.
    pub(crate) fn new(cap: Option<ByteRate>, emulated_bps: Option<u64>) -> Self {
        Self {
            cap: cap.map(|cap| Line::new(cap.bits_per_s())),
            emulated: emulated_bps.map(Line::new),
            waiting: VecDeque::new(),
        }
    }

    /// Takes a message, or gives it back if nothing holds it; and what holds it.
    pub(crate) fn send(&mut self, message: Message, now: Timestamp) -> (Option<Message>, Held) {
        let begins = self.cap.as_mut().map_or(now, |cap| cap.take(message.packet_bytes(), now).0);
        let leaves = self.emulated.as_mut().map_or(begins, |line| line.take(message.payload.len(), begins).1);
        let held = Held { capped: begins.since(now), emulated: leaves.since(begins) };
        if leaves <= now && self.waiting.is_empty() {
            return (Some(message), held);
        }
        self.waiting.push_back((leaves, message));
        (None, held)
    }

    /// A message that nothing holds back, because it is small and urgent, leaves at the expense of the next ones.
    pub(crate) fn charge(&mut self, message: &Message, now: Timestamp) {
        if let Some(cap) = &mut self.cap {
            cap.take(message.packet_bytes(), now);
        }
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

    fn message(bytes: usize) -> Message {
        Message::new("t", vec![0; bytes])
    }

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn an_emulated_link_delivers_messages_one_after_the_other() {
        let start = Timestamp::ZERO;
        let mut uplink = Uplink::new(None, Some(8000));
        let at = |millis| start + ms(millis);
        assert!(uplink.send(message(500), start).0.is_none());
        assert_eq!(uplink.send(message(250), at(100)).1, Held { capped: ms(0), emulated: ms(650) });
        assert_eq!(uplink.due(), Some(at(500)));
        assert!(uplink.ready(at(499)).is_none());
        assert_eq!(uplink.ready(at(500)).map(|message| message.payload.len()), Some(500));
        assert!(uplink.ready(at(749)).is_none());
        assert_eq!(uplink.ready(at(750)).map(|message| message.payload.len()), Some(250));
        // An idle uplink has saved nothing up.
        assert_eq!(uplink.send(message(1), at(5000)).1.emulated, ms(1));
        let mut free = Uplink::new(None, None);
        assert!(free.send(message(9), start).0.is_some() && free.due().is_none());
    }

    #[test]
    fn no_more_leaves_than_the_cap_and_one_message() {
        let (cap, start) = (ByteRate::from_bytes_per_s(10_000), Timestamp::ZERO);
        let mut uplink = Uplink::new(cap, None);
        let (mut sent, mut now, mut left) = (Vec::new(), start, 0_usize);
        for turn in 0..200 {
            let urgent = turn % 9 == 0;
            let message = message(if urgent { 20 } else { 100 + turn * 7 % 400 });
            let bytes = message.packet_bytes();
            if urgent {
                uplink.charge(&message, now);
                sent.push((now, bytes));
            } else if let (Some(message), held) = uplink.send(message, now) {
                assert_eq!(held, Held::default());
                sent.push((now, message.packet_bytes()));
            }
            left += bytes;
            now = uplink.due().filter(|_| turn % 3 == 0).unwrap_or(now + ms(1));
            while let Some(message) = uplink.ready(now) {
                sent.push((now, message.packet_bytes()));
            }
        }
        while let Some(due) = uplink.due() {
            now = due;
            sent.extend(uplink.ready(now).map(|message| (now, message.packet_bytes())));
        }
        assert_eq!(sent.iter().map(|(_, bytes)| bytes).sum::<usize>(), left);
        // One message, and those that were urgent.
        let largest = 520 + 23 * 30;
        for (from, (begin, _)) in sent.iter().enumerate() {
            let mut bytes = 0;
            for (at, more) in &sent[from..] {
                bytes += more;
                let most = 10_000.0 * at.since(*begin).as_secs_f64();
                assert!(bytes as f64 <= most + largest as f64, "{bytes} in {:?}", at.since(*begin));
            }
        }
    }

    #[test]
    fn a_cap_and_an_emulated_link_act_one_after_the_other() {
        let start = Timestamp::ZERO;
        let mut uplink = Uplink::new(ByteRate::from_bytes_per_s(1000), Some(16_000));
        let first = uplink.send(message(500), start);
        assert_eq!(first.1, Held { capped: ms(0), emulated: ms(250) });
        let second = uplink.send(message(500), start).1;
        assert!(second.capped >= ms(500) && second.emulated == ms(250), "{second:?}");
    }
}
