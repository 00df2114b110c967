//! What is written is read again, and in one way only.

use crate::messages::{message, part_of};
use heijunka_units::{RunId, Start};
use heijunka_wire::limits::{HEADER_BYTES_MAX, PACKET_BYTES_DEFAULT, PACKET_BYTES_MIN, chunk_bytes};
use heijunka_wire::{
    Body, DecodeError, EncodeError, Head, Part, Payload, SurveyChunk, decode, encode, parts, read_f32,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(crate::cases(1000))]

    #[test]
    fn every_message_is_read_as_it_was_written(message in message()) {
        let bytes = message.encode().unwrap();
        let frame = decode(&bytes).unwrap();
        prop_assert_eq!(frame.head, message.head);
        prop_assert_eq!(&frame.body, &message.body);
        prop_assert_eq!(frame.body.kind() as u8, bytes[1]);
        let chunk = part_of(&message.body).map_or(0..0, |part| {
            let (begin, length) = part.range().unwrap();
            begin..begin + length
        });
        prop_assert_eq!(frame.payload, &message.object[chunk]);
        prop_assert!(bytes.len() - frame.payload.len() <= HEADER_BYTES_MAX);
    }

    #[test]
    fn a_buffer_that_is_too_small_is_an_error(message in message()) {
        let length = message.encode().unwrap().len();
        let object = if part_of(&message.body).is_some() { Payload::Bytes(&message.object) } else { Payload::None };
        for size in 0..length {
            let mut out = vec![0; size];
            prop_assert_eq!(encode(message.head, &message.body, object, &mut out), Err(EncodeError));
        }
    }

    #[test]
    fn numbers_arrive_bit_by_bit(numbers in proptest::collection::vec(any::<f32>(), 0..300), chunk in 4_usize..400) {
        let mut copy = vec![0.0; numbers.len()];
        let mut out = [0; 1024];
        for part in parts(numbers.len() * 4, chunk).unwrap() {
            let body = survey(part);
            let bytes = encode(HEAD, &body, Payload::Numbers(&numbers), &mut out).unwrap();
            let payload = decode(bytes).unwrap().payload;
            let finite = read_f32(payload, part.range().unwrap().0 / 4, &mut copy);
            let sent = payload.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            prop_assert_eq!(finite.is_ok(), sent.into_iter().all(f32::is_finite));
        }
        prop_assert!(numbers.iter().map(|n| n.to_bits()).eq(copy.iter().map(|n| n.to_bits())));
    }
}

/// Run 1.
const HEAD: Head = Head { run: RunId(1), start: Start::new([7; 16]) };

fn survey(part: Part) -> Body {
    Body::Survey(SurveyChunk { spec: 1, session: 1, part })
}

#[test]
fn an_object_that_does_not_match_its_part_is_not_sent() {
    let mut out = [0; 1024];
    let mut attempt = |part, object| encode(HEAD, &survey(part), object, &mut out).is_ok();
    let part = Part { index: 1, chunk_bytes: 4, total_bytes: 8 };
    assert!(attempt(part, Payload::Bytes(&[0; 8])));
    assert!(!attempt(part, Payload::Bytes(&[0; 7])));
    assert!(!attempt(part, Payload::Numbers(&[0.0])));
    assert!(!attempt(part, Payload::None));
    // Numbers have four bytes each: half a number would be whatever was in the buffer before.
    assert!(!attempt(Part { total_bytes: 6, ..part }, Payload::Numbers(&[0.0, 0.0])));
    assert!(!attempt(Part { index: 2, ..part }, Payload::Bytes(&[0; 8])));
    assert!(!attempt(Part { chunk_bytes: 0, ..part }, Payload::Bytes(&[0; 8])));
}

#[test]
fn numbers_that_are_not_finite_or_do_not_fit_are_refused() {
    let mut out = [0.0; 2];
    assert_eq!(read_f32(&1.5_f32.to_le_bytes(), 1, &mut out), Ok(()));
    assert_eq!(out, [0.0, 1.5]);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(read_f32(&bad.to_le_bytes(), 0, &mut out), Err(DecodeError::Implausible));
    }
    assert_eq!(read_f32(&[0; 3], 0, &mut out), Err(DecodeError::Length));
    assert_eq!(read_f32(&[0; 4], 2, &mut out), Err(DecodeError::Length));
    assert_eq!(read_f32(&[0; 4], usize::MAX, &mut out), Err(DecodeError::Length));
}

#[test]
fn every_packet_size_leaves_room_for_data() {
    for packet in [PACKET_BYTES_MIN, PACKET_BYTES_DEFAULT] {
        assert!(chunk_bytes(packet) >= 400 && chunk_bytes(packet).is_multiple_of(4));
    }
    assert_eq!(chunk_bytes(0), 0);
}
