//! A message on its way through the broker.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;

/// What a message costs besides topic and payload, in bytes.
const MESSAGE_BYTES: usize = 64;

/// A message on its way to clients. Clones share topic and payload.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: Arc<str>,
    pub(crate) payload: Bytes,
    pub(crate) retain: bool,
    pub(crate) qos: QoS,
}

impl Message {
    pub(crate) fn bytes(&self) -> usize {
        MESSAGE_BYTES + self.topic.len() + self.payload.len()
    }
}
