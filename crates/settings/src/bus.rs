//! From the `[broker]` section to what the bus is told.

use crate::{BrokerSettings, Problem};
use heijunka_bus::{BusConfig, Secret as BusSecret, Tls, TlsError, TlsFiles};
use std::path::{Path, PathBuf};

impl BrokerSettings {
    /// What the bus is told, as client `client_id`. `resolve` turns a path of the settings into one to open
    /// ([`Loaded::resolve`](crate::Loaded::resolve)).
    ///
    /// # Errors
    /// A value out of range, or a file of secrets or certificates that cannot be used; the problem's key counts from the
    /// `[broker]` section.
    pub fn bus_config(
        &self,
        client_id: impl Into<String>,
        resolve: impl Fn(&Path) -> PathBuf,
    ) -> Result<BusConfig, Problem> {
        self.check()?;
        let mut bus = BusConfig::new(&self.url.host, self.url.port, client_id);
        bus.tls = self.bus_tls(&resolve)?;
        bus.username = self.username.clone();
        bus.password = self.password(&resolve)?.map(|password| BusSecret::new(password.reveal()));
        bus.keep_alive = self.keep_alive.duration();
        bus.reconnect_max = self.reconnect_max.duration();
        bus.packet_bytes_max = u32::try_from(self.max_packet.bytes()).unwrap_or(u32::MAX);
        Ok(bus)
    }

    fn bus_tls(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<Tls>, Problem> {
        let Some(texts) = self.tls(resolve)? else { return Ok(None) };
        let client = texts.client.as_ref().map(|(certificate, key)| (certificate.as_slice(), key.as_slice()));
        let files = TlsFiles { ca: &texts.ca, client, server_name: self.tls_server_name.as_deref() };
        let problem = |error: TlsError| Problem::new(error.setting(), error.to_string(), error.fix());
        Tls::new(&files).map(Some).map_err(problem)
    }
}
