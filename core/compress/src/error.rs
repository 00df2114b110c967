//! Why numbers or bytes were refused.

/// Why numbers were refused. Nothing has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The bytes do not fit into the buffer.
    #[error("{found} bytes of room, {needed} needed")]
    Full {
        /// Bytes of room.
        found: usize,
        /// Bytes that would do.
        needed: usize,
    },
    /// A number is infinite or not a number, or too large for a sparse codec (2^127 or more).
    #[error("number {index} is not finite or too large")]
    NotFinite {
        /// Which number.
        index: usize,
    },
    /// A slice is not as long as the others.
    #[error("{what}: {found} numbers, not {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that would fit.
        expected: usize,
    },
    /// An argument lies outside its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// A sparse codec where a dense one belongs, or the other way round.
    #[error("codec {0} cannot be used here")]
    Codec(&'static str),
}

/// Why bytes were refused. Nothing has been changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A dense codec's length is known beforehand, and this is not it.
    #[error("{found} bytes, not {expected}")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes that so many numbers take.
        expected: usize,
    },
    /// The bytes end too early.
    #[error("the bytes end early")]
    Truncated,
    /// Bytes are left over, or bits that pad the last byte are not 0.
    #[error("there is more than was announced")]
    Surplus,
    /// More numbers are announced than the object has.
    #[error("{count} numbers kept of {numbers}")]
    Count {
        /// Numbers announced.
        count: usize,
        /// Numbers of the object.
        numbers: usize,
    },
    /// The parameter of Golomb-Rice is above 31.
    #[error("Golomb-Rice parameter {0}")]
    Parameter(u8),
    /// An index lies outside the object.
    #[error("an index is out of range")]
    Index,
    /// A number or a scale is infinite, not a number, negative where it must not be, or too large.
    #[error("a number or scale is out of range")]
    Value,
}
