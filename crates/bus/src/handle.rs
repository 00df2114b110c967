//! The publishing end of the bus, and its start.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::AsyncClient;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::inbox::{self, TaskGuard};
use crate::options::mqtt_options;
use crate::outbox::{HANDED_MAX, Limits, Outbox};
use crate::session::Session;
use crate::{BusConfig, ConfigError, Events, Message};

/// How long a farewell may take when the deadline of [`Bus::close`] has passed.
const FAREWELL: Duration = Duration::from_millis(250);

/// The publishing end of the bus; clones share it.
///
/// When the last clone and [`Events`] are dropped without [`Bus::close`], the connection ends abruptly and the broker
/// publishes the last will.
#[derive(Debug, Clone)]
pub struct Bus {
    outbox: Arc<Outbox>,
    closing: Arc<Notify>,
    done: watch::Receiver<()>,
    guard: Arc<TaskGuard>,
}

/// Starts the bus: connects, and keeps connected, in a task of its own. Call it within a tokio runtime.
///
/// # Errors
/// A setting that MQTT cannot take. An unreachable broker is an event, not an error.
pub fn start(config: BusConfig) -> Result<(Bus, Events), ConfigError> {
    let silence_max = config.keep_alive + config.keep_alive / 2;
    start_watched(config, silence_max)
}

/// [`start`] with the watchdog's limit given, so that its test need not wait for a real keep-alive.
pub(crate) fn start_watched(config: BusConfig, silence_max: Duration) -> Result<(Bus, Events), ConfigError> {
    config.check()?;
    if config.shows_password() {
        tracing::warn!(
            "the password for {} crosses the network unencrypted, where others can read it: use mqtts:// and ca_file",
            config.host
        );
    }
    let limits = Limits {
        packet_bytes_max: config.packet_bytes_max as usize,
        queue_max: config.queue_max,
        queue_bytes_max: config.queue_bytes_max,
    };
    let (inbox, mut events) = inbox::channel(config.queue_bytes_max);
    // Two places more than messages: one for a farewell, one to spare.
    let (client, event_loop) = AsyncClient::new(mqtt_options(&config), HANDED_MAX + 2);
    let outbox = Arc::new(Outbox::new(limits, client));
    let closing = Arc::new(Notify::new());
    let (alive, done) = watch::channel(());
    let session = Session::new(config, silence_max, event_loop, Arc::clone(&outbox), inbox, Arc::clone(&closing));
    let task = tokio::spawn(async move {
        session.run().await;
        drop(alive);
    });
    let guard = Arc::new(TaskGuard(task.abort_handle()));
    events.hold(Arc::clone(&guard));
    Ok((Bus { outbox, closing, done, guard }, events))
}

impl Bus {
    /// Queues a message. Never waits.
    ///
    /// # Errors
    /// [`PublishError`]: the message is not queued.
    pub fn publish(&self, message: Message) -> Result<(), PublishError> {
        if !crate::config::topic_is_valid(&message.topic) {
            return Err(PublishError::BadTopic { topic: message.topic.to_string() });
        }
        self.outbox.publish(message)
    }

    /// Whether there is a connection now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.outbox.is_connected()
    }

    /// Messages not yet acknowledged (QoS 1) or not yet written (QoS 0).
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.outbox.len()
    }

    /// How long the oldest message that was sent has waited for its acknowledgement; nothing if there is none.
    #[must_use]
    pub fn unacknowledged_for(&self) -> Duration {
        self.outbox.unacknowledged_for()
    }

    /// Largest packet that both this side and the broker take, in bytes (the broker's limit is known once connected).
    #[must_use]
    pub fn packet_bytes_max(&self) -> usize {
        self.outbox.packet_bytes_max()
    }

    /// Waits until everything published is acknowledged, but no longer than `deadline`; then says farewell to the
    /// broker, which does not publish the last will, and ends the bus. Returns how many messages were not delivered.
    pub async fn close(mut self, deadline: Duration) -> usize {
        self.outbox.begin_close();
        self.closing.notify_one();
        if timeout(deadline, self.done.changed()).await.is_err() {
            self.outbox.farewell();
            // Either it went out or the peer does not read: nothing more can be done about it.
            let _ = timeout(FAREWELL, self.done.changed()).await;
            self.guard.0.abort();
        }
        self.outbox.len()
    }
}

/// Why a message was not queued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It would be a larger packet than one of the two sides takes.
    #[error(
        "'{topic}': a packet of {bytes} bytes is over the limit: this side's is {max} bytes, the broker's {}",
        broker_limit(*.broker_max)
    )]
    TooLarge {
        /// The topic.
        topic: String,
        /// Size of the packet, in bytes.
        bytes: usize,
        /// This side's `packet_bytes_max`.
        max: usize,
        /// The broker's limit, if it has sent one.
        broker_max: Option<usize>,
    },
    /// Too much waits already.
    #[error("{messages} messages ({bytes} bytes with those unacknowledged) already wait to be sent")]
    QueueFull {
        /// Messages waiting to be sent.
        messages: usize,
        /// Bytes waiting to be sent or acknowledged.
        bytes: usize,
    },
    /// The topic is empty, too long, or has wildcards.
    #[error("'{topic}' is not a topic")]
    BadTopic {
        /// The topic.
        topic: String,
    },
    /// The bus is closing or closed.
    #[error("the bus is closed")]
    Closed,
}

fn broker_limit(max: Option<usize>) -> String {
    max.map_or_else(|| "is not known".to_owned(), |max| format!("is {max} bytes"))
}
