//! Connections, sessions and brokers that go away and come back.

use std::time::Duration;

use heijunka_bus::{BusEvent, DisconnectReason, Message};

use crate::rig::{Client, Kind, Setup, TestBroker, on_both};

on_both!(
    a_session_keeps_what_came_meanwhile,
    a_restarted_program_receives_retained_messages_again,
    a_broker_that_forgot_everything_is_subscribed_again,
    what_was_not_acknowledged_reaches_a_forgetful_broker,
    a_topic_that_is_used_often_is_named_again_to_another_broker,
    a_shared_client_id_is_reported,
);

async fn a_session_keeps_what_came_meanwhile(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    broker.client("agent", &["round"]).await.crash();
    let sender = broker.client("sender", &[]).await;
    for number in 0..50 {
        sender.bus.publish(Message::new("round", number.to_string())).unwrap();
    }
    sender.settled().await;
    let mut agent = Client::new(broker.config("agent", &["round"]));
    let connected = agent.until(|event| matches!(event, BusEvent::Connected { .. })).await;
    assert_eq!(connected, BusEvent::Connected { session_present: true });
    for number in 0..50 {
        assert_eq!(agent.text().await.1, number.to_string());
    }
}

async fn a_restarted_program_receives_retained_messages_again(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let sender = broker.client("sender", &[]).await;
    sender.bus.publish(Message::new("spec", "the job").retained()).unwrap();
    for _ in 0..2 {
        let mut agent = broker.client("agent", &["spec"]).await;
        assert_eq!(agent.text().await.1, "the job");
        agent.crash();
    }
}

async fn a_broker_that_forgot_everything_is_subscribed_again(kind: Kind) {
    let mut broker = TestBroker::start(kind, Setup { forgetful: true, ..Setup::default() }).await;
    let mut agent = broker.client("agent", &["round"]).await;
    broker.stop().await;
    agent.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
    broker.start_again().await;
    let connected = agent.until(|event| matches!(event, BusEvent::Connected { .. })).await;
    assert_eq!(connected, BusEvent::Connected { session_present: false });
    agent.until(|event| matches!(event, BusEvent::Subscribed)).await;
    let sender = broker.client("sender", &[]).await;
    sender.bus.publish(Message::new("round", "again")).unwrap();
    assert_eq!(agent.text().await.1, "again");
}

/// F2: rumqttc alone forgets what waits when the broker comes back without the session. (What was on the wire as well
/// is the subject of the bus's own test, whose peer stays silent on command.)
async fn what_was_not_acknowledged_reaches_a_forgetful_broker(kind: Kind) {
    let mut broker = TestBroker::start(kind, Setup { forgetful: true, ..Setup::default() }).await;
    let mut sender = broker.client("sender", &[]).await;
    let publish = |sender: &Client, numbers: std::ops::Range<usize>| {
        for number in numbers {
            sender.bus.publish(Message::new(format!("kept/{number:03}"), "x").retained()).unwrap();
        }
    };
    publish(&sender, 0..200);
    broker.stop().await;
    sender.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
    let acknowledged = 200 - sender.bus.unacknowledged();
    publish(&sender, 200..400);
    broker.start_again().await;
    sender.settled().await;
    let mut reader = broker.client("reader", &["kept/#"]).await;
    let mut topics = std::collections::BTreeSet::new();
    while topics.len() < 400 - acknowledged {
        topics.insert(reader.message().await.topic);
    }
    let expected = (acknowledged..400).map(|number| format!("kept/{number:03}"));
    assert!(topics.into_iter().eq(expected), "the broker acknowledged the first {acknowledged}");
}

/// The number that stood for a topic means nothing to the broker's next life.
async fn a_topic_that_is_used_often_is_named_again_to_another_broker(kind: Kind) {
    let mut broker = TestBroker::start(kind, Setup { forgetful: true, ..Setup::default() }).await;
    let mut sender = broker.client("sender", &[]).await;
    for number in 0..3 {
        sender.bus.publish(Message::new("gradient/a", number.to_string()).retained().often()).unwrap();
    }
    sender.settled().await;
    broker.stop().await;
    sender.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
    for number in 3..6 {
        sender.bus.publish(Message::new("gradient/a", number.to_string()).retained().often()).unwrap();
    }
    broker.start_again().await;
    sender.settled().await;
    let mut reader = broker.client("reader", &["gradient/+"]).await;
    assert_eq!(reader.text().await, ("gradient/a".to_owned(), "5".to_owned()));
}

/// F11: each displaces the other without end. The reason must name this conflict.
async fn a_shared_client_id_is_reported(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut first = broker.client("press-07", &[]).await;
    let mut second = Client::new(broker.config("press-07", &[]));
    let named = |event: &BusEvent| matches!(event, BusEvent::Disconnected { reason, .. } if reason.to_string().contains("same client id"));
    let event = tokio::select! {
        event = first.until(named) => event,
        event = second.until(named) => event,
    };
    let BusEvent::Disconnected { reason, .. } = event else { unreachable!() };
    match kind {
        Kind::Mosquitto => assert!(
            matches!(
                reason,
                DisconnectReason::ClosedAbruptly { times_in_a_minute: 3 } | DisconnectReason::TakenOver { .. }
            ),
            "{reason:?}"
        ),
        Kind::Embedded => assert_eq!(reason, DisconnectReason::TakenOver { client_id: "press-07".to_owned() }),
    }
}

/// F1: with the shipped settings a SIGKILL loses nothing that was acknowledged, but for the last moment: Mosquitto
/// acknowledges first and saves at the end of its loop. An echo shows that the loop has continued.
#[tokio::test]
async fn mosquitto_keeps_what_it_acknowledged() {
    let setup = Setup { saving_every_change: true, ..Setup::default() };
    let mut broker = TestBroker::start(Kind::Mosquitto, setup).await;
    broker.client("agent", &["round"]).await.crash();
    let mut sender = broker.client("sender", &["echo"]).await;
    for number in 0..50 {
        sender.bus.publish(Message::new("round", number.to_string())).unwrap();
        sender.bus.publish(Message::new(format!("kept/{number:02}"), "x").retained()).unwrap();
    }
    sender.settled().await;
    sender.bus.publish(Message::new("echo", "x")).unwrap();
    sender.message().await;
    broker.stop().await;
    broker.start_again().await;
    let mut agent = Client::new(broker.config("agent", &["round"]));
    for number in 0..50 {
        assert_eq!(agent.text().await.1, number.to_string());
    }
    let mut reader = broker.client("reader", &["kept/+"]).await;
    let mut topics = Vec::new();
    for _ in 0..50 {
        topics.push(reader.message().await.topic);
    }
    topics.sort();
    topics.dedup();
    assert_eq!(topics.len(), 50);
}

#[tokio::test]
async fn closing_without_a_broker_gives_up_at_the_deadline() {
    let mut broker = TestBroker::start(Kind::Embedded, Setup::default()).await;
    let mut sender = broker.client("sender", &[]).await;
    broker.stop().await;
    sender.until(|event| matches!(event, BusEvent::Disconnected { .. })).await;
    sender.bus.publish(Message::new("t", "x")).unwrap();
    assert_eq!(sender.bus.clone().close(Duration::from_millis(50)).await, 1);
    assert!(sender.bus.publish(Message::new("t", "x")).is_err());
    sender.until_end().await;
}

impl Client {
    async fn until_end(&mut self) {
        while self.events.next().await.is_some() {}
    }
}
