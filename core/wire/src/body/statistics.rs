//! Mergeable statistics: of an agent's data, and of the model on its held-out rows.

use super::Message;
use crate::assembly::Part;
use heijunka_units::RoundId;
use serde::{Deserialize, Serialize};

/// An agent's data. The payload is a chunk of a [`document::Survey`](crate::document::Survey).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyChunk {
    /// Content of the spec that asks for it.
    pub spec: u64,
    /// The agent's session.
    pub session: u64,
    /// Which chunk of the document this is.
    pub part: Part,
}

/// The model on held-out rows. The payload is a chunk of a [`document::Scores`](crate::document::Scores).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoresChunk {
    /// The round that it answers.
    pub round: RoundId,
    /// The agent's session.
    pub session: u64,
    /// Which chunk of the document this is.
    pub part: Part,
}

impl Message for SurveyChunk {
    fn part(&self) -> Option<Part> {
        Some(self.part)
    }
}

impl Message for ScoresChunk {
    fn part(&self) -> Option<Part> {
        Some(self.part)
    }
}
