//! What any broker must do for the bus.

use bytes::Bytes;
use heijunka_bus::{BusEvent, Message};

use crate::rig::{Client, Kind, Setup, TestBroker, noise, on_both};

on_both!(
    a_round_fans_out_and_in,
    wildcards_and_levels,
    a_retained_message_waits_for_the_subscriber,
    a_crash_publishes_the_will,
    a_farewell_keeps_the_will_back,
    close_delivers_everything_first,
    messages_stay_in_order,
    a_topic_that_is_used_often_arrives_by_its_name,
    large_messages_cross_both_ways,
    a_queue_over_its_bound_refuses,
    a_client_that_does_not_read_harms_no_other,
);

async fn a_round_fans_out_and_in(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut aggregator = broker.client("aggregator", &["gradient/+"]).await;
    for agent in 0..4 {
        let mut client = broker.client(&format!("agent-{agent}"), &["round"]).await;
        tokio::spawn(async move {
            while let Some(event) = client.events.next().await {
                if let BusEvent::Message(message) = event {
                    let answer = Message::new(format!("gradient/{agent}"), message.payload);
                    client.bus.publish(answer).unwrap();
                }
            }
        });
    }
    for round in 0..20 {
        let model = noise(round, 19_000);
        aggregator.bus.publish(Message::new("round", model.clone())).unwrap();
        let mut topics = Vec::new();
        for _ in 0..4 {
            let gradient = aggregator.message().await;
            assert_eq!(gradient.payload, model);
            topics.push(gradient.topic);
        }
        topics.sort();
        assert_eq!(topics, ["gradient/0", "gradient/1", "gradient/2", "gradient/3"], "round {round}");
    }
}

async fn wildcards_and_levels(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut plus = broker.client("plus", &["a/+/c", "end"]).await;
    let mut hash = broker.client("hash", &["a/#", "end"]).await;
    let sender = broker.client("sender", &[]).await;
    for topic in ["a/b/c", "a/b/d", "a/b/c/d", "a", "b/b/c", "a/é/c", "end"] {
        sender.bus.publish(Message::new(topic, "x")).unwrap();
    }
    let mut received = Vec::new();
    for client in [&mut plus, &mut hash] {
        let mut topics = Vec::new();
        while topics.last().is_none_or(|topic| topic != "end") {
            topics.push(client.message().await.topic);
        }
        received.push(topics.join(" "));
    }
    assert_eq!(received, ["a/b/c a/é/c end", "a/b/c a/b/d a/b/c/d a a/é/c end"]);
}

async fn a_retained_message_waits_for_the_subscriber(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut early = broker.client("early", &["spec/#"]).await;
    let sender = broker.client("sender", &[]).await;
    sender.bus.publish(Message::new("spec/a", "one").retained()).unwrap();
    sender.bus.publish(Message::new("spec/a", "two").retained()).unwrap();
    sender.bus.publish(Message::new("spec/b", "gone").retained()).unwrap();
    sender.bus.publish(Message::new("spec/b", "").retained()).unwrap();
    for expected in ["one", "two", "gone", ""] {
        let live = early.message().await;
        assert_eq!((live.payload, live.retain), (Bytes::from(expected), false));
    }
    let mut late = broker.client("late", &["spec/#"]).await;
    sender.bus.publish(Message::new("spec/c", "live")).unwrap();
    let kept = late.message().await;
    assert_eq!((kept.topic.as_str(), kept.payload, kept.retain), ("spec/a", Bytes::from("two"), true));
    assert_eq!(late.text().await, ("spec/c".to_owned(), "live".to_owned()), "what was cleared does not come");
}

async fn a_crash_publishes_the_will(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut watcher = broker.client("watcher", &["state/#"]).await;
    let mut config = broker.config("agent", &[]);
    config.will = Some(Message::new("state/agent", "offline").retained());
    Client::join(config).await.crash();
    assert_eq!(watcher.text().await, ("state/agent".to_owned(), "offline".to_owned()));
    let mut late = broker.client("late", &["state/#"]).await;
    assert!(late.message().await.retain, "a retained will is kept");
}

async fn a_farewell_keeps_the_will_back(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut watcher = broker.client("watcher", &["state/#"]).await;
    let mut config = broker.config("agent", &[]);
    config.will = Some(Message::new("state/agent", "offline: connection lost").retained());
    let agent = Client::join(config).await;
    agent.bus.publish(Message::new("state/agent", "offline: stopped").retained()).unwrap();
    assert_eq!(agent.bus.close(crate::rig::PATIENCE).await, 0);
    // A second agent's crash is the mark behind which nothing of the first can still come.
    let mut config = broker.config("mark", &[]);
    config.will = Some(Message::new("state/mark", "mark"));
    Client::join(config).await.crash();
    assert_eq!(watcher.text().await.1, "offline: stopped");
    assert_eq!(watcher.text().await.1, "mark");
}

async fn a_topic_that_is_used_often_arrives_by_its_name(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut reader = broker.client("reader", &["gradient/+"]).await;
    let sender = broker.client("sender", &[]).await;
    for number in 0..100 {
        sender.bus.publish(Message::new("gradient/a", number.to_string()).often()).unwrap();
        // Another topic, even if it is used as often, goes by its name.
        sender.bus.publish(Message::new("gradient/b", number.to_string()).often()).unwrap();
        sender.bus.publish(Message::new("gradient/c", number.to_string())).unwrap();
    }
    for number in 0..100 {
        for topic in ["gradient/a", "gradient/b", "gradient/c"] {
            assert_eq!(reader.text().await, (topic.to_owned(), number.to_string()));
        }
    }
}

async fn close_delivers_everything_first(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut reader = broker.client("reader", &["t"]).await;
    // Published before there is a connection, and far more than fit into the window.
    let sender = Client::new(broker.config("sender", &[]));
    for number in 0..300 {
        sender.bus.publish(Message::new("t", number.to_string())).unwrap();
    }
    assert_eq!(sender.bus.close(crate::rig::PATIENCE).await, 0);
    for number in 0..300 {
        assert_eq!(reader.text().await.1, number.to_string());
    }
}

async fn messages_stay_in_order(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut reader = broker.client("reader", &["t/#"]).await;
    let sender = broker.client("sender", &[]).await;
    for number in 0..1000 {
        let message = Message::new(format!("t/{}", number % 3), number.to_string());
        sender.bus.publish(message).unwrap();
    }
    for number in 0..1000 {
        assert_eq!(reader.text().await, (format!("t/{}", number % 3), number.to_string()));
    }
}

/// The pattern in which another embedded broker lost acknowledged gradients: 16 agents, 1 MB each way.
async fn large_messages_cross_both_ways(kind: Kind) {
    const AGENTS: u64 = 16;
    const BYTES: usize = 1_000_000;
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut aggregator = broker.client("aggregator", &["gradient/+"]).await;
    for agent in 0..AGENTS {
        let mut client = broker.client(&format!("agent-{agent}"), &["round"]).await;
        tokio::spawn(async move {
            let mut round = 0;
            while let Some(event) = client.events.next().await {
                if let BusEvent::Message(message) = event {
                    assert_eq!(message.payload.len(), BYTES);
                    let gradient = noise(agent * 100 + round, BYTES);
                    client.bus.publish(Message::new(format!("gradient/{agent}"), gradient)).unwrap();
                    round += 1;
                }
            }
        });
    }
    for round in 0..3 {
        aggregator.bus.publish(Message::new("round", noise(round, BYTES))).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < AGENTS as usize {
            let gradient = aggregator.message().await;
            let agent: u64 = gradient.topic.trim_start_matches("gradient/").parse().unwrap();
            assert_eq!(gradient.payload, noise(agent * 100 + round, BYTES), "round {round}, agent {agent}");
            assert!(seen.insert(agent), "agent {agent} counted twice in round {round}");
        }
    }
}

async fn a_queue_over_its_bound_refuses(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut config = broker.config("sender", &[]);
    config.queue_max = 10;
    let sender = Client::new(config);
    // Nothing is sent before this task gives way for the first time.
    for _ in 0..10 {
        sender.bus.publish(Message::new("t", "x")).unwrap();
    }
    let error = sender.bus.publish(Message::new("t", "x")).unwrap_err();
    assert!(error.to_string().starts_with("10 messages"), "{error}");
    sender.settled().await;
    sender.bus.publish(Message::new("t", "x")).unwrap();
}

async fn a_client_that_does_not_read_harms_no_other(kind: Kind) {
    let broker = TestBroker::start(kind, Setup::default()).await;
    let mut stalled = crate::rig::Raw::connect(broker.port(), "stalled", 0).await;
    stalled.send(&crate::rig::subscribe_packet("#")).await;
    stalled.packet().await.expect("a SUBACK");
    let mut reader = broker.client("reader", &["t"]).await;
    let sender = broker.client("sender", &[]).await;
    let payload = noise(1, 500_000);
    for _ in 0..200 {
        sender.bus.publish(Message::new("t", payload.clone())).unwrap();
        assert_eq!(reader.message().await.payload, payload);
    }
    if let TestBroker::Embedded { broker: Some(broker), config } = &broker {
        assert!(broker.stats().queued_bytes <= config.queue_bytes_max + 1_000_000, "{:?}", broker.stats());
        assert_eq!(broker.stats().clients, 2, "the stalled client is disconnected");
    }
}
