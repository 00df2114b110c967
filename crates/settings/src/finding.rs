//! What is wrong with a file.

use std::ops::Range;

/// What is wrong, where, and what to write instead.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) place: Option<Range<usize>>,
    pub(crate) key: Option<String>,
    pub(crate) what: String,
    pub(crate) fix: String,
}
