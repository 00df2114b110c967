//! `[status] http_listen`: where `/metrics` is served, on the driver's own thread.

use heijunka_metrics::MetricsServer;
use std::net::SocketAddr;
use tracing::{info, warn};

/// Starts to listen, and logs where. The agent works without its figures too.
pub(crate) fn start(address: Option<SocketAddr>) -> MetricsServer {
    match MetricsServer::open(address) {
        Ok(server) => {
            if let Some(address) = server.address() {
                info!("figures for Prometheus are at http://{address}/metrics");
            }
            server
        }
        Err(error) => {
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            warn!(
                "no /metrics at {address}: {error}; the agent works all the same; [status] http_listen names another address"
            );
            MetricsServer::default()
        }
    }
}
