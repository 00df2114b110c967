//! Bytes from a peer that is broken or means harm: always an error, never a panic.

use crate::messages::{message, part_of};
use heijunka_units::{AllocationVersion, RoundId, RunId, Start};
use heijunka_wire::limits::{
    BATCH_SAMPLES_MAX, CONVOLUTIONS_MAX, OFFSET_MAX, PARAMETERS_MAX, PARTS_MAX, ROWS_MAX, WIDTHS_MAX,
};
use heijunka_wire::{
    Body, Codec, DecodeError, Durations, Extra, Gradient, Head, Kind, PROTOCOL_VERSION, Part, Payload, Reserved,
    SurveyChunk, decode, encode,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// The shortest encoding of a number: seven bits a byte, the lowest first.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Run 1.
const HEAD: Head = Head { run: RunId(1), start: Start::new([7; 16]) };

/// A frame of `kind` in run 1 whose body has these bytes.
fn frame(kind: u8, body: &[&[u8]]) -> Vec<u8> {
    [&[PROTOCOL_VERSION, kind, 0], &[7; 16][..], &[1], body.concat().as_slice()].concat()
}

fn part(index: u64, chunk_bytes: u64, total_bytes: u64) -> Vec<u8> {
    [varint(index), varint(chunk_bytes), varint(total_bytes)].concat()
}

fn encoded(body: &Body, object: Payload<'_>) -> Vec<u8> {
    let mut out = [0; 512];
    encode(HEAD, body, object, &mut out).unwrap().to_vec()
}

fn gradient(loss_sum: impl Into<Option<f64>>, samples: u32) -> Body {
    Body::Gradient(Gradient {
        round: RoundId(1),
        allocation: AllocationVersion(1),
        session: 1,
        offset: 0,
        samples,
        loss_sum: loss_sum.into(),
        durations: Durations::default(),
        codec: Codec::Float32,
        ranges: Reserved,
        noise: Reserved,
        part: Part { index: 0, chunk_bytes: 4, total_bytes: 4 },
    })
}

proptest! {
    #![proptest_config(crate::cases(3000))]

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn what_random_bodies_decode_to_is_encoded_to_the_same_bytes(
        kind in 1_u8..=Kind::Extra as u8,
        body in vec(prop_oneof![3 => 0_u8..3, 1 => any::<u8>()], 0..60),
    ) {
        let bytes = frame(kind, &[&body]);
        if let Ok(frame) = decode(&bytes) {
            let begin = part_of(&frame.body).and_then(Part::range).map_or(0, |(begin, _)| begin);
            let object = [&vec![0; begin], frame.payload].concat();
            let payload = if part_of(&frame.body).is_some() { Payload::Bytes(&object) } else { Payload::None };
            prop_assert_eq!(encoded(&frame.body, payload), bytes);
        }
    }

    #[test]
    fn a_mutated_frame_is_an_error_or_another_message(
        message in message(),
        mutations in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let honest = message.encode().unwrap();
        let mut bytes = honest.clone();
        for (place, byte) in mutations {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(frame) = decode(&bytes) {
            let same = decode(&honest).unwrap() == frame;
            prop_assert_eq!(same, bytes == honest);
        }
    }

    #[test]
    fn a_frame_cut_at_any_length_is_an_error(message in message()) {
        let bytes = message.encode().unwrap();
        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err());
        }
    }

    #[test]
    fn trailing_bytes_are_an_error(message in message(), more in vec(any::<u8>(), 1..9)) {
        let bytes = [message.encode().unwrap(), more].concat();
        prop_assert_eq!(decode(&bytes), Err(DecodeError::Length));
    }

    #[test]
    fn a_tag_is_refused(message in message(), tag in vec(any::<u8>(), 1..=255)) {
        let mut bytes = message.encode().unwrap();
        bytes[2] = tag.len() as u8;
        bytes.extend(&tag);
        prop_assert_eq!(decode(&bytes), Err(DecodeError::Tag(tag.len() as u8)));
    }
}

#[test]
fn a_frame_names_its_version_and_kind() {
    assert_eq!(decode(&[]), Err(DecodeError::Short));
    assert_eq!(decode(&[2, 1]), Err(DecodeError::Short));
    assert_eq!(decode(&[1, 1, 0, 0]), Err(DecodeError::Version(1)));
    let refusal = decode(&[1, 1, 0, 0]).unwrap_err().to_string();
    let fix = "it has protocol version 1, and this program speaks version 2: install the same release of aggregator and agents";
    assert_eq!(refusal, fix);
    for kind in [0, 9, 10, 11, 255] {
        assert_eq!(decode(&[2, kind, 0, 0]), Err(DecodeError::UnknownKind(kind)));
    }
    assert_eq!(decode(&[2, 1, 5, 0]), Err(DecodeError::Tag(5)));
    assert_eq!(decode(&[2, 1, 0]), Err(DecodeError::Malformed));
}

#[test]
fn a_run_has_a_start_and_no_run_has_none() {
    let extra = Extra { session: 1, round: RoundId(2), digest: 3, number: 4, offset: 5, samples: 6 };
    let decoded = |run, start| {
        let mut out = [0; 64];
        let bytes = encode(
            Head { run: RunId(run), start: Start::new([start; 16]) },
            &Body::Extra(extra),
            Payload::None,
            &mut out,
        );
        decode(bytes.unwrap()).map(|frame| frame.head.run.0)
    };
    assert_eq!([decoded(0, 0), decoded(1, 1)], [Ok(0), Ok(1)]);
    assert_eq!([decoded(0, 1), decoded(1, 0)], [Err(DecodeError::Implausible); 2]);
}

#[test]
fn what_is_reserved_is_refused() {
    let body = |ranges, noise| {
        let head = [1, 1, 1, 0, 1, 0, 0, 0, 0, 0, ranges, noise];
        decode(&frame(5, &[&head, &part(0, 4, 0)])).map(drop)
    };
    assert_eq!(body(0, 0), Ok(()));
    assert_eq!([body(1, 0), body(0, 1)], [Err(DecodeError::Malformed); 2]);
}

#[test]
fn a_gradient_without_a_loss_has_no_payload() {
    let mut body = gradient(None, 1);
    assert_eq!(decode(&encoded(&body, Payload::Numbers(&[0.5]))), Err(DecodeError::Implausible));
    if let Body::Gradient(gradient) = &mut body {
        gradient.part.total_bytes = 0;
    }
    assert!(decode(&encoded(&body, Payload::None)).is_ok());
}

#[test]
fn overlong_varints_are_refused() {
    let extra = Extra { session: 1, round: RoundId(2), digest: 3, number: 4, offset: 5, samples: 6 };
    let honest = encoded(&Body::Extra(extra), Payload::None);
    assert_eq!(honest, frame(8, &[&[1, 2, 3, 4, 5, 6]]));
    for place in 19..honest.len() {
        let overlong = [&honest[..place], &[honest[place] | 0x80, 0], &honest[place + 1..]].concat();
        assert_eq!(decode(&overlong), Err(DecodeError::NotCanonical), "byte {place}");
    }
    let too_large = [&honest[..19], &[0xff; 10], &honest[20..]].concat();
    assert_eq!(decode(&too_large), Err(DecodeError::Malformed));
}

#[test]
fn losses_that_are_not_finite_and_impossible_counts_are_refused() {
    let decoded = |body: &Body| decode(&encoded(body, Payload::Numbers(&[0.5]))).map(|frame| frame.body);
    assert_eq!(decoded(&gradient(-0.0, 1)), Ok(gradient(-0.0, 1)));
    for loss in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(decoded(&gradient(loss, 1)), Err(DecodeError::Implausible));
    }
    for samples in [0, BATCH_SAMPLES_MAX + 1, u32::MAX] {
        assert_eq!(decoded(&gradient(0.0, samples)), Err(DecodeError::Implausible));
    }
    let many = varint(u64::from(BATCH_SAMPLES_MAX) + 1);
    let far = varint(u64::from(OFFSET_MAX) + 1);
    let assign = |samples: &[u8], offset: &[u8]| frame(3, &[&[0, 1, 1, 1], samples, offset, &[0, 0, 0, 0, 0, 0]]);
    assert!(decode(&assign(&[0], &[0])).is_ok());
    assert_eq!(decode(&assign(&many, &[0])), Err(DecodeError::Implausible));
    assert_eq!(decode(&assign(&[0], &far)), Err(DecodeError::Implausible));
    let untaken = |offset: &[u8]| frame(3, &[&[0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1], offset]);
    assert!(decode(&untaken(&[0])).is_ok());
    assert_eq!(decode(&untaken(&far)), Err(DecodeError::Implausible));
    let extra = |offset: &[u8], samples: &[u8]| frame(8, &[&[1, 1, 1, 1], offset, samples]);
    assert!(decode(&extra(&[0], &[1])).is_ok());
    for (offset, samples) in [(&far[..], &[1][..]), (&[0], &[0]), (&[0], &many)] {
        assert_eq!(decode(&extra(offset, samples)), Err(DecodeError::Implausible));
    }
    let round = |batch: &[u8]| {
        let numbers = [&[0, 1][..], &[0; 4], &[0], &[0; 4], &[1, 1, 0, 0, 0, 0]].concat();
        frame(4, &[&[0, 1, 0, 0], batch, &numbers, &part(0, 4, 0)])
    };
    assert!(decode(&round(&[1])).is_ok());
    assert_eq!(decode(&round(&many)), Err(DecodeError::Implausible));
    let join = |protocols: [u8; 2], cpu: u8| frame(1, &[&[1], &protocols, &[0, 1, 1, 1, 1, 1, cpu, 0, 0, 0]]);
    assert!(decode(&join([1, 1], 1)).is_ok());
    assert!(decode(&join([1, 1], 100)).is_ok());
    for (protocols, cpu) in [([2, 1], 1), ([1, 1], 0), ([1, 1], 101)] {
        assert_eq!(decode(&join(protocols, cpu)), Err(DecodeError::Implausible));
    }
    let rows = varint(ROWS_MAX + 1);
    assert_eq!(decode(&frame(1, &[&[1, 1, 1, 0], &rows, &[1, 1, 1, 1, 1, 0, 0, 0]])), Err(DecodeError::Implausible));
    assert_eq!(decode(&frame(1, &[&[1, 1, 1, 0, 1], &rows, &[1, 1, 1, 1, 0, 0, 0]])), Err(DecodeError::Implausible));
}

/// F6: sizes that a peer names are checked before anything is made of them.
#[test]
fn models_of_impossible_size_are_refused() {
    let model = |model: &[u8]| decode(&frame(2, &[&[1], model, &[0, 0], &part(0, 4, 0)])).map(drop);
    let layers = |widths: &[u64]| {
        let numbers: Vec<u8> = widths.iter().flat_map(|width| varint(*width)).collect();
        model(&[&[1][..], &varint(widths.len() as u64), &numbers, &[0, 0, 0]].concat())
    };
    assert_eq!(layers(&[64, 10]), Ok(()));
    for widths in [&[][..], &[64], &[0, 10], &[10, 0]] {
        assert_eq!(layers(widths), Err(DecodeError::Implausible), "{widths:?}");
    }
    let most = u64::from(u32::MAX);
    assert_eq!(layers(&[most, most]), Err(DecodeError::Implausible));
    assert_eq!(layers(&[most; WIDTHS_MAX]), Err(DecodeError::Implausible));
    assert_eq!(layers(&[1; WIDTHS_MAX + 1]), Err(DecodeError::Malformed));
    assert_eq!(layers(&[most + 1, 1]), Err(DecodeError::Malformed));
    let opaque = |parameters: u64| model(&[&[2][..], &varint(parameters)].concat());
    assert_eq!([opaque(1), opaque(PARAMETERS_MAX as u64)], [Ok(()); 2]);
    assert_eq!([opaque(0), opaque(PARAMETERS_MAX as u64 + 1)], [Err(DecodeError::Implausible); 2]);
    assert_eq!([model(&[0]), model(&[3, 0, 0])], [Ok(()), Err(DecodeError::Malformed)]);
}

#[test]
fn convolutions_that_do_not_fit_are_refused() {
    let spec = |inputs: u64, channels: u64, layers: &[[u64; 3]]| {
        let widths = [varint(2), varint(inputs), varint(1)].concat();
        let numbers: Vec<u8> = layers.iter().flatten().flat_map(|number| varint(*number)).collect();
        let convolutions = [&[1][..], &varint(channels), &varint(layers.len() as u64), &numbers, &[0]].concat();
        decode(&frame(2, &[&[1, 1], &widths, &[0, 0], &convolutions, &[0, 0], &part(0, 4, 0)])).map(drop)
    };
    assert_eq!(spec(30, 3, &[[16, 5, 1], [8, 3, 3], [4, 2, 1]]), Ok(()));
    assert_eq!(spec(27, 3, &[[16, 5, 1], [8, 3, 3], [4, 2, 1]]), Err(DecodeError::Implausible), "1 row is left");
    let wide = u64::from(u32::MAX);
    for (inputs, channels, layers) in [
        (30, 3, &[][..]),
        (30, 0, &[[16, 5, 1]]),
        (31, 3, &[[16, 5, 1]]),
        (30, 3, &[[0, 5, 1]]),
        (30, 3, &[[16, 0, 0]]),
        (30, 3, &[[16, 5, 0]]),
        (30, 3, &[[16, 5, 6]]),
        (30, 3, &[[16, 11, 1]]),
        (wide, 1, &[[65_535, 1, 1]]),
        (wide, wide, &[[65_535, 1, 1], [65_535, 1, 1], [65_535, 1, 1]]),
    ] {
        assert_eq!(spec(inputs, channels, layers), Err(DecodeError::Implausible), "{inputs} {layers:?}");
    }
    assert_eq!(spec(30, 3, &[[1, 1, 1]; CONVOLUTIONS_MAX + 1]), Err(DecodeError::Malformed));
    assert_eq!(spec(30, 3, &[[65_536, 1, 1]]), Err(DecodeError::Malformed));
}

#[test]
fn parts_of_impossible_size_are_refused() {
    let sized = |part: Vec<u8>, payload: &[u8]| decode(&frame(6, &[&[1, 1], &part, payload])).map(drop);
    assert_eq!(sized(part(0, 4, 4), &[0; 4]), Ok(()));
    let parts_max = PARTS_MAX as u64;
    for (index, chunk, total) in [
        (0, 0, 0),
        (0, 0, 4),
        (0, 3, 3),
        (1, 4, 4),
        (1, 4, 0),
        (0, 4, 4 * parts_max + 1),
        (parts_max, 4, 4 * parts_max),
        (65_535, 4, u64::from(u32::MAX)),
        (0, u64::from(u32::MAX), 4),
        (0, 4, u64::from(u32::MAX)),
    ] {
        assert_eq!(sized(part(index, chunk, total), &[0; 4]), Err(DecodeError::Length), "{index} {chunk} {total}");
    }
    // The payload is shorter or longer than the part says.
    assert_eq!(sized(part(0, 4, 4), &[0; 3]), Err(DecodeError::Length));
    assert_eq!(sized(part(0, 4, 4), &[0; 5]), Err(DecodeError::Length));
    assert_eq!(sized(part(0, 1 << 31, 1 << 31), &[0; 4]), Err(DecodeError::Length));
    assert_eq!(sized(part(65_536, 4, 4), &[0; 4]), Err(DecodeError::Malformed));
}

#[test]
fn models_and_gradients_are_whole_numbers_of_f32() {
    let mut body = gradient(0.0, 1);
    if let Body::Gradient(gradient) = &mut body {
        gradient.part.total_bytes = 3;
    }
    assert_eq!(decode(&encoded(&body, Payload::Bytes(&[0; 3]))), Err(DecodeError::Implausible));
    let round = |base: &[u8], codec, momentum: f32, steps, bytes: u64| {
        let numbers = [&[steps][..], &1.0_f32.to_le_bytes(), &[0], &momentum.to_le_bytes(), &[1, 1, 0]].concat();
        let head = [&[0, 1, 0, 0, 1, 0][..], &numbers, base, &[codec], &[0], &part(0, 4, bytes)].concat();
        decode(&frame(4, &[&head, &vec![0; bytes as usize]])).map(|_| ())
    };
    assert_eq!(round(&[0], 0, 0.9, 1, 4), Ok(()));
    assert_eq!(round(&[0], 0, 0.9, 1, 3), Err(DecodeError::Implausible));
    // Updates alone are written otherwise.
    assert_eq!(round(&[0], 2, 0.9, 1, 3), Err(DecodeError::Implausible));
    assert_eq!(round(&[1, 5], 2, 0.9, 1, 3), Ok(()));
    assert_eq!(round(&[0], 0, 1.0, 1, 4), Err(DecodeError::Implausible));
    assert_eq!(round(&[0], 0, f32::NAN, 1, 4), Err(DecodeError::Implausible));
    assert_eq!(round(&[0], 0, 0.9, 0, 4), Err(DecodeError::Implausible));
    assert_eq!(round(&[0], 6, 0.9, 1, 4), Err(DecodeError::Malformed));
    let survey = SurveyChunk { spec: 1, session: 1, part: Part { index: 0, chunk_bytes: 4, total_bytes: 3 } };
    assert!(decode(&encoded(&Body::Survey(survey), Payload::Bytes(&[0; 3]))).is_ok());
}
