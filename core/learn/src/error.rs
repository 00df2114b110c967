//! Why arithmetic was refused.

/// Why arithmetic was refused. Nothing has been changed unless the function says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A slice does not fit the others.
    #[error("{what}: {found} elements, not {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that would fit; for a buffer the least.
        expected: usize,
    },
    /// The kind of targets does not fit the loss.
    #[error("cross-entropy takes classes, mean squared error takes values")]
    TargetKind,
    /// A target names a class that the model does not have.
    #[error("class {class}, but the model has {classes}")]
    Class {
        /// The class named.
        class: u32,
        /// Outputs of the model.
        classes: u32,
    },
    /// A number is infinite or not a number.
    #[error("{what} {index} is not finite")]
    NotFinite {
        /// What is not finite.
        what: &'static str,
        /// Which of them.
        index: usize,
    },
    /// A number lies outside its range.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
}

/// Refuses a slice whose length is not `expected`.
pub(crate) fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { what, found, expected }) }
}

/// The first `expected` elements of a buffer that may be longer.
pub(crate) fn front_mut<'a, T>(what: &'static str, slice: &'a mut [T], expected: usize) -> Result<&'a mut [T], Error> {
    let found = slice.len();
    slice.get_mut(..expected).ok_or(Error::Length { what, found, expected })
}
