//! The worker's settings, memory, inputs and outputs.

use crate::note::Note;
use core::time::Duration;
use heijunka_units::{AgentId, Cap, RoundId, RunId, SampleCount, Samples, Timestamp};
#[cfg(doc)]
use heijunka_wire::limits;
use heijunka_wire::{Channel, Spec};

/// Memory that the caller lends. Lengths are bounds: a job that needs more is refused with a note.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// The model of the current round, in parameters.
    pub model: &'b mut [f32],
    /// The share's mean gradient as it is sent, in bytes: 4 for each parameter.
    pub gradient: &'b mut [u8],
    /// The model's difference to the last one as it is sent, in bytes; without room whole models are asked for.
    pub update: &'b mut [u8],
    /// Zeros, as long as the model: what sparse gradients have yet to send. Without room they are sent in 8 bits instead.
    pub residual: &'b mut [f32],
    /// Zeros, as long as the model: the momentum of gradients, where agents give it to them.
    pub momentum: &'b mut [f32],
    /// The job's document, in bytes.
    pub spec: &'b mut [u8],
    /// The survey of the data, in bytes.
    pub survey: &'b mut [u8],
    /// Scores, in bytes.
    pub scores: &'b mut [u8],
    /// One outgoing packet: at least [`limits::PACKET_BYTES_MIN`] bytes.
    pub packet: &'b mut [u8],
}

/// Bytes of [`Buffers::gradient`] for a model of so many parameters.
pub const fn gradient_bytes(parameters: usize) -> usize {
    parameters.saturating_mul(4).saturating_add(64)
}

/// Bytes of [`Buffers::update`] for every update that an aggregator writes.
pub const fn update_bytes(parameters: usize) -> usize {
    parameters.saturating_mul(2).saturating_add(64)
}

/// What does not change while the agent runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The agent's name.
    pub agent: AgentId,
    /// Random number of this start.
    pub session: u64,
    /// Largest share that memory allows, in samples.
    pub samples_max: Samples,
    /// Threads that compute.
    pub threads: u16,
    /// Share of the time in which each of them computes, 1 to 100.
    pub cpu_share_percent: u8,
    /// The most that is sent; `None` without a limit.
    pub uplink: Option<Cap>,
}

/// The data are read and encoded for a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Content of the spec.
    pub spec: u64,
    /// Rows to train on.
    pub rows: SampleCount,
    /// Rows held out.
    pub held_out_rows: SampleCount,
    /// Digest of the rows.
    pub data_digest: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The broker is reached.
    Connected {
        /// Whether the broker still had this client's session.
        session_present: bool,
    },
    /// The broker is lost.
    Disconnected,
    /// A message from `spec`, `assign/<agent>`, `round` or `extra/<agent>`.
    Frame {
        /// The topic's channel.
        channel: Channel,
        /// The packet's payload.
        bytes: &'a [u8],
    },
    /// Answer to [`Output::Prepare`].
    Prepared {
        /// What was prepared.
        prepared: Prepared,
        /// The survey's document; empty for a fitted spec.
        survey: &'a [u8],
    },
    /// Answer to [`Output::Compute`].
    Computed {
        /// The round that it answers.
        round: RoundId,
        /// Samples really processed; 0 if none could be.
        samples: Samples,
        /// Sum of their losses.
        loss_sum: f64,
        /// Mean of their gradients.
        gradient: &'a [f32],
        /// Time that it took, on the worker's clock.
        took: Duration,
    },
    /// Answer to [`Output::Score`].
    Scored {
        /// The round that it answers.
        round: RoundId,
        /// The scores' document.
        scores: &'a [u8],
    },
    /// The agent's hours are over: it shall take no further share, and be gone once [`Worker::may_leave`].
    Leave {
        /// Seconds until it is back, at least 1.
        away_s: u32,
    },
    /// The driver has sent something by itself, which the cap on the uplink counts.
    Sent {
        /// The whole packet.
        packet_bytes: usize,
    },
    /// Time passed.
    Tick,
}

/// What to do.
#[must_use]
#[derive(Debug)]
pub enum Output<'w> {
    /// Publish on the agent's own topic of the channel, quality of service 1, not retained.
    Publish {
        /// The topic's channel.
        channel: Channel,
        /// The packet's payload.
        bytes: &'w [u8],
    },
    /// Read and encode the data for the job in `document`, then answer with [`Input::Prepared`].
    Prepare {
        /// The job's header.
        spec: &'w Spec,
        /// The job: a `heijunka_wire::document::Job`.
        document: &'w [u8],
    },
    /// Compute the mean gradient of `samples` samples, then answer with [`Input::Computed`]. Each computation
    /// that was asked for before is answered or abandoned.
    Compute {
        /// The round.
        round: RoundId,
        /// First position in the stream of samples: the aggregator's (shared data) or the agent's own (private).
        position: u64,
        /// How many samples.
        samples: Samples,
        /// The sum of so many mean gradients is wanted: each of `samples` samples, and at the model after a step along the one
        /// before by `learning_rate`.
        local_steps: u16,
        /// The next step's samples begin so much further on.
        stride: u64,
        /// Rate of the steps between.
        learning_rate: f32,
        /// They are another agent's, which was lost.
        extra: bool,
        /// Stop after so long, counted from now, and answer with what is done: one sample at least.
        stop_after: Option<Duration>,
        /// The model.
        model: &'w [f32],
    },
    /// Score held-out rows `first..first + rows`, then answer with [`Input::Scored`].
    Score {
        /// The round.
        round: RoundId,
        /// First held-out row.
        first: u32,
        /// How many.
        rows: u32,
        /// The model.
        model: &'w [f32],
    },
    /// The result that is being computed is not needed any more.
    Abandon,
    /// Something to log.
    Note(Note),
    /// Nothing until then, or until something happens.
    Wait(Timestamp),
}

/// What the agent is doing, for `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    /// The run that is obeyed.
    pub run: RunId,
    /// The last round that has come.
    pub round: RoundId,
    /// The same as people count: by the steps of the model.
    pub number: u64,
    /// Samples per round.
    pub share_samples: Samples,
    /// Samples of the global batch.
    pub batch_samples: Samples,
    /// Whether the aggregator counts on this agent.
    pub joined: bool,
    /// Rounds in which its share, or its scores, were computed.
    pub rounds_answered: u64,
    /// Rounds that ended without this agent's result.
    pub rounds_overtaken: u64,
    /// Mean loss of the last share.
    pub loss: f64,
    /// Seconds that the last share took to compute.
    pub compute_seconds: f64,
    /// How the last gradient was written; empty if none was.
    pub gradient_codec: &'static str,
    /// Its length.
    pub gradient_bytes: usize,
}
