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
    Assign, Body, DataMode, Durations, Evidence, Extra, Gradient, Join, Purpose, Refusal, Round, Spec, Subject, Untaken,
};
pub use frame::{
    DecodeError, EncodeError, Frame, Kind, PROTOCOL_VERSION, Payload, decode, digest, encode, model_digest, read_f32,
};
pub use heijunka_units::{Activation, Codec, Convolution, Convolutions, Loss, Pooling, Shape};
pub use topic::{CONTRACT, Channel, Contract, Direction, Topic, TopicText, Topics, parse};
