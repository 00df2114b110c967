//! The session against a peer that misbehaves: one written here, because no broker can be made to.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::handle::start_watched;
use crate::{Bus, BusConfig, BusEvent, DisconnectReason, Events, Message, PublishError};

const PATIENCE: Duration = Duration::from_secs(30);
/// Far below a keep-alive, so that only the watchdog can have spoken.
const SILENCE: Duration = Duration::from_millis(300);
const SUCCESS: &[u8] = &[0x20, 3, 0, 0, 0];
const SUCCESS_AND_SESSION: &[u8] = &[0x20, 3, 1, 0, 0];

async fn start_with_peer(change: impl FnOnce(&mut BusConfig)) -> (TcpListener, Bus, Events) {
    start_impatient(PATIENCE, change).await
}

async fn start_impatient(silence_max: Duration, change: impl FnOnce(&mut BusConfig)) -> (TcpListener, Bus, Events) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = BusConfig::new("127.0.0.1", listener.local_addr().unwrap().port(), "agent");
    config.reconnect_max = Duration::from_millis(50);
    change(&mut config);
    let (bus, events) = start_watched(config, silence_max).unwrap();
    (listener, bus, events)
}

/// Accepts, reads the CONNECT and answers it.
async fn welcome(listener: &TcpListener, connack: &[u8]) -> TcpStream {
    let (mut peer, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.expect("no connection").unwrap();
    assert_eq!(read_packet(&mut peer).await.0, 0x10);
    peer.write_all(connack).await.unwrap();
    peer
}

async fn read_packet(peer: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = peer.read_u8().await.unwrap();
    let mut length = 0;
    for shift in [0, 7, 14, 21] {
        let byte = peer.read_u8().await.unwrap();
        length |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    peer.read_exact(&mut body).await.unwrap();
    (first, body)
}

async fn reason(events: &mut Events) -> DisconnectReason {
    loop {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("no event").expect("the bus ended");
        if let BusEvent::Disconnected { reason, .. } = event {
            return reason;
        }
    }
}

#[tokio::test]
async fn a_peer_that_stops_reading_is_left() {
    let (listener, bus, mut events) = start_impatient(SILENCE, |config| config.packet_bytes_max = 32 << 20).await;
    let _stalled = welcome(&listener, SUCCESS).await;
    // More than both sockets' buffers hold: the write cannot finish, and no ping can follow it.
    bus.publish(Message::new("t", Bytes::from(vec![0; 30 << 20]))).unwrap();
    assert!(matches!(reason(&mut events).await, DisconnectReason::Silent { .. }));
    // It is not lost: the next peer gets it.
    let mut next = welcome(&listener, SUCCESS).await;
    assert_eq!(read_packet(&mut next).await.0, 0x32);
}

#[tokio::test]
async fn what_was_sent_and_not_acknowledged_is_sent_again_in_order() {
    for connack in [SUCCESS, SUCCESS_AND_SESSION] {
        let (listener, bus, mut events) = start_with_peer(|_| {}).await;
        let mut peer = welcome(&listener, SUCCESS).await;
        for number in 0..3_u8 {
            bus.publish(Message::new("t", vec![number])).unwrap();
        }
        for number in 0..3 {
            assert_eq!(read_packet(&mut peer).await.1.last(), Some(&number));
        }
        drop(peer);
        assert_eq!(reason(&mut events).await, DisconnectReason::ClosedAbruptly { times_in_a_minute: 1 });
        bus.publish(Message::new("t", vec![3])).unwrap();
        let mut peer = welcome(&listener, connack).await;
        for number in 0..4 {
            assert_eq!(read_packet(&mut peer).await.1.last(), Some(&number));
        }
        assert_eq!(bus.unacknowledged(), 4);
    }
}

#[tokio::test]
async fn the_brokers_window_is_kept() {
    let (listener, bus, _events) = start_with_peer(|_| {}).await;
    // Receive maximum 2: property 33.
    let mut peer = welcome(&listener, &[0x20, 6, 0, 0, 3, 33, 0, 2]).await;
    for number in 0..5_u8 {
        bus.publish(Message::new("t", vec![number])).unwrap();
    }
    let mut ids = Vec::new();
    for number in 0..2 {
        let (_, body) = read_packet(&mut peer).await;
        assert_eq!(body.last(), Some(&number));
        ids.push([body[3], body[4]]);
    }
    let mut next = [0];
    let early = tokio::time::timeout(Duration::from_millis(100), peer.peek(&mut next)).await;
    assert!(early.is_err(), "a third message before an acknowledgement");
    peer.write_all(&[0x40, 2, ids[0][0], ids[0][1]]).await.unwrap();
    assert_eq!(read_packet(&mut peer).await.1.last(), Some(&2));
}

#[tokio::test]
async fn subscriptions_are_made_at_the_start_and_whenever_the_session_is_lost() {
    let (listener, _bus, _events) = start_with_peer(|config| config.subscriptions = vec!["a".to_owned()]).await;
    for (connack, subscribes) in
        [(SUCCESS_AND_SESSION, true), (SUCCESS_AND_SESSION, false), (SUCCESS, true), (SUCCESS_AND_SESSION, false)]
    {
        let mut peer = welcome(&listener, connack).await;
        if subscribes {
            let (first, body) = read_packet(&mut peer).await;
            assert_eq!(first, 0x82);
            peer.write_all(&[0x90, 4, body[0], body[1], 0, 1]).await.unwrap();
        }
        // Whatever else it would send comes before its answer to this message.
        peer.write_all(&[0x32, 7, 0, 1, b'a', 0, 9, 0, b'x']).await.unwrap();
        assert_eq!(read_packet(&mut peer).await, (0x40, vec![0, 9]));
    }
}

#[tokio::test]
async fn refusals_are_reported() {
    let (listener, bus, mut events) = start_with_peer(|config| config.subscriptions = vec!["a".to_owned()]).await;
    let mut peer = welcome(&listener, SUCCESS).await;
    let (_, body) = read_packet(&mut peer).await;
    peer.write_all(&[0x90, 4, body[0], body[1], 0, 0x87]).await.unwrap();
    bus.publish(Message::new("t", "x")).unwrap();
    let (_, body) = read_packet(&mut peer).await;
    peer.write_all(&[0x40, 3, body[3], body[4], 0x87]).await.unwrap();
    let mut reported = Vec::new();
    while reported.len() < 2 {
        match tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap() {
            BusEvent::SubscribeRefused { filter: topic, reason } | BusEvent::PublishRefused { topic, reason } => {
                reported.push(format!("{topic}: {reason}"));
            }
            _ => {}
        }
    }
    assert_eq!(reported, ["a: the broker refuses it: NotAuthorized", "t: the broker refuses it: NotAuthorized"]);
    assert_eq!(bus.unacknowledged(), 0);
}

#[tokio::test]
async fn three_abrupt_endings_within_a_minute_are_counted() {
    let (listener, _bus, mut events) = start_with_peer(|_| {}).await;
    for times_in_a_minute in 1..=4 {
        drop(welcome(&listener, SUCCESS).await);
        assert_eq!(reason(&mut events).await, DisconnectReason::ClosedAbruptly { times_in_a_minute });
    }
}

#[tokio::test]
async fn close_waits_for_acknowledgements_and_then_says_farewell() {
    let (listener, bus, _events) = start_with_peer(|_| {}).await;
    let mut peer = welcome(&listener, SUCCESS).await;
    bus.publish(Message::new("t", "x")).unwrap();
    let other = bus.clone();
    let closing = tokio::spawn(bus.close(PATIENCE));
    let (_, body) = read_packet(&mut peer).await;
    assert_eq!(other.publish(Message::new("t", "y")), Err(PublishError::Closed));
    assert!(!closing.is_finished(), "not before the acknowledgement");
    peer.write_all(&[0x40, 2, body[3], body[4]]).await.unwrap();
    assert_eq!(read_packet(&mut peer).await, (0xE0, vec![]), "DISCONNECT");
    assert_eq!(closing.await.unwrap(), 0);
}

#[tokio::test]
async fn close_says_farewell_at_its_deadline() {
    let (listener, bus, _events) = start_with_peer(|_| {}).await;
    let mut peer = welcome(&listener, SUCCESS).await;
    bus.publish(Message::new("t", "x")).unwrap();
    assert_eq!(read_packet(&mut peer).await.0, 0x32);
    assert_eq!(bus.close(Duration::from_millis(20)).await, 1);
    assert_eq!(read_packet(&mut peer).await, (0xE0, vec![]), "DISCONNECT");
}
