//! Listening, and stopping.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::DisconnectReasonCode as Code;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::config::CONNECTIONS_MAX;
use crate::connection::serve;
use crate::exchange::Exchange;
use crate::{BindError, BrokerConfig, Stats};

/// Time for all clients to receive the farewell.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// A running broker; dropping it stops it at once, without farewell.
#[derive(Debug)]
pub struct Broker {
    addr: SocketAddr,
    exchange: Arc<Exchange>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Broker {
    /// Listens and serves, in tasks of the current tokio runtime.
    ///
    /// # Errors
    /// [`BindError`]: the port is busy, or the address is not for this broker.
    pub async fn bind(config: BrokerConfig) -> Result<Self, BindError> {
        let addr = config.addr;
        if !addr.ip().is_loopback() && !config.beyond_loopback {
            return Err(BindError::NotLoopback { addr });
        }
        let listener = TcpListener::bind(addr).await.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => BindError::Busy { addr },
            _ => BindError::Io { addr, error },
        })?;
        let addr = listener.local_addr().map_err(|error| BindError::Io { addr, error })?;
        let exchange = Arc::new(Exchange::new(config));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, Arc::clone(&exchange), stopped));
        Ok(Self { addr, exchange, stop: Some(stop), task })
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Counters and sizes.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.exchange.stats()
    }

    /// Says farewell to all clients and stops listening; nothing is kept, no will is published.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails only when the task has ended already.
            let _ = stop.send(());
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, exchange: Arc<Exchange>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut stopped => break,
        };
        match accepted {
            Ok((socket, _)) if connections.len() < CONNECTIONS_MAX => {
                // Without it small packets wait 40 ms for each other.
                if socket.set_nodelay(true).is_ok() {
                    connections.spawn(serve(socket, Arc::clone(&exchange)));
                }
            }
            Ok(_) => tracing::warn!("more than {CONNECTIONS_MAX} connections: one is refused"),
            Err(error) => {
                // Probably no descriptors are left: trying again at once would only use the processor.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    exchange.end_all(Code::ServerShuttingDown);
    let all_gone = async { while connections.join_next().await.is_some() {} };
    // Clients that have not sent a CONNECT are not waited for.
    if tokio::time::timeout(STOP_TIMEOUT, all_gone).await.is_err() {
        connections.shutdown().await;
    }
}
