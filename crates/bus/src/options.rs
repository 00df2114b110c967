//! From our configuration to rumqttc's options.

use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Filter, LastWill, Subscribe};

use crate::tls::with_tls;
use crate::{BusConfig, Quality};
use heijunka_units::Secret;

/// Unacknowledged publishes on the way at most; the broker may ask for less. rumqttc keeps a table of this size, which
/// at its default of 65,535 costs 15 MB.
pub(crate) const INFLIGHT_MAX: u16 = 64;
/// Longest time for TCP, CONNECT and CONNACK together, in seconds.
pub(crate) const CONNECT_TIMEOUT_S: u64 = 5;

pub(crate) fn mqtt_options(config: &BusConfig) -> MqttOptions {
    // rumqttc joins host and port with a colon, which an IPv6 address survives in brackets. With TLS it takes the host
    // for the certificate's name as well, which has none; there the resolver takes what is after the last colon as port.
    let host = if config.host.contains(':') && !config.host.starts_with('[') && config.tls.is_none() {
        format!("[{}]", config.host)
    } else {
        config.host.clone()
    };
    let mut options = MqttOptions::new(config.client_id.clone(), host, config.port);
    options.set_keep_alive(config.keep_alive);
    options.set_connection_timeout(CONNECT_TIMEOUT_S);
    options.set_outgoing_inflight_upper_limit(INFLIGHT_MAX);
    options.set_clean_start(false);
    let mut properties = ConnectProperties::new();
    properties.session_expiry_interval = Some(u32::try_from(config.session_expiry.as_secs()).unwrap_or(u32::MAX));
    properties.max_packet_size = Some(config.packet_bytes_max);
    options.set_connect_properties(properties);
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let Some(tls) = &config.tls {
        with_tls(&mut options, tls);
    }
    if config.username.is_some() || config.password.is_some() {
        let password = config.password.as_ref().map_or("", Secret::reveal);
        options.set_credentials(config.username.as_deref().unwrap_or_default(), password);
    }
    if let Some(will) = &config.will {
        options.set_last_will(LastWill::new(
            will.topic.as_ref(),
            will.payload.to_vec(),
            qos(will.qos),
            will.retain,
            None,
        ));
    }
    options
}

pub(crate) fn qos(quality: Quality) -> QoS {
    match quality {
        Quality::AtMostOnce => QoS::AtMostOnce,
        Quality::AtLeastOnce => QoS::AtLeastOnce,
    }
}

pub(crate) fn subscribe_packet(filters: &[String]) -> Subscribe {
    Subscribe::new_many(filters.iter().map(|filter| Filter::new(filter.as_str(), QoS::AtLeastOnce)), None)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Message;

    #[test]
    fn the_session_is_kept_and_packets_are_bounded() {
        let mut config = BusConfig::new("plant", 1883, "press-07");
        config.packet_bytes_max = 300_000;
        config.session_expiry = Duration::from_secs(77);
        config.will = Some(Message::new("state", "gone").retained());
        let options = mqtt_options(&config);
        assert!(!options.clean_start());
        assert_eq!(options.session_expiry_interval(), Some(77));
        assert_eq!(options.max_packet_size(), Some(300_000));
        assert_eq!(options.get_outgoing_inflight_upper_limit(), Some(INFLIGHT_MAX));
        assert!(options.last_will().is_some_and(|will| will.retain && will.topic == "state"));
        assert!(options.credentials().is_none());
    }

    #[cfg(feature = "tls")]
    #[test]
    fn with_tls_an_ipv6_address_is_a_name_of_the_certificate() {
        let key = rcgen::KeyPair::generate().unwrap();
        let ca = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
        let mut config = BusConfig::new("::1", 8883, "a");
        config.tls = crate::Tls::new(&crate::TlsFiles { ca: ca.as_bytes(), client: None, server_name: None }).ok();
        let (address, _) = mqtt_options(&config).broker_address();
        assert!(matches!(mqtt_options(&config).transport(), rumqttc::Transport::Tls(_)));
        assert!(rustls::pki_types::ServerName::try_from(address.as_str()).is_ok(), "{address}");
        // As rumqttc joins them: the system takes what is after the last colon as the port.
        let mut found = std::net::ToSocketAddrs::to_socket_addrs(format!("{address}:8883").as_str()).unwrap();
        assert_eq!(found.next(), Some("[::1]:8883".parse().unwrap()));
    }

    #[test]
    fn an_ipv6_address_gets_brackets() {
        assert_eq!(mqtt_options(&BusConfig::new("::1", 1883, "a")).broker_address().0, "[::1]");
        assert_eq!(mqtt_options(&BusConfig::new("plant", 1883, "a")).broker_address().0, "plant");
    }
}
