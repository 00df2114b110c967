//! The bodies of the binary messages: one file per message.

use crate::assembly::Part;
use serde::{Deserialize, Serialize};

mod assign;
mod extra;
mod gradient;
mod join;
mod round;
mod spec;
mod statistics;

pub use assign::{Assign, Refusal, Refused, Share, Untaken};
pub use extra::Extra;
pub use gradient::{Durations, Gradient, Reserved};
pub use join::Join;
pub use round::{Ask, Purpose, Round, Train, Work};
pub use spec::{DataMode, Model, Spec};
pub use statistics::{ScoresChunk, SurveyChunk};

/// Which message a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// [`Join`]
    Join = 1,
    /// [`Spec`]
    Spec = 2,
    /// [`Assign`]
    Assign = 3,
    /// [`Round`]
    Round = 4,
    /// [`Gradient`]
    Gradient = 5,
    /// [`SurveyChunk`]
    Survey = 6,
    /// [`ScoresChunk`]
    Scores = 7,
    /// [`Extra`]
    Extra = 8,
}

/// A message without its frame.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `join/<agent>`
    Join(Join),
    /// `spec`
    Spec(Spec),
    /// `assign/<agent>`
    Assign(Assign),
    /// `round`, `snapshot/<agent>`
    Round(Round),
    /// `gradient/<agent>`
    Gradient(Gradient),
    /// `survey/<agent>`
    Survey(SurveyChunk),
    /// `scores/<agent>`
    Scores(ScoresChunk),
    /// `extra/<agent>`
    Extra(Extra),
}

/// What the frame needs to know of a message.
pub(crate) trait Message: Serialize + for<'de> Deserialize<'de> {
    /// The chunk that it carries, if it carries one.
    fn part(&self) -> Option<Part> {
        None
    }

    /// Whether its numbers are ones that a correct peer can send. Lengths of payloads are checked by the frame.
    fn is_plausible(&self) -> bool {
        true
    }
}

impl Body {
    /// The kind of the message.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Join(_) => Kind::Join,
            Self::Spec(_) => Kind::Spec,
            Self::Assign(_) => Kind::Assign,
            Self::Round(_) => Kind::Round,
            Self::Gradient(_) => Kind::Gradient,
            Self::Survey(_) => Kind::Survey,
            Self::Scores(_) => Kind::Scores,
            Self::Extra(_) => Kind::Extra,
        }
    }
}
