//! A plant on this machine for tests: a real Mosquitto, the real programs, a folder for their files.

mod missing;
mod plant;
mod program;
mod samples;

pub use missing::skip;
pub use plant::Plant;
pub use program::{Ended, Program};
pub use samples::{digits, steel_plates, steel_plates_rows};

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
