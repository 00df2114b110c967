//! Convolutions over time, which a model may begin with.

use crate::shape::ShapeError;

/// Most convolutions that a model may begin with.
pub const CONVOLUTIONS_MAX: usize = 3;

/// Most numbers that a model's convolutions may make of one sample (1 MiB of them).
pub const UNITS_MAX: usize = 256 * 1024;

/// A convolution over time without padding: each filter sees `kernel` consecutive rows of all channels, every `stride`
/// rows. Its filters are the channels of what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// Filters, at least 1.
    pub filters: u32,
    /// Rows that a filter sees, at least 1.
    pub kernel: u32,
    /// Rows from one place of the kernel to the next, in 1..=kernel: no row between is left out.
    pub stride: u32,
}

/// What the rows that the last convolution leaves become before the fully connected layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// All go on, row after row.
    #[default]
    None,
    /// Each filter's mean over time.
    Mean,
    /// Each filter's largest value over time; its derivative goes to the first of several.
    Max,
}

/// The convolutions of a model whose inputs are a window: rows in the order of time, each of `channels` numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolutions {
    channels: u32,
    layers: [Convolution; CONVOLUTIONS_MAX],
    count: usize,
    pooling: Pooling,
}

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

impl Convolutions {
    /// Checks convolutions, first to last: one at least, each with filters and a stride within its kernel.
    pub fn new(channels: u32, layers: &[Convolution], pooling: Pooling) -> Result<Self, ShapeError> {
        let mut own = [Convolution { filters: 1, kernel: 1, stride: 1 }; CONVOLUTIONS_MAX];
        let count = layers.len();
        match own.get_mut(..count).filter(|_| count > 0) {
            Some(own) => own.copy_from_slice(layers),
            None => return Err(ShapeError::Convolutions(count)),
        }
        let makes_sense = |layer: &Convolution| layer.filters > 0 && (1..=layer.kernel).contains(&layer.stride);
        match layers.iter().position(|layer| !makes_sense(layer)) {
            Some(layer) => Err(ShapeError::Convolution(layer)),
            None => Ok(Self { channels, layers: own, count, pooling }),
        }
    }

    /// Numbers of a window's row.
    pub fn channels(&self) -> u32 {
        self.channels
    }

    /// First to last.
    pub fn layers(&self) -> &[Convolution] {
        self.layers.get(..self.count).unwrap_or(&self.layers)
    }

    /// What follows the last.
    pub fn pooling(&self) -> Pooling {
        self.pooling
    }

    /// Whether rows of `inputs` numbers in all suit every kernel. The numbers made of them have a bound.
    pub(crate) fn check(&self, inputs: u32) -> Result<(), ShapeError> {
        let mut rows = inputs.checked_div(self.channels).unwrap_or(0);
        if rows.checked_mul(self.channels) != Some(inputs) {
            return Err(ShapeError::Rows { inputs, channels: self.channels });
        }
        let mut units = 0_u64;
        for (layer, Convolution { filters, kernel, stride }) in self.layers().iter().copied().enumerate() {
            rows = match rows.checked_sub(kernel) {
                Some(more) => more / stride + 1,
                None => return Err(ShapeError::Kernel { layer, kernel, rows }),
            };
            units = units.saturating_add(u64::from(rows) * u64::from(filters));
        }
        if units > UNITS_MAX as u64 { Err(ShapeError::TooManyUnits) } else { Ok(()) }
    }

    /// Where the convolution of this index stands in a window of so many numbers.
    pub(crate) fn place(&self, index: usize, inputs: usize) -> Place {
        let channels = self.channels as usize;
        let rows = inputs / channels.max(1);
        let mut place = Place { channels, rows, positions: rows };
        let (mut channels, mut rows) = (channels, rows);
        for layer in self.layers().iter().take(index + 1) {
            let positions = rows.saturating_sub(layer.kernel as usize) / layer.stride as usize + 1;
            place = Place { channels, rows, positions };
            (channels, rows) = (layer.filters as usize, positions);
        }
        place
    }
}
