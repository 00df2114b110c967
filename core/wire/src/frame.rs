//! Frames: version, kind, length of the authentication tag, start, run, body, payload, tag.

use crate::assembly::Part;
use crate::body::{Body, Kind, Message};
use core::fmt;
use core::hash::Hasher;
use heijunka_units::{RunId, Start};
use serde::{Deserialize, Serialize};

/// The protocol version that this code speaks.
pub const PROTOCOL_VERSION: u8 = 2;

/// Which start of which run a frame belongs to. Of two heads the higher one is obeyed: the one of the later run, and of one
/// run's two starts the one with the higher bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head {
    /// The run; 0 in an agent's first messages, before it has received a spec.
    pub run: RunId,
    /// The aggregator's start; [`Start::UNKNOWN`] with run 0.
    pub start: Start,
}

/// A checked message.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// The run and the start that it belongs to.
    pub head: Head,
    /// The message.
    pub body: Body,
    /// A chunk of the object that the message carries; its length agrees with the body's part.
    pub payload: &'a [u8],
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Fewer bytes than a header.
    Short,
    /// Another protocol version; holds it.
    Version(u8),
    /// A kind that this version does not know; holds it.
    UnknownKind(u8),
    /// An authentication tag of a length that this version does not know; holds the length.
    Tag(u8),
    /// The header does not decode.
    Malformed,
    /// The header decodes, but is not the shortest encoding of its values.
    NotCanonical,
    /// Bytes where none belong, or too few: payload and part disagree.
    Length,
    /// A value that is not finite or out of its range.
    Implausible,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the frame is too short"),
            Self::Version(v) => write!(
                f,
                "it has protocol version {v}, and this program speaks version {PROTOCOL_VERSION}: \
                 install the same release of aggregator and agents"
            ),
            Self::UnknownKind(k) => write!(f, "unknown kind of message {k}"),
            Self::Tag(bytes) => {
                write!(f, "it has an authentication tag of {bytes} bytes, which this version does not know")
            }
            Self::Malformed => f.write_str("the header is malformed"),
            Self::NotCanonical => f.write_str("the header is not in canonical form"),
            Self::Length => f.write_str("the payload's length does not agree with the header"),
            Self::Implausible => f.write_str("a value is not finite or out of range"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Why a message does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError;

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the frame does not fit the packet size, or its part is out of range")
    }
}

impl core::error::Error for EncodeError {}

/// The whole object of which a frame carries a chunk.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// No object.
    None,
    /// Bytes.
    Bytes(&'a [u8]),
    /// Numbers, sent as little-endian `f32`.
    Numbers(&'a [f32]),
}

impl Payload<'_> {
    /// Writes the part's chunk to the front of `out`; returns its length.
    fn write(self, part: Part, out: &mut [u8]) -> Option<usize> {
        let (begin, bytes) = part.range()?;
        let out = out.get_mut(..bytes)?;
        match self {
            Self::None => return (bytes == 0).then_some(0),
            Self::Bytes(all) => out.copy_from_slice(all.get(begin..begin + bytes)?),
            Self::Numbers(all) => {
                if !bytes.is_multiple_of(4) {
                    return None;
                }
                let numbers = all.get(begin / 4..(begin + bytes) / 4)?;
                for (place, number) in out.chunks_exact_mut(4).zip(numbers) {
                    place.copy_from_slice(&number.to_le_bytes());
                }
            }
        }
        Some(bytes)
    }
}

#[derive(Serialize, Deserialize)]
struct Headed<T> {
    start: Start,
    run: RunId,
    body: T,
}

/// Bytes before the start: version, kind, length of the tag.
const FIXED_BYTES: usize = 3;
/// Bytes of the tag. Version 2 sends none; see `docs/wire.md` for what is reserved.
const TAG_BYTES: u8 = 0;

/// Writes a frame into `out` and returns it. Of `object` the chunk that the body's part names is taken.
pub fn encode<'o>(head: Head, body: &Body, object: Payload<'_>, out: &'o mut [u8]) -> Result<&'o [u8], EncodeError> {
    let fixed = out.get_mut(..FIXED_BYTES).ok_or(EncodeError)?;
    fixed.copy_from_slice(&[PROTOCOL_VERSION, body.kind() as u8, TAG_BYTES]);
    let rest = out.get_mut(FIXED_BYTES..).ok_or(EncodeError)?;
    let used = match body {
        Body::Join(body) => write(head, body, object, rest),
        Body::Spec(body) => write(head, body, object, rest),
        Body::Assign(body) => write(head, body, object, rest),
        Body::Round(body) => write(head, body, object, rest),
        Body::Gradient(body) => write(head, body, object, rest),
        Body::Survey(body) => write(head, body, object, rest),
        Body::Scores(body) => write(head, body, object, rest),
        Body::Extra(body) => write(head, body, object, rest),
    };
    out.get(..FIXED_BYTES + used.ok_or(EncodeError)?).ok_or(EncodeError)
}

/// Writes head, body and payload; returns their length.
fn write<T: Message>(Head { run, start }: Head, body: &T, object: Payload<'_>, out: &mut [u8]) -> Option<usize> {
    let header = postcard::to_slice(&Headed { start, run, body }, out).ok()?.len();
    let chunk = match body.part() {
        None => 0,
        Some(part) => object.write(part, out.get_mut(header..)?)?,
    };
    Some(header + chunk)
}

/// Reads and checks a frame. Never panics, takes no memory, and accepts one encoding of each message only.
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let (fixed, content) = bytes.split_at_checked(FIXED_BYTES).ok_or(DecodeError::Short)?;
    let &[version, kind, tag_bytes] = fixed else { return Err(DecodeError::Short) };
    if version != PROTOCOL_VERSION {
        return Err(DecodeError::Version(version));
    }
    if tag_bytes != TAG_BYTES {
        return Err(DecodeError::Tag(tag_bytes));
    }
    const JOIN: u8 = Kind::Join as u8;
    const SPEC: u8 = Kind::Spec as u8;
    const ASSIGN: u8 = Kind::Assign as u8;
    const ROUND: u8 = Kind::Round as u8;
    const GRADIENT: u8 = Kind::Gradient as u8;
    const SURVEY: u8 = Kind::Survey as u8;
    const SCORES: u8 = Kind::Scores as u8;
    const EXTRA: u8 = Kind::Extra as u8;
    match kind {
        JOIN => read(content, Body::Join),
        SPEC => read(content, Body::Spec),
        ASSIGN => read(content, Body::Assign),
        ROUND => read(content, Body::Round),
        GRADIENT => read(content, Body::Gradient),
        SURVEY => read(content, Body::Survey),
        SCORES => read(content, Body::Scores),
        EXTRA => read(content, Body::Extra),
        other => Err(DecodeError::UnknownKind(other)),
    }
}

/// Reads and checks what follows the length of the tag.
fn read<T: Message>(content: &[u8], body: impl Fn(T) -> Body) -> Result<Frame<'_>, DecodeError> {
    let (headed, payload) = postcard::take_from_bytes::<Headed<T>>(content).map_err(|_| DecodeError::Malformed)?;
    let used = content.len() - payload.len();
    let canonical = postcard::experimental::serialized_size(&headed).map_err(|_| DecodeError::Malformed)?;
    if used != canonical {
        return Err(DecodeError::NotCanonical);
    }
    let Headed { start, run, body: message } = headed;
    let expected = match message.part() {
        None => 0,
        Some(part) => part.range().ok_or(DecodeError::Length)?.1,
    };
    if payload.len() != expected {
        return Err(DecodeError::Length);
    }
    if !message.is_plausible() || (run == RunId(0)) != (start == Start::UNKNOWN) {
        return Err(DecodeError::Implausible);
    }
    Ok(Frame { head: Head { run, start }, body: body(message), payload })
}

/// Writes a payload's numbers into `out` from number `begin` on. `Err` if they do not fit or one is not finite.
pub fn read_f32(payload: &[u8], begin: usize, out: &mut [f32]) -> Result<(), DecodeError> {
    if !payload.len().is_multiple_of(4) {
        return Err(DecodeError::Length);
    }
    let end = begin.checked_add(payload.len() / 4).ok_or(DecodeError::Length)?;
    let place = out.get_mut(begin..end).ok_or(DecodeError::Length)?;
    let mut finite = true;
    for (number, bytes) in place.iter_mut().zip(payload.chunks_exact(4)) {
        let &[a, b, c, d] = bytes else { return Err(DecodeError::Length) };
        *number = f32::from_le_bytes([a, b, c, d]);
        finite &= number.is_finite();
    }
    if finite { Ok(()) } else { Err(DecodeError::Implausible) }
}

/// A 64-bit digest (xxHash64) by which equal objects are recognised; no protection against forgery.
pub fn digest(bytes: &[u8]) -> u64 {
    twox_hash::XxHash64::oneshot(0, bytes)
}

/// Digest of a model: of its parameters as little-endian `f32`.
pub fn model_digest(parameters: &[f32]) -> u64 {
    let mut hasher = twox_hash::XxHash64::with_seed(0);
    let mut bytes = [0; 1024];
    for parameters in parameters.chunks(bytes.len() / 4) {
        for (place, parameter) in bytes.chunks_exact_mut(4).zip(parameters) {
            place.copy_from_slice(&parameter.to_le_bytes());
        }
        hasher.write(bytes.get(..parameters.len() * 4).unwrap_or(&[]));
    }
    hasher.finish()
}
