//! The outbox against rumqttc's client while no task polls it: what is kept, counted, refused and sent again.

use rumqttc::v5::{EventLoop, MqttOptions};

use super::*;

fn outbox(queue_max: usize, queue_bytes_max: usize) -> (Outbox, EventLoop) {
    let (client, event_loop) = AsyncClient::new(MqttOptions::new("id", "host", 1), HANDED_MAX + 2);
    let limits = Limits { packet_bytes_max: 1000, queue_max, queue_bytes_max };
    (Outbox::new(limits, client), event_loop)
}

/// Takes out what rumqttc would have written.
fn drain(event_loop: &mut EventLoop) {
    event_loop.clean();
    event_loop.pending.clear();
}

fn topics(outbox: &Outbox) -> Vec<String> {
    outbox.state().waiting.iter().map(|message| message.topic.to_string()).collect()
}

#[test]
fn what_was_not_acknowledged_waits_again_in_its_order() {
    let (outbox, mut event_loop) = outbox(100, 1 << 20);
    assert!(outbox.connected(None, true).is_empty());
    for topic in ["a", "b", "c", "d", "e"] {
        outbox.publish(Message::new(topic, "x")).unwrap();
    }
    outbox.sent(63);
    outbox.sent(64);
    outbox.sent(1);
    outbox.collided();
    assert_eq!(outbox.acknowledged(63).map(|m| m.topic.to_string()).as_deref(), Some("a"));
    assert_eq!(outbox.acknowledged(63), None);
    outbox.disconnected(|| drain(&mut event_loop));
    assert_eq!(topics(&outbox), ["b", "c", "d", "e"]);
    assert_eq!(outbox.len(), 4);
}

#[test]
fn the_queue_is_bounded_by_count_and_bytes() {
    let (outbox, _event_loop) = outbox(2, 500);
    let message = |bytes| Message::new("t", vec![0; bytes]);
    outbox.publish(message(10)).unwrap();
    assert!(matches!(outbox.publish(message(490)), Err(PublishError::QueueFull { messages: 1, .. })));
    outbox.publish(message(10)).unwrap();
    assert!(matches!(outbox.publish(message(1)), Err(PublishError::QueueFull { messages: 2, .. })));
}

#[test]
fn bytes_are_given_back() {
    let (outbox, mut event_loop) = outbox(100, 500);
    outbox.connected(None, true);
    for _ in 0..50 {
        drain(&mut event_loop);
        outbox.publish(Message::new("t", vec![0; 400])).unwrap();
        outbox.sent(1);
        outbox.acknowledged(1);
        outbox.publish(Message::new("t", vec![0; 400]).at_most_once()).unwrap();
        outbox.sent(0);
    }
    assert_eq!(outbox.state().bytes, 0);
}

#[test]
fn too_large_names_both_limits() {
    let (outbox, _event_loop) = outbox(100, 1 << 20);
    let error = outbox.publish(Message::new("t", vec![0; 2000])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "'t': a packet of 2009 bytes is over the limit: this side's is 1000 bytes, the broker's is not known"
    );
    outbox.connected(Some(500), false);
    let error = outbox.publish(Message::new("t", vec![0; 600])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "'t': a packet of 609 bytes is over the limit: this side's is 1000 bytes, the broker's is 500 bytes"
    );
    assert_eq!(outbox.packet_bytes_max(), 500);
}

#[test]
fn what_a_new_broker_cannot_take_is_handed_back() {
    let (outbox, _event_loop) = outbox(100, 1 << 20);
    outbox.publish(Message::new("small", vec![0; 10])).unwrap();
    outbox.publish(Message::new("large", vec![0; 600])).unwrap();
    let refused = outbox.connected(Some(500), false);
    assert_eq!(refused.iter().map(|m| m.topic.as_ref()).collect::<Vec<_>>(), ["large"]);
    assert_eq!(outbox.len(), 1);
}

#[test]
fn rumqttc_is_handed_only_a_few() {
    let (outbox, mut event_loop) = outbox(1000, 1 << 20);
    outbox.connected(None, true);
    for _ in 0..200 {
        outbox.publish(Message::new("t", "x")).unwrap();
    }
    assert_eq!(outbox.state().handed.len(), HANDED_MAX);
    assert_eq!(outbox.len(), 200);
    for _ in 0..200 {
        drain(&mut event_loop);
        outbox.sent(0);
    }
    assert_eq!(outbox.len(), 0);
}

#[test]
fn a_closing_bus_takes_nothing_more() {
    let (outbox, _event_loop) = outbox(10, 1 << 20);
    outbox.begin_close();
    assert_eq!(outbox.publish(Message::new("t", "x")), Err(PublishError::Closed));
    assert!(outbox.is_finished());
}
