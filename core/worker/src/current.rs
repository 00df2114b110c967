//! The round that is served, and what is answered in it.

use crate::answers::Written;
use core::time::Duration;
use heijunka_units::{Samples, Timestamp};
use heijunka_wire::{Ask, Durations, Extra};

/// A result that may still have to be sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Gradient {
        samples: Samples,
        loss_sum: Option<f64>,
        durations: Durations,
        computed_at: Timestamp,
        /// For how long messages had been held back by then.
        held_before: Duration,
        written: Written,
    },
    Scores {
        bytes: usize,
    },
}

/// The round being served.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current {
    pub(crate) head: Ask,
    pub(crate) begun: Timestamp,
    pub(crate) started: Timestamp,
    pub(crate) complete: bool,
    /// The computation was handed to the driver.
    pub(crate) taken: bool,
    /// What is computed does not count: see [`Share::probe`](heijunka_wire::Share::probe).
    pub(crate) probe: bool,
    /// Where the range that is computed begins in the batch.
    pub(crate) offset: u32,
    /// The range of another agent that is computed, after the own one was answered.
    pub(crate) extra: Option<Extra>,
    /// The one after it.
    pub(crate) extra_next: Option<Extra>,
    pub(crate) answer: Option<Answer>,
}

impl Current {
    pub(crate) fn new(head: Ask, now: Timestamp) -> Self {
        Self {
            head,
            begun: now,
            started: now,
            complete: false,
            taken: false,
            probe: false,
            offset: 0,
            extra: None,
            extra_next: None,
            answer: None,
        }
    }

    /// The driver is computing for it.
    pub(crate) fn is_busy(&self) -> bool {
        self.taken && self.answer.is_none()
    }
}
