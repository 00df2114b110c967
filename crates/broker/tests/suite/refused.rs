//! What is refused, and how it is reported.

use heijunka_broker::Credentials;
use heijunka_bus::{BusEvent, DisconnectReason, Message, PublishError, Secret};

use crate::rig::{Client, Kind, Setup, TestBroker, noise, on_both};

on_both!(
    an_oversize_message_is_refused_before_it_is_sent,
    a_message_over_the_brokers_limit_is_refused_when_that_is_known,
    a_wrong_and_a_missing_password_look_the_same,
    the_right_password_is_accepted,
);

/// F3: sent, it would end the connection, and with a session do so again and again.
async fn an_oversize_message_is_refused_before_it_is_sent(kind: Kind) {
    let broker = TestBroker::start(kind, Setup { packet_bytes_max: Some(50_000), ..Setup::default() }).await;
    let mut reader = broker.client("reader", &["t"]).await;
    let sender = broker.client("sender", &[]).await;
    assert_eq!(sender.bus.packet_bytes_max(), 50_000);
    let error = sender.bus.publish(Message::new("t", noise(1, 60_000))).unwrap_err();
    let PublishError::TooLarge { topic, bytes, max, broker_max } = error else { panic!("{error}") };
    assert_eq!((topic.as_str(), bytes, max, broker_max), ("t", 60_010, 1 << 20, Some(50_000)));
    // Packets of 50,000 bytes, the largest that fit, still pass: topic, packet id, lengths and properties take 10.
    assert!(sender.bus.publish(Message::new("t", noise(2, 49_991))).is_err());
    sender.bus.publish(Message::new("t", noise(2, 49_990))).unwrap();
    assert_eq!(reader.message().await.payload, noise(2, 49_990));
    assert!(sender.bus.is_connected());
}

async fn a_message_over_the_brokers_limit_is_refused_when_that_is_known(kind: Kind) {
    let broker = TestBroker::start(kind, Setup { packet_bytes_max: Some(50_000), ..Setup::default() }).await;
    let mut sender = Client::new(broker.config("sender", &["t"]));
    sender.bus.publish(Message::new("t", noise(1, 60_000))).unwrap();
    sender.bus.publish(Message::new("t", "small")).unwrap();
    let refused = sender.until(|event| matches!(event, BusEvent::PublishRefused { .. })).await;
    let BusEvent::PublishRefused { topic, reason } = refused else { unreachable!() };
    assert_eq!(topic, "t");
    assert_eq!(reason, "its packet of 60010 bytes is over the broker's limit of 50000 bytes");
    assert_eq!(sender.text().await.1, "small");
}

fn login() -> Setup {
    let login = Credentials { username: "plant".to_owned(), password: "right".to_owned() };
    Setup { login: Some(login), ..Setup::default() }
}

async fn a_wrong_and_a_missing_password_look_the_same(kind: Kind) {
    let broker = TestBroker::start(kind, login()).await;
    for (password, says) in [(Some("wrong"), "is wrong"), (None, "no password was given")] {
        let mut config = broker.config("agent", &[]);
        config.username = password.map(|_| "plant".to_owned());
        config.password = password.map(Secret::new);
        let mut agent = Client::new(config);
        let event = agent.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
        let BusEvent::Disconnected { reason, .. } = event else { unreachable!() };
        assert_eq!(reason, DisconnectReason::NotAuthorised { password_sent: password.is_some() });
        let text = reason.to_string();
        assert!(text.contains(says) && text.contains("a wrong and a missing password look the same"), "{text}");
    }
}

async fn the_right_password_is_accepted(kind: Kind) {
    let broker = TestBroker::start(kind, login()).await;
    let mut config = broker.config("agent", &["t"]);
    config.username = Some("plant".to_owned());
    config.password = Some(Secret::new("right"));
    let mut agent = Client::join(config).await;
    agent.bus.publish(Message::new("t", "hello")).unwrap();
    assert_eq!(agent.text().await.1, "hello");
}

#[tokio::test]
async fn an_address_without_a_broker_and_an_unknown_name() {
    let mut broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let config = broker.config("agent", &[]);
    broker.stop().await;
    let address = format!("127.0.0.1:{}", config.port);
    let mut unknown = config.clone();
    // RFC 6761 keeps this name from ever existing.
    unknown.host = "plant.invalid".to_owned();
    for (config, expected) in [
        (config, DisconnectReason::Refused { address }),
        (unknown, DisconnectReason::UnknownHost { host: "plant.invalid".to_owned() }),
    ] {
        let mut agent = Client::new(config);
        let event = agent.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
        assert!(matches!(&event, BusEvent::Disconnected { reason, .. } if *reason == expected), "{event:?}");
    }
}
