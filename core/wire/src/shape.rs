//! What the model looks like, and whether that is one that can be built.

use crate::limits::{CONVOLUTIONS_MAX, PARAMETERS_MAX, UNITS_MAX, WIDTHS_MAX};
use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Activation of the hidden layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// max(0, x)
    Relu,
    /// Hyperbolic tangent
    Tanh,
}

/// What is minimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Half the squared error
    MeanSquaredError,
    /// Softmax cross-entropy
    CrossEntropy,
}

/// A convolution over time: each filter sees `kernel` consecutive rows of all channels, every `stride` rows, none of
/// them beyond the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convolution {
    /// Its filters, which are the next layer's channels.
    pub filters: u16,
    /// Rows that a filter sees.
    pub kernel: u16,
    /// Rows from one place of the kernel to the next, at most `kernel`.
    pub stride: u16,
}

/// What the rows that convolutions leave become before the fully connected layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pooling {
    /// All of them go on, row after row.
    #[default]
    None,
    /// Each filter's mean over time.
    Mean,
    /// Each filter's largest value over time.
    Max,
}

/// The convolutions that a model begins with. Its inputs are a window: rows in the order of time, each of `channels`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convolutions {
    /// Numbers of a row.
    pub channels: u32,
    /// First to last, at least one.
    pub layers: Vec<Convolution, CONVOLUTIONS_MAX>,
    /// What follows the last.
    pub pooling: Pooling,
}

/// The model: layer widths from inputs to outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Inputs, hidden layers, outputs. Empty while the job is being surveyed.
    pub widths: Vec<u32, WIDTHS_MAX>,
    /// Activation of the hidden layers and of the convolutions.
    pub activation: Activation,
    /// Loss at the output.
    pub loss: Loss,
    /// Convolutions between inputs and hidden layers.
    pub convolutions: Option<Convolutions>,
}

impl Convolutions {
    /// Parameters of all convolutions, and the numbers that they leave of `inputs`; `None` if one does not fit.
    fn sizes(&self, inputs: u32) -> Option<(u64, u64)> {
        let mut channels = u64::from(self.channels);
        let mut rows = u64::from(inputs).checked_div(channels)?;
        if self.layers.is_empty() || rows * channels != u64::from(inputs) {
            return None;
        }
        let (mut parameters, mut units) = (0_u64, 0);
        for layer in &self.layers {
            let [filters, kernel, stride] = [layer.filters, layer.kernel, layer.stride].map(u64::from);
            if filters == 0 || stride == 0 || stride > kernel {
                return None;
            }
            // The product fits: 16, 32 and 16 bits.
            parameters = parameters.checked_add((kernel * channels + 1) * filters)?;
            rows = rows.checked_sub(kernel)? / stride + 1;
            channels = filters;
            units += rows * channels;
        }
        let left = if self.pooling == Pooling::None { rows * channels } else { channels };
        (units <= UNITS_MAX as u64 && parameters <= PARAMETERS_MAX as u64).then_some((parameters, left))
    }
}

impl Shape {
    /// Number of parameters: (what feeds a unit + 1) x outputs, or filters, summed over the layers; 0 where there is no
    /// model yet, `None` where layers do not fit each other, and beyond [`PARAMETERS_MAX`].
    pub fn parameters(&self) -> Option<usize> {
        if self.is_empty() {
            return Some(0);
        }
        let (first, behind) = self.widths.split_first()?;
        if behind.is_empty() || *first == 0 {
            return None;
        }
        let (mut sum, mut inputs) = match &self.convolutions {
            Some(convolutions) => convolutions.sizes(*first)?,
            None => (0, u64::from(*first)),
        };
        for outputs in behind.iter().copied().map(u64::from) {
            if outputs == 0 {
                return None;
            }
            sum = sum.checked_add((inputs + 1).checked_mul(outputs)?)?;
            inputs = outputs;
        }
        usize::try_from(sum).ok().filter(|n| *n <= PARAMETERS_MAX)
    }

    /// Whether there is no model yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.widths.is_empty() && self.convolutions.is_none()
    }
}
