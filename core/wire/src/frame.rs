//! Frames: version, kind, length of the authentication tag, run number, body, payload, tag.

use crate::assembly::Part;
use crate::body::Body;
use crate::limits::TAG_BYTES_MAX;
use core::fmt;
use core::hash::Hasher;
use heijunka_units::RunId;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The protocol version that this code speaks.
pub const PROTOCOL_VERSION: u8 = 1;

/// Which message a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// [`Join`](crate::Join)
    Join = 1,
    /// [`Spec`](crate::Spec)
    Spec = 2,
    /// [`Assign`](crate::Assign)
    Assign = 3,
    /// [`Round`](crate::Round)
    Round = 4,
    /// [`Gradient`](crate::Gradient)
    Gradient = 5,
    /// [`Evidence`](crate::Evidence)
    Evidence = 6,
    /// [`Extra`](crate::Extra)
    Extra = 7,
}

impl Body {
    /// The kind of the message.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Join(_) => Kind::Join,
            Self::Spec(_) => Kind::Spec,
            Self::Assign(_) => Kind::Assign,
            Self::Round(_) => Kind::Round,
            Self::Gradient(_) => Kind::Gradient,
            Self::Evidence(_) => Kind::Evidence,
            Self::Extra(_) => Kind::Extra,
        }
    }
}

/// A checked message.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// The run that it belongs to; 0 in an agent's first words, before it has heard of a run.
    pub run: RunId,
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
    /// A tag longer than the limit or the frame.
    Tag,
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
            Self::Version(v) => write!(f, "the frame has protocol version {v}, this program speaks {PROTOCOL_VERSION}"),
            Self::UnknownKind(k) => write!(f, "unknown kind of message {k}"),
            Self::Tag => f.write_str("the authentication tag does not fit"),
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
    run: RunId,
    body: T,
}

/// Bytes before the run number: version, kind, length of the tag.
const FIXED_BYTES: usize = 3;

/// Writes a frame into `out` and returns it. Of `object` the chunk that the body's part names is taken.
pub fn encode<'o>(run: RunId, body: &Body, object: Payload<'_>, out: &'o mut [u8]) -> Result<&'o [u8], EncodeError> {
    let fixed = out.get_mut(..FIXED_BYTES).ok_or(EncodeError)?;
    fixed.copy_from_slice(&[PROTOCOL_VERSION, body.kind() as u8, 0]);
    let rest = out.get_mut(FIXED_BYTES..).ok_or(EncodeError)?;
    let header = match body {
        Body::Join(body) => header_bytes(run, body, rest),
        Body::Spec(body) => header_bytes(run, body, rest),
        Body::Assign(body) => header_bytes(run, body, rest),
        Body::Round(body) => header_bytes(run, body, rest),
        Body::Gradient(body) => header_bytes(run, body, rest),
        Body::Evidence(body) => header_bytes(run, body, rest),
        Body::Extra(body) => header_bytes(run, body, rest),
    }?;
    let chunk = match body.part() {
        None => 0,
        Some(part) => object.write(part, rest.get_mut(header..).ok_or(EncodeError)?).ok_or(EncodeError)?,
    };
    out.get(..FIXED_BYTES + header + chunk).ok_or(EncodeError)
}

fn header_bytes<T: Serialize>(run: RunId, body: &T, out: &mut [u8]) -> Result<usize, EncodeError> {
    postcard::to_slice(&Headed { run, body }, out).map(|used| used.len()).map_err(|_| EncodeError)
}

/// Reads and checks a frame. Never panics, takes no memory, and accepts one encoding of each message only.
pub fn decode(bytes: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let (fixed, rest) = bytes.split_at_checked(FIXED_BYTES).ok_or(DecodeError::Short)?;
    let &[version, kind, tag_bytes] = fixed else { return Err(DecodeError::Short) };
    if version != PROTOCOL_VERSION {
        return Err(DecodeError::Version(version));
    }
    let tag_bytes = usize::from(tag_bytes);
    if tag_bytes > TAG_BYTES_MAX {
        return Err(DecodeError::Tag);
    }
    let (content, _tag) =
        rest.split_at_checked(rest.len().checked_sub(tag_bytes).ok_or(DecodeError::Tag)?).ok_or(DecodeError::Tag)?;
    let (run, body, payload) = match kind {
        1 => header(content).map(|(run, body, payload)| (run, Body::Join(body), payload)),
        2 => header(content).map(|(run, body, payload)| (run, Body::Spec(body), payload)),
        3 => header(content).map(|(run, body, payload)| (run, Body::Assign(body), payload)),
        4 => header(content).map(|(run, body, payload)| (run, Body::Round(body), payload)),
        5 => header(content).map(|(run, body, payload)| (run, Body::Gradient(body), payload)),
        6 => header(content).map(|(run, body, payload)| (run, Body::Evidence(body), payload)),
        7 => header(content).map(|(run, body, payload)| (run, Body::Extra(body), payload)),
        other => return Err(DecodeError::UnknownKind(other)),
    }?;
    let expected = match body.part() {
        None => 0,
        Some(part) => part.range().ok_or(DecodeError::Length)?.1,
    };
    if payload.len() != expected {
        return Err(DecodeError::Length);
    }
    if !body.plausible() {
        return Err(DecodeError::Implausible);
    }
    Ok(Frame { run, body, payload })
}

fn header<T: Serialize + DeserializeOwned>(content: &[u8]) -> Result<(RunId, T, &[u8]), DecodeError> {
    let (headed, rest) = postcard::take_from_bytes::<Headed<T>>(content).map_err(|_| DecodeError::Malformed)?;
    let used = content.len() - rest.len();
    let canonical = postcard::experimental::serialized_size(&headed).map_err(|_| DecodeError::Malformed)?;
    if used != canonical {
        return Err(DecodeError::NotCanonical);
    }
    Ok((headed.run, headed.body, rest))
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

/// A 64-bit digest (xxHash64) that tells equal objects from different ones; no protection against forgery.
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
