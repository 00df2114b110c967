//! Bytes to packets and back, on rumqttc's codec, with what the codec leaves out.
//!
//! The codec refuses the short forms of DISCONNECT (without reason, without properties), which are what clients send;
//! and it reports a packet that is malformed inside as one that is not complete yet.

use bytes::{BufMut, Bytes, BytesMut};
use rumqttc::v5::mqttbytes::v5::{Disconnect, DisconnectProperties, DisconnectReasonCode as Code, Packet};

use crate::message::Message;

/// Payloads from this size on are written from where they lie; smaller ones are copied next to their header.
const SHARED_BYTES_MIN: usize = 8 * 1024;

/// Takes the next packet out of `buffer`, if one is complete.
///
/// # Errors
/// The reason to send to the client: the packet is malformed, or larger than `bytes_max`.
pub(crate) fn decode(buffer: &mut BytesMut, bytes_max: u32) -> Result<Option<Packet>, Code> {
    let Some(frame) = frame(buffer)? else { return Ok(None) };
    if frame.bytes > bytes_max as usize {
        return Err(Code::PacketTooLarge);
    }
    if buffer.len() < frame.bytes {
        buffer.reserve(frame.bytes - buffer.len());
        return Ok(None);
    }
    let mut packet = buffer.split_to(frame.bytes);
    if packet.first() == Some(&0xE0) && frame.bytes - frame.header_bytes <= 1 {
        return short_disconnect(packet.get(frame.header_bytes)).map(Some);
    }
    Packet::read(&mut packet, None).map(Some).map_err(|error| {
        tracing::debug!(%error, "malformed packet");
        Code::MalformedPacket
    })
}

struct Frame {
    header_bytes: usize,
    bytes: usize,
}

/// Reads type and remaining length.
fn frame(buffer: &[u8]) -> Result<Option<Frame>, Code> {
    let mut remaining = 0;
    for (at, byte) in buffer.iter().skip(1).enumerate() {
        if at == 4 {
            return Err(Code::MalformedPacket);
        }
        remaining |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            let header_bytes = at + 2;
            return Ok(Some(Frame { header_bytes, bytes: header_bytes + remaining }));
        }
    }
    Ok(None)
}

fn short_disconnect(reason: Option<&u8>) -> Result<Packet, Code> {
    let code = Code::try_from(reason.copied().unwrap_or(0)).map_err(|_| Code::MalformedPacket)?;
    Ok(Packet::Disconnect(Disconnect::new(code)))
}

/// A farewell with its reason in words: the short form would not be understood by clients on the same codec.
pub(crate) fn farewell(code: Code) -> Packet {
    Packet::Disconnect(Disconnect {
        reason_code: code,
        properties: Some(DisconnectProperties {
            session_expiry_interval: None,
            reason_string: Some(format!("{code:?}")),
            user_properties: Vec::new(),
            server_reference: None,
        }),
    })
}

/// Bytes to be written, in order.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    chunks: Vec<Bytes>,
    open: BytesMut,
    bytes: usize,
}

impl Batch {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn packet(&mut self, packet: &Packet) {
        let before = self.open.len();
        // Only a packet over the protocol's 256 MB fails, and none of these comes near.
        if packet.write(&mut self.open, None).is_err() {
            self.open.truncate(before);
        }
        self.bytes += self.open.len() - before;
    }

    /// Adds a PUBLISH; a large payload is shared, not copied.
    pub(crate) fn publish(&mut self, message: &Message, id: Option<u16>, again: bool) {
        let before = self.open.len();
        let first = 0x30 | u8::from(again) << 3 | u8::from(id.is_some()) << 1 | u8::from(message.retain);
        self.open.put_u8(first);
        let id_bytes = if id.is_some() { 2 } else { 0 };
        put_length(&mut self.open, 2 + message.topic.len() + id_bytes + 1 + message.payload.len());
        self.open.put_u16(u16::try_from(message.topic.len()).unwrap_or(u16::MAX));
        self.open.put_slice(message.topic.as_bytes());
        if let Some(id) = id {
            self.open.put_u16(id);
        }
        self.open.put_u8(0);
        self.bytes += self.open.len() - before + message.payload.len();
        if message.payload.len() < SHARED_BYTES_MIN {
            self.open.put_slice(&message.payload);
        } else {
            self.chunks.push(self.open.split().freeze());
            self.chunks.push(message.payload.clone());
        }
    }

    pub(crate) fn into_chunks(mut self) -> Vec<Bytes> {
        if !self.open.is_empty() {
            self.chunks.push(self.open.freeze());
        }
        self.chunks
    }
}

fn put_length(buffer: &mut BytesMut, mut length: usize) {
    loop {
        let low = u8::try_from(length & 0x7F).unwrap_or(0);
        length >>= 7;
        buffer.put_u8(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::Publish;

    use super::*;

    fn decoded(bytes: &[u8]) -> Result<Option<Packet>, Code> {
        decode(&mut BytesMut::from(bytes), 1000)
    }

    #[test]
    fn both_short_disconnects_are_read() {
        assert_eq!(decoded(&[0xE0, 0]), Ok(Some(Packet::Disconnect(Disconnect::new(Code::NormalDisconnection)))));
        assert_eq!(
            decoded(&[0xE0, 1, 4]),
            Ok(Some(Packet::Disconnect(Disconnect::new(Code::DisconnectWithWillMessage))))
        );
        assert_eq!(decoded(&[0xE0, 1, 0x55]), Err(Code::MalformedPacket));
    }

    #[test]
    fn a_length_is_judged_before_its_bytes_are_there() {
        assert_eq!(decoded(&[0x30, 0xE8, 0x07]), Err(Code::PacketTooLarge));
        assert_eq!(decoded(&[0x30, 0xE5, 0x07]), Ok(None));
        assert_eq!(decoded(&[0x30, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]), Err(Code::MalformedPacket));
        assert_eq!(decoded(&[0x30, 0xFF]), Ok(None));
        assert_eq!(decoded(&[]), Ok(None));
    }

    #[test]
    fn a_complete_packet_with_a_broken_inside_is_not_waited_for() {
        assert_eq!(decoded(&[0x82, 2, 0, 1]), Err(Code::MalformedPacket));
    }

    #[test]
    fn a_publish_is_what_the_codec_reads() {
        for payload_bytes in [0, 1, 200, SHARED_BYTES_MIN - 1, SHARED_BYTES_MIN, 3_000_000] {
            for id in [None, Some(7)] {
                let payload = Bytes::from(vec![9; payload_bytes]);
                let message =
                    Message { topic: "a/b".into(), payload: payload.clone(), retain: true, qos: QoS::AtLeastOnce };
                let mut batch = Batch::default();
                batch.packet(&Packet::PingResp(rumqttc::v5::mqttbytes::v5::PingResp));
                batch.publish(&message, id, true);
                let bytes = batch.bytes();
                let mut wire = BytesMut::from(batch.into_chunks().concat().as_slice());
                assert_eq!(wire.len(), bytes);
                assert!(matches!(decode(&mut wire, u32::MAX), Ok(Some(Packet::PingResp(_)))));
                let qos = if id.is_some() { QoS::AtLeastOnce } else { QoS::AtMostOnce };
                let mut expected = Publish::new("a/b", qos, payload, None);
                (expected.retain, expected.dup, expected.pkid) = (true, true, id.unwrap_or(0));
                assert_eq!(decode(&mut wire, u32::MAX), Ok(Some(Packet::Publish(expected))));
            }
        }
    }
}
