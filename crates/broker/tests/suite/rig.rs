//! What the tests use: a broker of either kind, and clients that wait for what they expect.

use std::time::Duration;

use bytes::Bytes;
use heijunka_broker::mosquitto::{Mosquitto, Options};
use heijunka_broker::{Broker, BrokerConfig, Credentials};
use heijunka_bus::{Bus, BusConfig, BusEvent, Events, Incoming, start};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Far longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Runs each test once per kind of broker.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod mosquitto {
            $(#[tokio::test] async fn $name() { super::$name(crate::rig::Kind::Mosquitto).await; })*
        }
        mod embedded {
            $(#[tokio::test] async fn $name() { super::$name(crate::rig::Kind::Embedded).await; })*
        }
    };
}
pub(crate) use on_both;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Mosquitto,
    Embedded,
}

#[derive(Debug, Default)]
pub(crate) struct Setup {
    pub(crate) packet_bytes_max: Option<u32>,
    pub(crate) login: Option<Credentials>,
    pub(crate) forgetful: bool,
    pub(crate) saving_every_change: bool,
}

pub(crate) enum TestBroker {
    Mosquitto(Mosquitto),
    Embedded { broker: Option<Broker>, config: BrokerConfig },
}

impl TestBroker {
    pub(crate) async fn start(kind: Kind, setup: Setup) -> Self {
        match kind {
            Kind::Mosquitto => {
                let options = Options {
                    without_persistence: setup.forgetful,
                    // The shipped setting writes the whole file after every message: too slow for a thousand of them.
                    saving_every_change: setup.saving_every_change,
                    packet_bytes_max: setup.packet_bytes_max,
                    login: setup.login,
                    ..Options::default()
                };
                Self::Mosquitto(Mosquitto::start(&options).expect("Mosquitto is needed for this test"))
            }
            Kind::Embedded => {
                let mut config = BrokerConfig { login: setup.login, ..BrokerConfig::default() };
                config.packet_bytes_max = setup.packet_bytes_max.unwrap_or(config.packet_bytes_max);
                let broker = Broker::bind(config.clone()).await.unwrap();
                config.addr = broker.local_addr();
                Self::Embedded { broker: Some(broker), config }
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        match self {
            Self::Mosquitto(mosquitto) => mosquitto.port(),
            Self::Embedded { config, .. } => config.addr.port(),
        }
    }

    pub(crate) async fn stop(&mut self) {
        match self {
            Self::Mosquitto(mosquitto) => mosquitto.kill().unwrap(),
            Self::Embedded { broker, .. } => broker.take().unwrap().shutdown().await,
        }
    }

    pub(crate) async fn start_again(&mut self) {
        match self {
            Self::Mosquitto(mosquitto) => mosquitto.start_again().unwrap(),
            Self::Embedded { broker, config } => *broker = Some(Broker::bind(config.clone()).await.unwrap()),
        }
    }

    pub(crate) fn config(&self, client_id: &str, filters: &[&str]) -> BusConfig {
        let mut config = BusConfig::new("127.0.0.1", self.port(), client_id);
        config.subscriptions = filters.iter().map(|filter| (*filter).to_owned()).collect();
        config.reconnect_max = Duration::from_millis(200);
        config
    }

    pub(crate) async fn client(&self, client_id: &str, filters: &[&str]) -> Client {
        Client::join(self.config(client_id, filters)).await
    }
}

pub(crate) struct Client {
    pub(crate) bus: Bus,
    pub(crate) events: Events,
}

impl Client {
    pub(crate) fn new(config: BusConfig) -> Self {
        let (bus, events) = start(config).unwrap();
        Self { bus, events }
    }

    /// Connected and subscribed.
    pub(crate) async fn join(config: BusConfig) -> Self {
        let mut client = Self::new(config);
        client.until(|event| matches!(event, BusEvent::Subscribed)).await;
        client
    }

    pub(crate) async fn next(&mut self) -> BusEvent {
        tokio::time::timeout(PATIENCE, self.events.next()).await.expect("no event came").expect("the bus has ended")
    }

    /// The first event that fits; those before it are dropped.
    pub(crate) async fn until(&mut self, fits: impl Fn(&BusEvent) -> bool) -> BusEvent {
        loop {
            let event = self.next().await;
            if fits(&event) {
                return event;
            }
        }
    }

    pub(crate) async fn message(&mut self) -> Incoming {
        loop {
            if let BusEvent::Message(message) = self.next().await {
                return message;
            }
        }
    }

    /// Topic and payload of the next message, as text.
    pub(crate) async fn text(&mut self) -> (String, String) {
        let message = self.message().await;
        (message.topic, String::from_utf8(message.payload.to_vec()).unwrap())
    }

    /// Returns when the broker has acknowledged everything.
    pub(crate) async fn settled(&self) {
        let all = async {
            while self.bus.unacknowledged() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, all).await.expect("not everything was acknowledged");
    }

    /// Ends like a crash: the connection breaks without farewell.
    pub(crate) fn crash(self) {}
}

/// Bytes that differ from each other and from those of another seed.
pub(crate) fn noise(seed: u64, bytes: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(next).collect::<Vec<u8>>().into()
}

/// A client without the bus, which does only what the test says.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    /// Connects with a session that stays for a minute, and waits for the CONNACK.
    pub(crate) async fn connect(port: u16, client_id: &str, keep_alive_s: u16) -> Self {
        let mut socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        socket.write_all(&connect_packet(client_id, keep_alive_s)).await.unwrap();
        let mut raw = Self(socket);
        let (first, _) = raw.packet().await.expect("a CONNACK");
        assert_eq!(first, 0x20);
        raw
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// First byte and body of the next packet; `None` when the connection is over.
    pub(crate) async fn packet(&mut self) -> Option<(u8, Vec<u8>)> {
        tokio::time::timeout(PATIENCE, self.read_packet()).await.expect("no packet came")
    }

    async fn read_packet(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.0.read_u8().await.ok()?;
        let mut length = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.0.read_u8().await.ok()?;
            length |= usize::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some((first, body))
    }
}

pub(crate) fn connect_packet(client_id: &str, keep_alive_s: u16) -> Vec<u8> {
    let mut body = b"\0\x04MQTT\x05\0".to_vec();
    body.extend(keep_alive_s.to_be_bytes());
    body.extend([5, 0x11, 0, 0, 0, 60]);
    body.extend(text(client_id));
    packet(0x10, &body)
}

/// A SUBSCRIBE with QoS 1.
pub(crate) fn subscribe_packet(filter: &str) -> Vec<u8> {
    let mut body = vec![0, 1, 0];
    body.extend(text(filter));
    body.push(1);
    packet(0x82, &body)
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

/// Short packets only.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 128);
    let mut bytes = vec![first, u8::try_from(body.len()).unwrap()];
    bytes.extend(body);
    bytes
}
