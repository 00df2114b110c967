//! What a session knows of its present connection: how to wake its writer and how to end it.

use std::sync::Mutex;
use std::sync::PoisonError;

use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode as Code;
use tokio::sync::Notify;

/// Shared by a connection's task and the session it serves.
#[derive(Debug, Default)]
pub(crate) struct Link {
    wake: Notify,
    ended: Notify,
    farewell: Mutex<Option<Code>>,
}

impl Link {
    /// There is something to write.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Ends the connection from outside, with this last word to the client.
    pub(crate) fn end(&self, farewell: Code) {
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(farewell);
        self.ended.notify_one();
    }

    /// Waits for [`Link::end`].
    pub(crate) async fn ended(&self) -> Code {
        self.ended.notified().await;
        self.farewell.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(Code::UnspecifiedError)
    }
}
