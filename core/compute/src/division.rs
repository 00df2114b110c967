//! How a share is cut: into runs that lanes take, and runs into pieces that are computed at once.

use heijunka_learn::{BATCH_UNIT, ModelShape};

/// Most runs that a share is cut into.
pub const RUNS: usize = 8;

/// Rows of a run, or a multiple, so that its sum is worth adding to the others.
const RUN_ROWS: usize = 64;

/// Least work of a run in rows times the model's work for each: some milliseconds. On a busy machine a thread waits as long for a
/// processor, so that for less it would rather delay the share.
const RUN_WORK: usize = 16_000_000;

/// Most rows of a piece. More are not computed faster, and take more memory.
pub const PIECE_ROWS: usize = 256;

/// Most numbers that a lane keeps of a piece's samples on their way through the layers (16 MiB), as long as they are of
/// [`BATCH_UNIT`] samples: a convolution makes many of each.
const PIECE_UNITS: usize = 4 * 1024 * 1024;

/// Most rows of this model that are computed at once, a multiple of [`BATCH_UNIT`].
pub fn rows_at_once(shape: &ModelShape) -> usize {
    (PIECE_UNITS / shape.units().max(1)).clamp(BATCH_UNIT, PIECE_ROWS) / BATCH_UNIT * BATCH_UNIT
}

/// Rows of each run of a share of so many rows; the last run may have fewer.
pub(crate) fn run_rows(rows: usize, work: usize) -> usize {
    rows.div_ceil(RUNS).max(RUN_WORK / work.max(1)).max(1).next_multiple_of(RUN_ROWS)
}

/// Rows of the next piece of `rest` rows, where the governor allows `allowed`. Pieces are cut so that bits do not depend on it.
pub(crate) fn piece_rows(shape: &ModelShape, allowed: usize, rest: usize) -> usize {
    let units = allowed.min(rows_at_once(shape)) / BATCH_UNIT;
    let piece = units.max(1) * BATCH_UNIT;
    if rest < piece + BATCH_UNIT { rest } else { piece }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling, Shape};

    #[test]
    fn a_piece_of_a_large_convolution_is_small() {
        let rows = |filters| {
            let front = Convolutions::new(1, &[Convolution { filters, kernel: 4, stride: 1 }], Pooling::Mean).unwrap();
            let dense = Shape::dense(&[1003, 2], Activation::Relu, Loss::CrossEntropy).unwrap();
            rows_at_once(&ModelShape::new(Shape { convolutions: Some(front), ..dense }).unwrap())
        };
        assert_eq!([rows(8), rows(64), rows(256)], [PIECE_ROWS, 64, 16]);
    }

    #[test]
    fn pieces_are_whole_units_and_leave_none_that_is_smaller() {
        let shape = ModelShape::new(Shape::dense(&[2, 2], Activation::Relu, Loss::CrossEntropy).unwrap()).unwrap();
        let piece = |allowed, rest| piece_rows(&shape, allowed, rest);
        assert_eq!([piece(0, 100), piece(15, 100), piece(16, 100), piece(16, 23)], [8, 8, 16, 23]);
        assert_eq!(piece(usize::MAX, 1000), PIECE_ROWS);
    }
}
