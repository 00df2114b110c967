//! What the compute thread is asked, and what it answers.

use crate::cancel::Cancel;
use crate::diagnosis::Spent;
use crate::reading::Fresh;
use heijunka_compute::{Gradient, LocalSteps};
use heijunka_data::Usage;
use heijunka_settings::Failure;
use heijunka_units::{RoundId, Samples};
use heijunka_wire::Spec;
use heijunka_worker::Prepared;
use std::time::{Duration, Instant};

/// What the compute thread is asked.
pub(crate) enum Work {
    /// Read and encode the data.
    Prepare { spec: Spec, document: Vec<u8> },
    /// A gradient.
    Compute(Compute),
    /// The files hold more than they did: what was read of them, to take the place of what there is.
    Replace(Box<Result<Fresh, Failure>>),
    /// Scores of held-out rows.
    Score { round: RoundId, first: u32, rows: u32, model: Vec<f32>, cancel: Cancel },
}

/// The gradient that is asked for.
pub(crate) struct Compute {
    pub(crate) round: RoundId,
    /// First position in the stream of samples.
    pub(crate) position: u64,
    pub(crate) samples: Samples,
    pub(crate) local: LocalSteps,
    /// What is not done then is left out.
    pub(crate) stop: Option<Instant>,
    pub(crate) model: Vec<f32>,
    /// Memory of an earlier gradient, for this one.
    pub(crate) gradient: Gradient,
    pub(crate) cancel: Cancel,
}

/// What it answers.
pub(crate) enum Done {
    Prepared {
        prepared: Prepared,
        survey: Vec<u8>,
        usage: Usage,
    },
    /// The files have been read again; `Err`: what they hold now does not fit the job, and training continues without it.
    Replaced(Result<(Prepared, Usage), Failure>),
    /// The memory of `model` and `gradient` comes back with the next [`Compute`].
    Computed {
        round: RoundId,
        gradient: Gradient,
        took: Duration,
        spent: Spent,
        model: Vec<f32>,
    },
    Scored {
        round: RoundId,
        scores: Vec<u8>,
        model: Vec<f32>,
    },
    /// The data do not fit the job, or cannot be read.
    Failed(Failure),
}
