//! The bodies of the binary messages.

use crate::assembly::Part;
use crate::limits::{BATCH_SAMPLES_MAX, LOCAL_STEPS_MAX, OFFSET_MAX, ROWS_MAX};
use heijunka_units::{AllocationVersion, Codec, ModelVersion, RoundId, SampleCount, Samples, Shape};
use serde::{Deserialize, Serialize};

/// A message without its frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `join/<agent>`
    Join(Join),
    /// `spec`
    Spec(Spec),
    /// `assign/<agent>`
    Assign(Assign),
    /// `round`
    Round(Round),
    /// `gradient/<agent>`
    Gradient(Gradient),
    /// `evidence/<agent>`
    Evidence(Evidence),
    /// `extra/<agent>`
    Extra(Extra),
}

/// An agent reports that it is here and holds data prepared for a spec.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// Random number of this start of the agent.
    pub session: u64,
    /// Oldest protocol version that the agent speaks.
    pub protocol_min: u8,
    /// Newest protocol version that the agent speaks.
    pub protocol_max: u8,
    /// Content hash of the spec that its data are prepared for; 0 asks for the spec.
    pub spec: u64,
    /// Rows to train on.
    pub rows: SampleCount,
    /// Rows held out for scores.
    pub held_out_rows: SampleCount,
    /// Digest of the rows in order: equal digests mean equal data.
    pub data_digest: u64,
    /// Largest share that fits the agent's memory.
    pub samples_max: Samples,
    /// Threads that compute.
    pub threads: u16,
    /// Share of the time in which each of them computes, 1 to 100: the rest is left to the machine's other programs.
    pub cpu_share_percent: u8,
    /// Bytes a second that it sends at most; 0: as many as its link carries.
    pub uplink_bytes_per_s: u32,
    /// Seconds for which it takes no share, because its hours are over; 0: it takes part.
    pub away_s: u32,
    /// Version of the model that it holds whole, in the frame's run: updates of that one are of use to it.
    pub model: Option<ModelVersion>,
}

/// Whose rows are whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataMode {
    /// Every agent reads the same rows; the aggregator deals them out.
    Shared,
    /// Every agent has rows of its own, which never leave it.
    Private,
}

/// The job. The payload is a chunk of a [`document::Job`](crate::document::Job).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Digest of the document.
    pub content: u64,
    /// Whether columns and model are settled; until then agents are asked for a survey of their data.
    pub fitted: bool,
    /// The model.
    pub shape: Shape,
    /// Whose rows are whose.
    pub data_mode: DataMode,
    /// Seed of the order of rows.
    pub seed: u64,
    /// Which chunk of the document this is.
    pub part: Part,
}

/// Why an agent may not take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No common protocol version.
    Protocol,
    /// Shared data, but this agent's rows differ from the others'.
    DifferentData,
    /// No rows to train on.
    NoRows,
    /// The job has as many agents as it may.
    Full,
}

/// An agent's share of the coming rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assign {
    /// The session that is meant.
    pub session: u64,
    /// The spec that the share is of.
    pub spec: u64,
    /// The division that this share belongs to.
    pub version: AllocationVersion,
    /// Samples a round.
    pub samples: Samples,
    /// Where its slice begins in the global batch (shared data).
    pub offset: u32,
    /// The samples are computed for their timing alone: they do not count, and nobody waits for them.
    pub probe: bool,
    /// What the agent's network is expected to take of a round, there and back, in microseconds; 0 if unknown.
    pub network_us: u32,
    /// How the agent writes its gradients.
    pub codec: Codec,
    /// First held-out row to score.
    pub held_out_offset: u32,
    /// How many held-out rows to score.
    pub held_out_rows: u32,
    /// Set when the agent may not take part.
    pub refused: Option<Refusal>,
    /// The last range of which a step was taken without what it was asked of this agent.
    pub untaken: Option<Untaken>,
}

/// A range that entered no step: neither the agent's answer nor anybody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untaken {
    /// The round.
    pub round: RoundId,
    /// Where the range begins in the round's batch.
    pub offset: u32,
}

/// What a round asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// A gradient at the model.
    Train,
    /// Scores of the model on held-out rows.
    Score,
    /// Nothing: the job is over.
    Finished,
}

/// A round begins. The payload is a chunk of the model, or of its difference to an older one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Number of the round.
    pub round: RoundId,
    /// What is asked for.
    pub purpose: Purpose,
    /// The division that counts in this round.
    pub allocation: AllocationVersion,
    /// Version of the model that is sent.
    pub model: ModelVersion,
    /// Position of the global batch in the stream of samples (shared data).
    pub first_position: u64,
    /// Samples of the global batch.
    pub batch_samples: Samples,
    /// After so many milliseconds the aggregator no longer waits, or gives what is missing to others.
    pub deadline_ms: u32,
    /// Microseconds from the publication until answers shall be in: an agent stops computing early enough and sends what
    /// it has. 0: everybody computes its whole share.
    pub stop_us: u32,
    /// The sum of so many steps' gradients is asked for, each step on samples of its own and with a model of the agent's own
    /// that goes along the gradients by `learning_rate`; 1: the gradient at the model.
    pub local_steps: u16,
    /// Rate of the local steps.
    pub learning_rate: f32,
    /// The share of the numbers that sparse codecs keep, in millionths.
    pub kept_ppm: u32,
    /// Momentum that agents give their gradients before they write them; 0: none.
    pub momentum: f32,
    /// The payload is the difference to this version of the model; none: it is the model.
    pub base: Option<ModelVersion>,
    /// How the payload is written.
    pub codec: Codec,
    /// Digest of the whole model, once it is there: see [`model_digest`](crate::model_digest).
    pub digest: u64,
    /// Which chunk of the payload this is.
    pub part: Part,
}

/// Times on the worker's own monotonic clock, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Durations {
    /// From the round's first chunk to the beginning of the computation.
    pub decode_us: u32,
    /// The computation.
    pub compute_us: u32,
    /// From the end of the computation to the sending of this chunk.
    pub encode_us: u32,
}

/// A share's mean gradient. The payload is a chunk of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gradient {
    /// The round that it answers.
    pub round: RoundId,
    /// The division that it was computed under.
    pub allocation: AllocationVersion,
    /// The agent's session: chunks of two sessions never mix.
    pub session: u64,
    /// Where its range begins in the global batch: that of the agent's share, or of an [`Extra`].
    pub offset: u32,
    /// Samples really processed; the gradient is their mean.
    pub samples: Samples,
    /// Sum of the samples' losses.
    ///
    /// [`Gradient::BEYOND_BOUNDS`] if loss or gradient is not finite; the payload is then zeros and means nothing.
    pub loss_sum: f64,
    /// The worker's own times.
    pub durations: Durations,
    /// How the payload is written.
    pub codec: Codec,
    /// Which chunk of the gradient this is.
    pub part: Part,
}

impl Round {
    /// A whole model is written in full.
    fn plausible(&self) -> bool {
        let whole = self.base.is_some() || self.codec == Codec::Float32;
        let descends =
            self.learning_rate.is_finite() && self.learning_rate >= 0.0 && (0.0..1.0).contains(&self.momentum);
        let counts = self.batch_samples <= BATCH_SAMPLES_MAX && self.kept_ppm <= 1_000_000;
        let steps = (1..=LOCAL_STEPS_MAX).contains(&self.local_steps);
        whole && descends && counts && steps && whole_numbers(self.codec, self.part)
    }
}

fn whole_numbers(codec: Codec, part: Part) -> bool {
    codec != Codec::Float32 || part.total_bytes.is_multiple_of(4)
}

impl Gradient {
    /// The summed loss that stands for one that is not finite.
    pub const BEYOND_BOUNDS: f64 = f64::MAX;
}

/// A range of the open round's batch whose agent was lost, for one that has answered the round already and still holds
/// its model. It answers with another [`Gradient`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extra {
    /// The session that is meant.
    pub session: u64,
    /// The round.
    pub round: RoundId,
    /// Digest of the round's model.
    pub digest: u64,
    /// Counts the round's ranges that were handed out: of two the higher one is obeyed.
    pub number: u32,
    /// Where the range begins in the global batch.
    pub offset: u32,
    /// Samples of the range.
    pub samples: Samples,
}

/// What a piece of evidence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// The agent's data: a [`document::Survey`](crate::document::Survey) for the spec of this content.
    Survey(u64),
    /// The model on held-out rows: a [`document::Scores`](crate::document::Scores) for this round.
    Scores(RoundId),
}

/// A mergeable statistic. The payload is a chunk of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What it is about.
    pub subject: Subject,
    /// The agent's session.
    pub session: u64,
    /// Which chunk of the document this is.
    pub part: Part,
}

impl Body {
    /// Whether the numbers are ones that an honest peer can send. Lengths of payloads are checked by the frame.
    pub(crate) fn plausible(&self) -> bool {
        match self {
            Self::Join(join) => {
                let rows = join.rows <= ROWS_MAX && join.held_out_rows <= ROWS_MAX;
                join.protocol_min <= join.protocol_max && rows && (1..=100).contains(&join.cpu_share_percent)
            }
            Self::Spec(spec) => spec.shape.is_empty() != spec.fitted && spec.shape.parameters().is_some(),
            Self::Assign(assign) => {
                let untaken = assign.untaken.is_none_or(|untaken| untaken.offset <= OFFSET_MAX);
                assign.samples <= BATCH_SAMPLES_MAX && assign.offset <= OFFSET_MAX && untaken
            }
            Self::Gradient(gradient) => {
                let numbers = whole_numbers(gradient.codec, gradient.part);
                let range = (1..=BATCH_SAMPLES_MAX).contains(&gradient.samples) && gradient.offset <= OFFSET_MAX;
                numbers && gradient.loss_sum.is_finite() && range
            }
            Self::Round(round) => round.plausible(),
            Self::Extra(extra) => (1..=BATCH_SAMPLES_MAX).contains(&extra.samples) && extra.offset <= OFFSET_MAX,
            Self::Evidence(_) => true,
        }
    }

    pub(crate) fn part(&self) -> Option<Part> {
        match self {
            Self::Join(_) | Self::Assign(_) | Self::Extra(_) => None,
            Self::Spec(spec) => Some(spec.part),
            Self::Round(round) => Some(round.part),
            Self::Gradient(gradient) => Some(gradient.part),
            Self::Evidence(evidence) => Some(evidence.part),
        }
    }
}
