//! One connection: a reader that never writes and a writer that never reads, so that two full sockets cannot wait for
//! each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnAckProperties, Connect, ConnectReturnCode, DisconnectReasonCode as Code, LastWill, Login, Packet,
    PingResp, Publish,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::exchange::{Arrival, Exchange};
use crate::filter::topic_is_valid;
use crate::link::Link;
use crate::message::Message;
use crate::session::WINDOW_MAX;
use crate::wire::{Batch, decode, farewell};

/// Time for the first packet.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for the last word to a client, and for it to read that.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// Smaller payloads are copied out of the read buffer, which they would keep alive as a whole.
const COPIED_BYTES_MAX: usize = 8 * 1024;
/// Publishes that a client may have unacknowledged.
const RECEIVE_MAX: u16 = 256;
const READ_BYTES: usize = 64 * 1024;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The client said farewell: no will.
    Farewell,
    /// The client said farewell and asked for its will to be published.
    FarewellWithWill,
    /// The connection broke.
    Broken,
    /// This broker ends it, with this reason.
    Refused(Code),
}

/// Ends the stay even when the task is aborted or the codec panics.
struct Stay {
    exchange: Arc<Exchange>,
    client_id: Arc<str>,
    link: Arc<Link>,
    farewell_said: bool,
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.exchange.leave(&self.client_id, &self.link, self.farewell_said);
    }
}

/// Serves a client until it leaves.
pub(crate) async fn serve(mut socket: TcpStream, exchange: Arc<Exchange>) {
    let mut buffer = BytesMut::with_capacity(READ_BYTES);
    let first = timeout(CONNECT_TIMEOUT, first_packet(&mut socket, &mut buffer, &exchange)).await;
    let Ok(Some(Packet::Connect(connect, will, login))) = first else { return };
    let arrival = match admit(&connect, will, login.as_ref(), &exchange) {
        Ok(arrival) => arrival,
        Err(code) => return refuse(&mut socket, code).await,
    };
    let client_id = Arc::clone(&arrival.client_id);
    let assigned = connect.client_id.is_empty().then(|| client_id.to_string());
    let link = Arc::new(Link::default());
    let Some(was_there) = exchange.arrive(arrival, Arc::clone(&link)) else {
        return refuse(&mut socket, ConnectReturnCode::QuotaExceeded).await;
    };
    let mut stay = Stay { exchange, client_id, link, farewell_said: false };
    let greeting = Packet::ConnAck(connack(was_there, assigned, stay.exchange.config.packet_bytes_max));
    if write_packet(&mut socket, &greeting).await {
        let ending = converse(&mut socket, buffer, connect.keep_alive, &stay).await;
        tracing::debug!(client = &*stay.client_id, ?ending, "a client leaves");
        stay.farewell_said = ending == Ending::Farewell;
    }
}

async fn first_packet(socket: &mut TcpStream, buffer: &mut BytesMut, exchange: &Exchange) -> Option<Packet> {
    loop {
        match decode(buffer, exchange.config.packet_bytes_max) {
            Ok(Some(packet)) => return Some(packet),
            Ok(None) => {
                let bytes = socket.read_buf(buffer).await.ok().filter(|bytes| *bytes > 0)?;
                exchange.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Err(_) => return None,
        }
    }
}

fn admit(
    connect: &Connect,
    will: Option<LastWill>,
    login: Option<&Login>,
    exchange: &Exchange,
) -> Result<Arrival, ConnectReturnCode> {
    if let Some(wanted) = &exchange.config.login
        && !login.is_some_and(|given| given.username == wanted.username && given.password == wanted.password)
    {
        return Err(ConnectReturnCode::NotAuthorized);
    }
    let properties = connect.properties.as_ref();
    if properties.is_some_and(|properties| properties.authentication_method.is_some()) {
        return Err(ConnectReturnCode::BadAuthenticationMethod);
    }
    let expiry_s = properties.and_then(|properties| properties.session_expiry_interval).unwrap_or(0);
    let packet_bytes_max = properties.and_then(|properties| properties.max_packet_size).unwrap_or(u32::MAX);
    let will = will.map(will_message).transpose()?;
    let client_id: Arc<str> =
        if connect.client_id.is_empty() { invent_client_id() } else { connect.client_id.as_str().into() };
    Ok(Arrival {
        client_id,
        clean_start: connect.clean_start,
        expiry: expiry(expiry_s),
        window: properties.and_then(|properties| properties.receive_maximum).unwrap_or(WINDOW_MAX),
        packet_bytes_max: packet_bytes_max as usize,
        will,
    })
}

/// The largest number of seconds means without end.
fn expiry(seconds: u32) -> Duration {
    if seconds == u32::MAX { Duration::MAX } else { Duration::from_secs(u64::from(seconds)) }
}

fn invent_client_id() -> Arc<str> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    format!("unnamed-{}", NEXT.fetch_add(1, Ordering::Relaxed)).into()
}

fn will_message(will: LastWill) -> Result<Message, ConnectReturnCode> {
    if will.qos == QoS::ExactlyOnce {
        return Err(ConnectReturnCode::QoSNotSupported);
    }
    let topic = topic(&will.topic).ok_or(ConnectReturnCode::TopicNameInvalid)?;
    Ok(Message { topic, payload: Bytes::copy_from_slice(&will.message), retain: will.retain, qos: will.qos })
}

fn topic(bytes: &[u8]) -> Option<Arc<str>> {
    std::str::from_utf8(bytes).ok().filter(|topic| topic_is_valid(topic)).map(Arc::from)
}

fn connack(session_present: bool, assigned: Option<String>, packet_bytes_max: u32) -> ConnAck {
    let properties = ConnAckProperties {
        receive_max: Some(RECEIVE_MAX),
        max_qos: Some(1),
        max_packet_size: Some(packet_bytes_max),
        assigned_client_identifier: assigned,
        subscription_identifiers_available: Some(0),
        shared_subscription_available: Some(0),
        session_expiry_interval: None,
        retain_available: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    };
    ConnAck { session_present, code: ConnectReturnCode::Success, properties: Some(properties) }
}

async fn refuse(socket: &mut TcpStream, code: ConnectReturnCode) {
    let packet = Packet::ConnAck(ConnAck { session_present: false, code, properties: None });
    if write_packet(socket, &packet).await {
        linger(socket).await;
    }
}

/// Reads and writes until one of both ends, or the connection is ended from outside.
async fn converse(socket: &mut TcpStream, buffer: BytesMut, keep_alive_s: u16, stay: &Stay) -> Ending {
    let mid_packet = AtomicBool::new(false);
    let ending = {
        let (read_half, write_half) = socket.split();
        tokio::select! {
            ending = read(read_half, buffer, keep_alive_s, stay) => ending,
            () = write(write_half, stay, &mid_packet) => Ending::Broken,
            code = stay.link.ended() => Ending::Refused(code),
        }
    };
    if let Ending::Refused(code) = ending
        && !mid_packet.load(Ordering::Relaxed)
        && write_packet(socket, &farewell(code)).await
    {
        linger(socket).await;
    }
    ending
}

async fn read(mut socket: ReadHalf<'_>, mut buffer: BytesMut, keep_alive_s: u16, stay: &Stay) -> Ending {
    // One and a half keep-alives of silence (MQTT 5, section 3.1.2.10); zero turns it off.
    let patience = match keep_alive_s {
        0 => Duration::MAX,
        seconds => Duration::from_secs(u64::from(seconds)) * 3 / 2,
    };
    loop {
        match decode(&mut buffer, stay.exchange.config.packet_bytes_max) {
            Ok(Some(packet)) => {
                if let Err(ending) = handle(packet, stay) {
                    return ending;
                }
            }
            Ok(None) => {
                buffer.reserve(READ_BYTES / 8);
                match timeout(patience, socket.read_buf(&mut buffer)).await {
                    Ok(Ok(bytes)) if bytes > 0 => {
                        stay.exchange.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
                    }
                    Ok(_) => return Ending::Broken,
                    Err(_) => return Ending::Refused(Code::KeepAliveTimeout),
                }
            }
            Err(code) => return Ending::Refused(code),
        }
    }
}

fn handle(packet: Packet, stay: &Stay) -> Result<(), Ending> {
    let Stay { exchange, client_id, link, .. } = stay;
    match packet {
        Packet::Publish(publish) => {
            let id = (publish.qos == QoS::AtLeastOnce).then_some(publish.pkid);
            exchange.publish(client_id, link, message(publish)?, id);
        }
        Packet::PubAck(ack) => exchange.acknowledged(client_id, link, ack.pkid),
        Packet::Subscribe(subscribe) => exchange.subscribe(client_id, link, subscribe),
        Packet::Unsubscribe(unsubscribe) => exchange.unsubscribe(client_id, link, &unsubscribe),
        Packet::PingReq(_) => exchange.answer(client_id, link, Packet::PingResp(PingResp)),
        Packet::Disconnect(disconnect) => {
            if let Some(seconds) = disconnect.properties.and_then(|properties| properties.session_expiry_interval) {
                exchange.set_expiry(client_id, link, expiry(seconds));
            }
            return Err(match disconnect.reason_code {
                Code::NormalDisconnection => Ending::Farewell,
                _ => Ending::FarewellWithWill,
            });
        }
        _ => return Err(Ending::Refused(Code::ProtocolError)),
    }
    Ok(())
}

fn message(publish: Publish) -> Result<Message, Ending> {
    if publish.qos == QoS::ExactlyOnce {
        return Err(Ending::Refused(Code::QoSNotSupported));
    }
    let topic = topic(&publish.topic).ok_or(Ending::Refused(Code::TopicNameInvalid))?;
    let payload = if publish.payload.len() < COPIED_BYTES_MAX {
        Bytes::copy_from_slice(&publish.payload)
    } else {
        publish.payload
    };
    Ok(Message { topic, payload, retain: publish.retain, qos: publish.qos })
}

async fn write(mut socket: WriteHalf<'_>, stay: &Stay, mid_packet: &AtomicBool) {
    while let Some(batch) = stay.exchange.next_batch(&stay.client_id, &stay.link) {
        if batch.bytes() == 0 {
            stay.link.woken().await;
            continue;
        }
        stay.exchange.bytes_out.fetch_add(batch.bytes() as u64, Ordering::Relaxed);
        mid_packet.store(true, Ordering::Relaxed);
        for chunk in batch.into_chunks() {
            if socket.write_all(&chunk).await.is_err() {
                return;
            }
        }
        mid_packet.store(false, Ordering::Relaxed);
    }
    // The session is another connection's now, and that one has ended this: wait for the word.
    std::future::pending::<()>().await;
}

async fn write_packet(socket: &mut TcpStream, packet: &Packet) -> bool {
    let mut batch = Batch::default();
    batch.packet(packet);
    for chunk in batch.into_chunks() {
        if !matches!(timeout(FAREWELL_TIMEOUT, socket.write_all(&chunk)).await, Ok(Ok(()))) {
            return false;
        }
    }
    true
}

/// Reads away what the client still sends: closing with unread bytes would reset the connection, and the last word
/// would be lost on the way.
async fn linger(socket: &mut TcpStream) {
    let rest = async {
        let _ = socket.shutdown().await;
        let mut scratch = [0; 4096];
        while matches!(socket.read(&mut scratch).await, Ok(bytes) if bytes > 0) {}
    };
    // Whether it closed in time makes no difference.
    let _ = timeout(FAREWELL_TIMEOUT, rest).await;
}
