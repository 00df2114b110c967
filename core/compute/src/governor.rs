//! What a machine allows a computation between two pieces.

/// Decides, before each piece, how the computation continues. Knows the clock, which nothing else here does.
pub trait Governor {
    /// How to continue. May sleep.
    fn next(&mut self, ahead: Ahead) -> Next;

    /// The piece's rows are copied together.
    fn gathered(&mut self) {}

    /// The piece that [`Self::next`] allowed is done.
    fn done(&mut self, _piece: Piece) {}
}

/// What lies ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Parameters of the model.
    pub parameters: usize,
    /// The piece is computed even if its time is over: a share has some samples unless it is cancelled.
    pub must: bool,
}

/// How a computation continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// With a piece of about so many rows.
    Rows(usize),
    /// Not at all: what is done counts.
    Over,
    /// Not at all: nothing counts.
    Cancelled,
}

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Gradients of so many rows.
    Gradient {
        /// The rows.
        rows: usize,
        /// Parameters of the model.
        parameters: usize,
    },
    /// Scores.
    Scores,
}

/// Computes everything in the largest pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unhurried;

impl Governor for Unhurried {
    fn next(&mut self, _ahead: Ahead) -> Next {
        Next::Rows(usize::MAX)
    }
}
