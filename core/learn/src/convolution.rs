//! Where convolutions stand in a window.

use heijunka_units::Convolutions;

/// What a convolution makes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Numbers of a row that it sees.
    pub(crate) channels: usize,
    /// Rows that it sees.
    pub(crate) rows: usize,
    /// Rows that it leaves.
    pub(crate) positions: usize,
}

impl Place {
    /// Where the convolution of this index stands in a window of so many numbers.
    pub(crate) fn new(convolutions: &Convolutions, index: usize, inputs: usize) -> Self {
        let channels = convolutions.channels as usize;
        let rows = inputs / channels.max(1);
        let mut place = Self { channels, rows, positions: rows };
        let (mut channels, mut rows) = (channels, rows);
        for layer in convolutions.layers.iter().take(index + 1) {
            let positions = rows.saturating_sub(usize::from(layer.kernel)) / usize::from(layer.stride) + 1;
            place = Self { channels, rows, positions };
            (channels, rows) = (usize::from(layer.filters), positions);
        }
        place
    }
}
