//! What only the embedded broker has to prove: Mosquitto has its own tests.

use heijunka_broker::{BindError, Broker, BrokerConfig};
use heijunka_bus::{BusEvent, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::{Client, Kind, Raw, Setup, TestBroker, connect_packet, noise, subscribe_packet};

#[tokio::test]
async fn a_busy_port_is_an_error_that_names_it() {
    let broker = Broker::bind(BrokerConfig::default()).await.unwrap();
    let addr = broker.local_addr();
    let error = Broker::bind(BrokerConfig { addr, ..BrokerConfig::default() }).await.unwrap_err();
    assert!(matches!(error, BindError::Busy { addr: busy } if busy == addr));
    assert!(error.to_string().contains(&format!("port {} of 127.0.0.1 is in use", addr.port())), "{error}");
}

#[tokio::test]
async fn other_machines_are_not_served_by_accident() {
    let addr = "0.0.0.0:0".parse().unwrap();
    let error = Broker::bind(BrokerConfig { addr, ..BrokerConfig::default() }).await.unwrap_err();
    assert!(matches!(error, BindError::NotLoopback { .. }));
    Broker::bind(BrokerConfig { addr, beyond_loopback: true, ..BrokerConfig::default() }).await.unwrap();
}

#[tokio::test]
async fn an_unacknowledged_message_comes_again_and_says_so() {
    let broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let mut raw = Raw::connect(broker.port(), "raw", 0).await;
    raw.send(&subscribe_packet("t")).await;
    assert_eq!(raw.packet().await.unwrap().0, 0x90);
    let sender = broker.client("sender", &[]).await;
    for number in 0..30 {
        sender.bus.publish(Message::new("t", vec![number])).unwrap();
    }
    sender.settled().await;
    let mut first = Vec::new();
    for number in 0..20 {
        let (byte, body) = raw.packet().await.unwrap();
        assert_eq!((byte, body.last()), (0x32, Some(&number)), "QoS 1, not a duplicate");
        first.push(body);
    }
    // The window of 20 is full: the first acknowledgement lets the 21st through.
    raw.send(&[0x40, 2, first[0][3], first[0][4]]).await;
    assert_eq!(raw.packet().await.unwrap().1.last(), Some(&20));
    drop(raw);
    let mut raw = Raw::connect(broker.port(), "raw", 0).await;
    for number in 1..=20 {
        let (byte, body) = raw.packet().await.unwrap();
        assert_eq!((byte, body.last()), (0x3A, Some(&number)), "QoS 1, a duplicate");
        assert!(number == 20 || body == first[usize::from(number)], "with the same packet id");
        raw.send(&[0x40, 2, body[3], body[4]]).await;
    }
    for number in 21..30 {
        let (byte, body) = raw.packet().await.unwrap();
        assert_eq!((byte, body.last()), (0x32, Some(&number)));
    }
}

#[tokio::test]
async fn a_takeover_publishes_the_will_and_informs_the_old_client() {
    let broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let mut watcher = broker.client("watcher", &["state"]).await;
    let mut config = broker.config("agent", &[]);
    config.will = Some(Message::new("state", "gone"));
    let mut old = Client::join(config).await;
    let _new = Raw::connect(broker.port(), "agent", 0).await;
    assert_eq!(watcher.text().await.1, "gone");
    old.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
}

#[tokio::test]
async fn silence_beyond_the_keep_alive_ends_the_connection() {
    let broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let mut raw = Raw::connect(broker.port(), "raw", 1).await;
    let (byte, body) = raw.packet().await.expect("a farewell");
    assert_eq!((byte, body[0]), (0xE0, 0x8D), "DISCONNECT with KeepAliveTimeout");
    assert!(raw.packet().await.is_none());
}

#[tokio::test]
async fn an_oversize_packet_is_refused_by_its_header() {
    let setup = Setup { packet_bytes_max: Some(10_000), ..Setup::default() };
    let broker = TestBroker::start(Kind::Embedded, setup).await;
    let mut raw = Raw::connect(broker.port(), "raw", 0).await;
    raw.send(&[0x30, 0xFF, 0xFF, 0xFF, 0x7F]).await;
    let (byte, body) = raw.packet().await.expect("a farewell");
    assert_eq!((byte, body[0]), (0xE0, 0x95), "DISCONNECT with PacketTooLarge");
}

#[tokio::test]
async fn sessions_expire() {
    let broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let mut config = broker.config("agent", &["t"]);
    config.session_expiry = std::time::Duration::ZERO;
    let agent = Client::join(config).await;
    assert_eq!(agent.bus.close(crate::rig::PATIENCE).await, 0);
    let TestBroker::Embedded { broker: Some(broker), .. } = &broker else { unreachable!() };
    let gone = async {
        while broker.stats().sessions > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::rig::PATIENCE, gone).await.expect("the session stayed");
}

#[tokio::test]
async fn retained_bytes_are_bounded_and_the_publisher_is_informed() {
    let broker = Broker::bind(BrokerConfig { retained_bytes_max: 10_000, ..BrokerConfig::default() }).await.unwrap();
    let mut config = heijunka_bus::BusConfig::new("127.0.0.1", broker.local_addr().port(), "sender");
    config.subscriptions = vec!["#".to_owned()];
    let mut client = Client::join(config).await;
    client.bus.publish(Message::new("a", noise(1, 8_000)).retained()).unwrap();
    client.bus.publish(Message::new("b", noise(2, 8_000)).retained()).unwrap();
    client.bus.publish(Message::new("a", noise(3, 9_000)).retained()).unwrap();
    let refused = client.until(|event| matches!(event, BusEvent::PublishRefused { .. })).await;
    assert!(matches!(&refused, BusEvent::PublishRefused { topic, reason } if topic == "b" && reason.contains("Quota")));
    client.settled().await;
    assert_eq!(broker.stats().retained, 1);
}

#[tokio::test]
async fn an_absent_clients_queue_is_bounded_and_drops_the_newest() {
    let broker = Broker::bind(BrokerConfig { queue_bytes_max: 10_000, ..BrokerConfig::default() }).await.unwrap();
    let config = |id| {
        let mut config = heijunka_bus::BusConfig::new("127.0.0.1", broker.local_addr().port(), id);
        config.subscriptions = vec!["t".to_owned()];
        config
    };
    Client::join(config("agent")).await.crash();
    let gone = async {
        while broker.stats().clients > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::rig::PATIENCE, gone).await.unwrap();
    let mut sender_config = config("sender");
    sender_config.subscriptions.clear();
    let sender = Client::join(sender_config).await;
    for number in 0..20 {
        sender.bus.publish(Message::new("t", vec![number; 1000])).unwrap();
    }
    sender.settled().await;
    assert!(broker.stats().queued_bytes <= 10_000);
    let mut agent = Client::new(config("agent"));
    for number in 0..9 {
        assert_eq!(agent.message().await.payload.first(), Some(&number));
    }
    sender.bus.publish(Message::new("t", "after")).unwrap();
    assert_eq!(agent.text().await.1, "after");
}

#[tokio::test]
async fn random_bytes_do_not_kill_it() {
    let broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    for seed in 0..400 {
        let mut socket = TcpStream::connect(("127.0.0.1", broker.port())).await.unwrap();
        if seed % 2 == 0 {
            socket.write_all(&connect_packet("noise", 0)).await.unwrap();
        }
        let mut bytes = noise(seed, 200).to_vec();
        // A plausible packet type and length lead deeper than pure noise.
        bytes[0] = (seed as u8 % 16) << 4 | (bytes[0] & 0x0F);
        bytes[1] &= 0x3F;
        // The broker may have closed already.
        let _ = socket.write_all(&bytes).await;
        let _ = socket.shutdown().await;
        let mut scratch = Vec::new();
        let _ = socket.read_to_end(&mut scratch).await;
    }
    let mut client = broker.client("agent", &["t"]).await;
    client.bus.publish(Message::new("t", "alive")).unwrap();
    assert_eq!(client.text().await.1, "alive");
    let TestBroker::Embedded { broker: Some(broker), .. } = &broker else { unreachable!() };
    let stats = broker.stats();
    assert!(stats.bytes_in > 400 * 200 && stats.bytes_out > 0, "{stats:?}");
}
