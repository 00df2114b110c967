//! The nouns of Heijunka: each name, count, rate, codec and shape is defined here, once, and used by every other crate.
//!
//! ```
//! use heijunka_units::{Activation, AgentId, ByteRate, Codec, Loss, Shape};
//!
//! let agent: AgentId = "press-07".parse()?;
//! let shape = Shape::dense(&[12, 64, 1], Activation::Relu, Loss::MeanSquaredError)?;
//! let uplink: Option<ByteRate> = ByteRate::from_bits_per_s(2_000_000);
//! assert_eq!(agent.as_str(), "press-07");
//! assert_eq!(shape.check()?, 13 * 64 + 65);
//! assert_eq!(uplink.map(ByteRate::bytes_per_s), Some(250_000));
//! assert_eq!(Codec::Int8.as_str(), "int8");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(test), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod codec;
mod count;
mod counted;
mod name;
mod pacer;
mod random;
mod rate;
#[cfg(feature = "alloc")]
mod secret;
mod shape;
mod start;
mod time;
mod words;

pub use codec::Codec;
pub use count::{AllocationVersion, ModelVersion, RoundId, RunId, SampleCount, Samples};
pub use counted::{Counted, counted};
pub use name::{AgentId, JobName, NAME_BYTES_MAX, NameError, SiteName};
pub use pacer::{Cap, Pacer};
pub use random::{GOLDEN, SplitMix64, mix};
pub use rate::ByteRate;
#[cfg(feature = "alloc")]
pub use secret::Secret;
pub use shape::{
    Activation, CONVOLUTIONS_MAX, Convolution, Convolutions, Loss, PARAMETERS_MAX, Pooling, Shape, ShapeError,
    UNITS_MAX, WIDTHS_MAX,
};
pub use start::Start;
pub use time::Timestamp;
pub use words::{Grouped, Readable, grouped, readable, readable_seconds};
