//! Counters that would be easy to swap if they were bare integers.

use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl $name {
            /// The following number; stays at the maximum rather than wrap.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// One start of an aggregator: the fencing number. Grows with every start of the job's aggregator.
    RunId(u64)
}
counter! {
    /// One round of a run: a request for gradients at one model. Never used twice within a run.
    RoundId(u64)
}
counter! {
    /// How many steps the model has taken in this run.
    ModelVersion(u64)
}
counter! {
    /// One division of the global batch among the agents.
    AllocationVersion(u32)
}

/// How many samples (table rows).
pub type Samples = u32;

/// A count of samples over a whole run or data set.
pub type SampleCount = u64;
