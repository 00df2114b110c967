//! What the model looks like, and whether it is one that can be built.

use heapless::Vec;
use serde::{Deserialize, Serialize};

/// Most widths of a model: inputs, hidden layers, outputs.
pub const WIDTHS_MAX: usize = 8;
/// Most convolutions that a model begins with.
pub const CONVOLUTIONS_MAX: usize = 3;
/// Most numbers that a model's convolutions make of one sample (1 MiB of `f32`).
pub const UNITS_MAX: usize = 256 * 1024;
/// Most parameters of a model (256 MiB of `f32`).
pub const PARAMETERS_MAX: usize = 64 * 1024 * 1024;

/// What follows each hidden layer and each convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Activation {
    /// max(z, 0); its derivative at 0 is taken as 0.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

/// What is minimized. The loss of a batch is the (weighted) mean over its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Loss {
    /// Half the squared error, averaged over the outputs: sum over o of 0.5 (y_o - t_o)^2 / outputs.
    MeanSquaredError,
    /// Softmax cross-entropy: ln(sum over o of exp(z_o)) - z_class, in nats.
    CrossEntropy,
}

/// A convolution over time without padding: each filter sees `kernel` consecutive rows of all channels, every `stride`
/// rows. Its filters are the channels of what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Convolution {
    /// Filters, at least 1.
    pub filters: u16,
    /// Rows that a filter sees, at least 1.
    pub kernel: u16,
    /// Rows from one place of the kernel to the next, in 1..=kernel: no row between is left out.
    pub stride: u16,
}

/// What the rows that the last convolution leaves become before the fully connected layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pooling {
    /// All rows are passed on, one after the other.
    #[default]
    None,
    /// Each filter's mean over time.
    Mean,
    /// Each filter's largest value over time; its derivative goes to the first of several.
    Max,
}

/// The convolutions that a model begins with. Its inputs are a window: rows in the order of time, each of `channels`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Convolutions {
    /// Numbers of a row.
    pub channels: u32,
    /// First to last, at least one.
    pub layers: Vec<Convolution, CONVOLUTIONS_MAX>,
    /// What follows the last.
    pub pooling: Pooling,
}

/// A feed-forward model: convolutions over time, if any, then fully connected layers. Widths `[d, 1]` with mean squared
/// error are linear regression, `[d, k]` with cross-entropy softmax regression; widths between them are hidden layers.
///
/// ```
/// use heijunka_units::{Activation, Loss, Shape};
///
/// let shape = Shape::dense(&[10, 64, 3], Activation::Relu, Loss::CrossEntropy)?;
/// assert_eq!(shape.check()?, 11 * 64 + 65 * 3);
/// # Ok::<(), heijunka_units::ShapeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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

/// Why a shape cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// Less than inputs and outputs.
    #[error("a model needs inputs and outputs")]
    NoLayers,
    /// More than [`WIDTHS_MAX`] widths.
    #[error("{0} widths, at most {max} are possible", max = WIDTHS_MAX)]
    TooManyLayers(usize),
    /// A layer without units.
    #[error("width {0} is zero")]
    ZeroWidth(usize),
    /// More than [`PARAMETERS_MAX`] parameters.
    #[error("more than {max} parameters", max = PARAMETERS_MAX)]
    TooManyParameters,
    /// Cross-entropy over fewer than two classes.
    #[error("cross-entropy needs at least two outputs")]
    OneClass,
    /// No convolution or more than [`CONVOLUTIONS_MAX`].
    #[error("{0} convolutions, 1 to {max} are possible", max = CONVOLUTIONS_MAX)]
    Convolutions(usize),
    /// A convolution without filters, or with a stride outside its kernel.
    #[error("convolution {0} needs filters, a kernel, and a stride of 1 to its kernel")]
    Convolution(usize),
    /// Inputs that are not whole rows of channels.
    #[error("{inputs} inputs are not rows of {channels} channels")]
    Rows {
        /// The model's inputs.
        inputs: u32,
        /// Channels of a row.
        channels: u32,
    },
    /// A kernel longer than the rows that it slides over.
    #[error("convolution {layer}: a kernel of {kernel} rows on {rows} rows")]
    Kernel {
        /// Which convolution, from 0.
        layer: usize,
        /// Rows of its kernel.
        kernel: u32,
        /// Rows that there are.
        rows: u32,
    },
    /// Convolutions that make too much of a sample.
    #[error("convolutions make more than {max} numbers of a sample", max = UNITS_MAX)]
    TooManyUnits,
}

impl Convolutions {
    /// Convolutions from first to last.
    pub fn new(channels: u32, layers: &[Convolution], pooling: Pooling) -> Result<Self, ShapeError> {
        let layers = Vec::from_slice(layers).map_err(|_| ShapeError::Convolutions(layers.len()))?;
        Ok(Self { channels, layers, pooling })
    }

    /// Parameters of all convolutions, and the numbers that they leave of `inputs`.
    fn sizes(&self, inputs: u32) -> Result<(u64, u64), ShapeError> {
        if self.layers.is_empty() {
            return Err(ShapeError::Convolutions(0));
        }
        let sensible = |layer: &Convolution| layer.filters > 0 && (1..=layer.kernel).contains(&layer.stride);
        if let Some(layer) = self.layers.iter().position(|layer| !sensible(layer)) {
            return Err(ShapeError::Convolution(layer));
        }
        let mut rows = inputs.checked_div(self.channels).unwrap_or(0);
        if rows.checked_mul(self.channels) != Some(inputs) {
            return Err(ShapeError::Rows { inputs, channels: self.channels });
        }
        let mut channels = u64::from(self.channels);
        let (mut parameters, mut units) = (0_u64, 0_u64);
        for (layer, Convolution { filters, kernel, stride }) in self.layers.iter().copied().enumerate() {
            let (kernel, stride) = (u32::from(kernel), u32::from(stride));
            let misfit = ShapeError::Kernel { layer, kernel, rows };
            rows = rows.checked_sub(kernel).ok_or(misfit)? / stride + 1;
            // The product fits: 16, 32 and 16 bits, three times.
            parameters = parameters.saturating_add((u64::from(kernel) * channels + 1) * u64::from(filters));
            channels = u64::from(filters);
            units = units.saturating_add(u64::from(rows) * channels);
        }
        if units > UNITS_MAX as u64 {
            return Err(ShapeError::TooManyUnits);
        }
        let left = if self.pooling == Pooling::None { u64::from(rows) * channels } else { channels };
        Ok((parameters, left))
    }
}

impl Shape {
    /// A model of fully connected layers: inputs, hidden layers, outputs.
    pub fn dense(widths: &[u32], activation: Activation, loss: Loss) -> Result<Self, ShapeError> {
        let widths = Vec::from_slice(widths).map_err(|_| ShapeError::TooManyLayers(widths.len()))?;
        Ok(Self { widths, activation, loss, convolutions: None })
    }

    /// Checks that the layers fit each other. Returns the number of parameters: (what feeds a unit + 1) x outputs, or filters,
    /// summed over the layers; at least 2, at most [`PARAMETERS_MAX`].
    pub fn check(&self) -> Result<usize, ShapeError> {
        let Some((first, behind)) = self.widths.split_first().filter(|(_, behind)| !behind.is_empty()) else {
            return Err(ShapeError::NoLayers);
        };
        if let Some(zero) = self.widths.iter().position(|width| *width == 0) {
            return Err(ShapeError::ZeroWidth(zero));
        }
        if self.loss == Loss::CrossEntropy && self.widths.last() == Some(&1) {
            return Err(ShapeError::OneClass);
        }
        let (mut sum, mut inputs) = match &self.convolutions {
            Some(convolutions) => convolutions.sizes(*first)?,
            None => (0, u64::from(*first)),
        };
        for outputs in behind.iter().copied().map(u64::from) {
            // Products of two numbers of 32 bits fit into 64; the sum is checked at each layer.
            sum = (inputs + 1).checked_mul(outputs).and_then(|own| own.checked_add(sum)).unwrap_or(u64::MAX);
            if sum > PARAMETERS_MAX as u64 {
                return Err(ShapeError::TooManyParameters);
            }
            inputs = outputs;
        }
        usize::try_from(sum).map_err(|_| ShapeError::TooManyParameters)
    }

    /// Number of parameters; 0 where there is no model yet, `None` where the shape cannot be built.
    pub fn parameters(&self) -> Option<usize> {
        if self.is_empty() { Some(0) } else { self.check().ok() }
    }

    /// Whether there is no model yet.
    pub fn is_empty(&self) -> bool {
        self.widths.is_empty() && self.convolutions.is_none()
    }
}
