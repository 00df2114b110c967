//! The nouns of Heijunka: names, counts and instants that must not be mixed up.
#![cfg_attr(not(test), no_std)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod count;
mod counted;
mod line;
mod name;
mod rate;
#[cfg(feature = "alloc")]
mod secret;
mod time;

pub use count::{AllocationVersion, ModelVersion, RoundId, RunId, SampleCount, Samples};
pub use counted::{Counted, counted};
pub use line::Line;
pub use name::{AgentId, JobName, NAME_BYTES_MAX, NameError, SiteName};
pub use rate::ByteRate;
#[cfg(feature = "alloc")]
pub use secret::Secret;
pub use time::Timestamp;
