//! From the connection to the reader: bounded by bytes, in order, nothing dropped.
//!
//! When the reader falls behind by more than the bound, the connection's task waits for it and stops reading from the
//! socket. TCP then slows the broker, which queues within its own limits. Only a reader that stops for longer than
//! the keep-alive loses the connection; the session, and what the broker has queued, are there when it comes back.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;

use crate::BusEvent;

/// What an event costs besides topic and payload, in bytes.
const EVENT_BYTES: usize = 64;

/// Ends the connection's task when neither a [`crate::Bus`] nor [`Events`] is left to use it.
#[derive(Debug)]
pub(crate) struct TaskGuard(pub(crate) AbortHandle);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The receiving end of the bus.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::UnboundedReceiver<(BusEvent, u32)>,
    room: Arc<Semaphore>,
    guard: Option<Arc<TaskGuard>>,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct Inbox {
    queue: mpsc::UnboundedSender<(BusEvent, u32)>,
    room: Arc<Semaphore>,
    bytes_max: u32,
}

pub(crate) fn channel(bytes_max: usize) -> (Inbox, Events) {
    let bytes_max = u32::try_from(bytes_max.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
    let room = Arc::new(Semaphore::new(bytes_max as usize));
    let (sender, receiver) = mpsc::unbounded_channel();
    let inbox = Inbox { queue: sender, room: Arc::clone(&room), bytes_max };
    (inbox, Events { queue: receiver, room, guard: None })
}

impl Inbox {
    /// Waits for room, then queues. An event larger than the bound takes all of it. Without a reader events vanish.
    pub(crate) async fn push(&self, event: BusEvent) {
        let bytes = EVENT_BYTES
            + match &event {
                BusEvent::Message(incoming) => incoming.topic.len() + incoming.payload.len(),
                _ => 0,
            };
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.bytes_max);
        if let Ok(permits) = self.room.acquire_many(bytes).await {
            permits.forget();
            // Fails only when the reader has just gone, and with it the need for the event.
            let _ = self.queue.send((event, bytes));
        }
    }
}

impl Events {
    pub(crate) fn hold(&mut self, guard: Arc<TaskGuard>) {
        self.guard = Some(guard);
    }

    /// Waits for the next event; `None` once the bus is closed and everything has been read.
    pub async fn next(&mut self) -> Option<BusEvent> {
        let (event, bytes) = self.queue.recv().await?;
        self.room.add_permits(bytes as usize);
        Some(event)
    }

    /// The next event, if one is there now.
    pub fn try_next(&mut self) -> Option<BusEvent> {
        let (event, bytes) = self.queue.try_recv().ok()?;
        self.room.add_permits(bytes as usize);
        Some(event)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        // A connection that waits for room can continue without a reader.
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::Incoming;

    fn message(payload_bytes: usize) -> BusEvent {
        BusEvent::Message(Incoming {
            topic: "t".to_owned(),
            payload: Bytes::from(vec![0; payload_bytes]),
            retain: false,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_writer_waits_for_a_slow_reader() {
        let (inbox, mut events) = channel(1000);
        inbox.push(message(400)).await;
        inbox.push(message(400)).await;
        let mut third = std::pin::pin!(inbox.push(message(400)));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut third).await.is_err(), "no room for the third");
        assert_eq!(events.next().await, Some(message(400)));
        third.await;
        assert!(events.try_next().is_some() && events.try_next().is_some() && events.try_next().is_none());
    }

    #[tokio::test]
    async fn an_event_over_the_bound_still_passes() {
        let (inbox, mut events) = channel(1000);
        inbox.push(message(5000)).await;
        assert_eq!(events.next().await, Some(message(5000)));
        inbox.push(message(5000)).await;
        assert_eq!(events.next().await, Some(message(5000)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_reader_nothing_waits() {
        let (inbox, events) = channel(100);
        inbox.push(message(10)).await;
        let mut second = std::pin::pin!(inbox.push(message(90)));
        let waited = tokio::time::timeout(Duration::from_secs(1), &mut second).await;
        assert!(waited.is_err(), "no room while the reader is there");
        drop(events);
        let waited = tokio::time::timeout(Duration::from_secs(1), second).await;
        assert!(waited.is_ok(), "who waited is let through when the reader goes");
        let waited = tokio::time::timeout(Duration::from_secs(1), inbox.push(message(90))).await;
        assert!(waited.is_ok(), "and so is who comes later");
    }
}
