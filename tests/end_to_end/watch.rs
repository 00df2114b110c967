//! A client that reads what the programs publish for people.

use heijunka_bus::{Bus, BusConfig, BusEvent, Events, Message};
use heijunka_tests::Plant;
use serde_json::Value;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Far beyond what anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A subscription, read from a test that does not await.
pub(crate) struct Watch {
    runtime: Runtime,
    bus: Bus,
    events: Events,
}

impl Watch {
    /// Subscribes to `filter`; everything published from now on is seen.
    pub(crate) fn new(plant: &Plant, filter: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut config = BusConfig::new("127.0.0.1", plant.mosquitto.port(), format!("watch-{filter}"));
        config.subscriptions = vec![filter.to_owned()];
        config.reconnect_max = Duration::from_secs(1);
        let (bus, mut events) = runtime.block_on(async { heijunka_bus::start(config) }).unwrap();
        runtime.block_on(async {
            let subscribed = async { while !matches!(events.next().await, Some(BusEvent::Subscribed)) {} };
            tokio::time::timeout(PATIENCE, subscribed).await.unwrap();
        });
        Self { runtime, bus, events }
    }

    /// The next message that `wanted` accepts: topic and payload.
    pub(crate) fn next(&mut self, mut wanted: impl FnMut(&str, &Value) -> bool) -> (String, Value) {
        let events = &mut self.events;
        let found = async {
            loop {
                if let Some(BusEvent::Message(message)) = events.next().await {
                    let value = serde_json::from_slice(&message.payload).unwrap_or(Value::Null);
                    if wanted(&message.topic, &value) {
                        return (message.topic, value);
                    }
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, found).await }).unwrap()
    }

    /// Length of the next message.
    pub(crate) fn bytes(&mut self) -> usize {
        let events = &mut self.events;
        let found = async {
            loop {
                if let Some(BusEvent::Message(message)) = events.next().await {
                    return message.payload.len();
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, found).await }).unwrap()
    }

    /// Publishes, and waits until the broker has it.
    pub(crate) fn publish(&self, topic: &str, payload: Vec<u8>) {
        self.bus.publish(Message::new(topic, payload)).unwrap();
        self.runtime.block_on(async {
            let sent = async {
                while self.bus.unacknowledged() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(PATIENCE, sent).await.unwrap();
        });
    }
}
