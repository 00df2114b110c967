//! From the `[broker]` section to the configuration of the bus.

use heijunka_bus::{BusConfig, Tls, TlsError, TlsFiles};
use heijunka_settings::{BrokerSettings, Problem};
use std::path::{Path, PathBuf};

/// The configuration of client `client_id`. `resolve` turns a path of the settings into one to open
/// ([`Loaded::resolve`](heijunka_settings::Loaded::resolve)).
///
/// # Errors
/// A value out of range, or a file of secrets or certificates that cannot be used; the problem's key counts from the
/// `[broker]` section.
pub fn bus_config(
    broker: &BrokerSettings,
    client_id: impl Into<String>,
    resolve: impl Fn(&Path) -> PathBuf,
) -> Result<BusConfig, Problem> {
    broker.check()?;
    let mut bus = BusConfig::new(&broker.url.host, broker.url.port, client_id);
    bus.tls = tls(broker, &resolve)?;
    bus.username = broker.username.clone();
    bus.password = broker.password(&resolve)?;
    bus.keep_alive = broker.keep_alive.duration();
    bus.reconnect_max = broker.reconnect_max.duration();
    bus.packet_bytes_max = u32::try_from(broker.max_packet.bytes()).unwrap_or(u32::MAX);
    Ok(bus)
}

fn tls(broker: &BrokerSettings, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<Tls>, Problem> {
    let Some(texts) = broker.tls(resolve)? else { return Ok(None) };
    let client = texts.client.as_ref().map(|(certificate, key)| (certificate.as_slice(), key.as_slice()));
    let files = TlsFiles { ca: &texts.ca, client, server_name: broker.tls_server_name.as_deref() };
    let problem = |error: TlsError| Problem::new(error.setting(), error.to_string(), error.fix());
    Tls::new(&files).map(Some).map_err(problem)
}
