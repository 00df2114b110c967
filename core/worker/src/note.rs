//! What the worker noticed, for logs and events. Nothing here needs an answer.

use core::fmt;
use heijunka_units::{AllocationVersion, RunId, Samples};
use heijunka_wire::{Ask, DecodeError, PartError, Purpose, Refusal};

/// Something worth logging.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// An aggregator has started, or its first message has come.
    NewRun(RunId),
    /// Columns and model are settled; the model has so many parameters.
    Settled(usize),
    /// The aggregator counts on this agent.
    Joined,
    /// The agent's share changed.
    Share {
        /// The division.
        version: AllocationVersion,
        /// Samples per round.
        samples: Samples,
    },
    /// The aggregator does not take this agent.
    Refused(Refusal),
    /// The round ended without this agent's result.
    Overtaken(u64),
    /// The job is over.
    Finished,
    /// A message that is not one.
    Undecodable(DecodeError),
    /// A chunk that does not belong.
    BadPart(PartError),
    /// A message of an aggregator that has been replaced; holds its run.
    StaleRun(RunId),
    /// An update of the model came of which this agent does not have the older version: it asks for the whole model.
    Lacks(u64),
    /// An object arrived whole but not as it was sent.
    DigestMismatch,
    /// The model or document needs more than the memory set aside.
    NoRoom {
        /// Bytes that it needs.
        bytes: usize,
        /// Bytes set aside.
        bytes_max: usize,
    },
}

/// The round as people count them: by the steps of the model. A scoring has the number of the round whose model it scores.
pub(crate) fn number(round: &Ask) -> u64 {
    round.model.0 + u64::from(round.purpose() == Purpose::Train)
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewRun(run) => write!(f, "found aggregator run {run}"),
            Self::Settled(parameters) => write!(f, "the job is settled: a model of {parameters} parameters"),
            Self::Joined => f.write_str("the aggregator counts on this agent"),
            Self::Share { version, samples } => write!(f, "share {samples} samples per round (allocation {version})"),
            Self::Refused(Refusal::Protocol) => f.write_str("refused: no common protocol version"),
            Self::Refused(Refusal::DifferentData) => {
                f.write_str("refused: shared data, but this agent's rows differ from the other agents' rows")
            }
            Self::Refused(Refusal::NoRows) => f.write_str("refused: no rows to train on"),
            Self::Refused(Refusal::Full) => f.write_str("refused: the job has as many agents as it may have"),
            Self::Overtaken(round) => write!(f, "round {round} ended without this agent's result"),
            Self::Finished => f.write_str("the job is over"),
            Self::Undecodable(error) => write!(f, "ignored a message: {error}"),
            Self::BadPart(error) => write!(f, "ignored a chunk: {error}"),
            Self::StaleRun(run) => write!(f, "ignored a message of run {run}, which has been replaced"),
            Self::Lacks(round) => {
                write!(f, "round {round} builds on a model that this agent missed: it asks for the whole")
            }
            Self::DigestMismatch => f.write_str("an object arrived damaged and was thrown away"),
            Self::NoRoom { bytes, bytes_max } => {
                write!(f, "the job needs {bytes} bytes at once, this agent has set {bytes_max} aside")
            }
        }
    }
}
