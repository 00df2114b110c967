//! What crosses the bus: topics, frames, chunks, documents, limits. `docs/wire.md` is the contract in words.
#![cfg_attr(not(test), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod assembly;
mod body;
#[cfg(feature = "alloc")]
pub mod document;
mod frame;
pub mod limits;
mod topic;

pub use assembly::{Assembly, Part, PartError, Progress, parts};
pub use body::{
    Ask, Assign, Body, DataMode, Durations, Extra, Gradient, Join, Kind, Model, Purpose, Refusal, Refused, Reserved,
    Round, ScoresChunk, Share, Spec, SurveyChunk, Train, Untaken, Work,
};
pub use frame::{
    DecodeError, EncodeError, Frame, Head, PROTOCOL_VERSION, Payload, decode, digest, encode, model_digest, read_f32,
};
pub use heijunka_units::{Activation, Codec, Convolution, Convolutions, Loss, Pooling, Shape};
pub use topic::{CONTRACT, Channel, Contract, Direction, Topic, TopicText, Topics, parse};
