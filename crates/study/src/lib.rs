//! What a fleet would do, without a plant: `simulate` compares policies on a trace or a described fleet, `advise` says which
//! machine to leave out or to double.

pub mod advise;
pub mod fleet;
pub mod simulate;
pub mod trace;
