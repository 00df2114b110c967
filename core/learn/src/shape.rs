//! What a model looks like, and where its parameters lie.

use crate::convolution::{CONVOLUTIONS_MAX, Convolutions, Pooling, UNITS_MAX};
use core::ops::Range;

/// Most widths a shape may have: inputs, hidden layers, outputs.
pub const WIDTHS_MAX: usize = 8;

/// Most parameters a model may have (256 MiB of them).
pub const PARAMETERS_MAX: usize = 64 * 1024 * 1024;

/// What follows each hidden layer and each convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// max(z, 0); its derivative at 0 is taken as 0.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
}

/// What is minimized. The loss of a batch is the (weighted) mean over its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Half the squared error, averaged over the outputs: sum over o of 0.5 (y_o - t_o)^2 / outputs.
    MeanSquaredError,
    /// Softmax cross-entropy: ln(sum over o of exp(z_o)) - z_class, in nats.
    CrossEntropy,
}

/// Why widths are not a shape.
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
    /// A kernel longer than what it shall slide over.
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

/// A feed-forward model: convolutions over time, if any, then fully connected layers. `[d, 1]` with mean squared error is
/// linear regression, `[d, k]` with cross-entropy is softmax regression, widths between them are hidden layers.
///
/// Parameters are one flat slice: for each layer its weights `[inputs][outputs]` row by row, then its biases
/// `[outputs]`. A convolution's inputs are `[kernel][channels]`, its outputs the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModelShape {
    widths: [u32; WIDTHS_MAX],
    count: usize,
    convolutions: Option<Convolutions>,
    activation: Activation,
    loss: Loss,
}

/// One layer: fully connected, or a convolution, which is a fully connected layer at each position of its kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Numbers that feed a unit.
    pub inputs: usize,
    /// Units of a position.
    pub outputs: usize,
    /// Positions of the kernel; 1 if fully connected.
    pub positions: usize,
    /// What slides; none if fully connected.
    pub kernel: Option<Kernel>,
    /// Numbers of a sample that the layer sees, `[rows][channels]` in a convolution.
    pub source: usize,
    /// Where its weights lie among the parameters.
    pub weights: Range<usize>,
    /// Where its biases lie among the parameters.
    pub biases: Range<usize>,
    /// What its positions become; nothing else but in the last convolution.
    pub pooling: Pooling,
    /// Whether it is the last.
    pub last: bool,
}

/// The kernel of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// Rows that it covers.
    pub rows: usize,
    /// Rows from one position to the next.
    pub stride: usize,
    /// Numbers of a row.
    pub channels: usize,
}

impl Layer {
    /// Its units: those of all positions.
    pub fn units(&self) -> usize {
        self.positions * self.outputs
    }

    /// What it hands to the next layer: its units, pooled or not.
    pub fn passes(&self) -> usize {
        if self.pooling == Pooling::None { self.units() } else { self.outputs }
    }

    /// Units that are pooled, to be kept beside [`Self::units`].
    pub(crate) fn pooled(&self) -> usize {
        if self.pooling == Pooling::None { 0 } else { self.outputs }
    }

    /// Numbers of the source from the beginning of one position to that of the next.
    pub(crate) fn step(&self) -> usize {
        self.kernel.map_or(self.source, |kernel| kernel.stride * kernel.channels)
    }
}

impl ModelShape {
    /// Checks `widths`: inputs, hidden layers from first to last, outputs.
    pub fn new(widths: &[u32], activation: Activation, loss: Loss) -> Result<Self, ShapeError> {
        Self::checked(widths, None, activation, loss)
    }

    /// A model that begins with convolutions. The inputs, which are the first of `widths`, are a window's rows one after
    /// another.
    pub fn convolutional(
        widths: &[u32],
        convolutions: Convolutions,
        activation: Activation,
        loss: Loss,
    ) -> Result<Self, ShapeError> {
        Self::checked(widths, Some(convolutions), activation, loss)
    }

    fn checked(
        widths: &[u32],
        convolutions: Option<Convolutions>,
        activation: Activation,
        loss: Loss,
    ) -> Result<Self, ShapeError> {
        if widths.len() < 2 {
            return Err(ShapeError::NoLayers);
        }
        let mut own = [0; WIDTHS_MAX];
        own.get_mut(..widths.len()).ok_or(ShapeError::TooManyLayers(widths.len()))?.copy_from_slice(widths);
        if let Some(zero) = widths.iter().position(|width| *width == 0) {
            return Err(ShapeError::ZeroWidth(zero));
        }
        if loss == Loss::CrossEntropy && widths.last() == Some(&1) {
            return Err(ShapeError::OneClass);
        }
        if let Some(convolutions) = &convolutions {
            convolutions.check(widths.first().copied().unwrap_or(0))?;
        }
        let shape = Self { widths: own, count: widths.len(), convolutions, activation, loss };
        let parameters = (0..shape.depth()).try_fold(0_u64, |sum, index| {
            // Products of two u32 and one addition fit into u64; the sum is checked at each layer.
            let layer = shape.placed(index, 0);
            Some(sum + (layer.inputs as u64 + 1) * layer.outputs as u64).filter(|sum| *sum <= PARAMETERS_MAX as u64)
        });
        parameters.map(|_| shape).ok_or(ShapeError::TooManyParameters)
    }

    /// Inputs, hidden layers, outputs.
    pub fn widths(&self) -> &[u32] {
        self.widths.get(..self.count).unwrap_or(&self.widths)
    }

    /// What stands between the inputs and the hidden layers.
    pub fn convolutions(&self) -> Option<&Convolutions> {
        self.convolutions.as_ref()
    }

    /// What follows each hidden layer and each convolution.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// What is minimized.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Numbers that make one sample.
    pub fn inputs(&self) -> usize {
        self.width(0)
    }

    /// Numbers that the model gives for one sample: values, or one logit for each class.
    pub fn outputs(&self) -> usize {
        self.width(self.count - 1)
    }

    /// Length of the slice of parameters: at least 2, at most [`PARAMETERS_MAX`].
    pub fn parameters(&self) -> usize {
        self.layers().map(|layer| layer.biases.end).next_back().unwrap_or(0)
    }

    /// The layers from first to last: convolutions, then the fully connected ones.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> + ExactSizeIterator + use<> {
        let shape = *self;
        (0..self.depth()).map(move |index| shape.layer(index))
    }

    /// What a sample costs: multiplications and additions of one pass forward. Without convolutions it is the number of
    /// parameters; a convolution uses its parameters once for each position.
    pub fn work(&self) -> usize {
        self.layers().map(|layer| layer.positions.saturating_mul(layer.biases.end - layer.weights.start)).sum()
    }

    /// Numbers kept of a sample on its way through the layers, without the inputs.
    pub fn units(&self) -> usize {
        self.layers().map(|layer| layer.units() + layer.pooled()).sum()
    }

    /// The most that any layer but the first takes of a sample, 0 if there is but one.
    pub(crate) fn widest_hidden(&self) -> usize {
        self.layers().skip(1).map(|layer| layer.source).max().unwrap_or(0)
    }

    /// The greatest dimension of the products.
    pub(crate) fn widest(&self) -> usize {
        self.layers().map(|layer| layer.inputs.max(layer.outputs).max(layer.positions)).max().unwrap_or(0)
    }

    /// The derivatives of what the positions of one convolution see of one sample, at most; only the first needs none.
    pub(crate) fn widest_columns(&self) -> usize {
        let later = self.layers().skip(1).filter(|layer| layer.kernel.is_some());
        later.map(|layer| layer.positions * layer.inputs).max().unwrap_or(0)
    }

    fn width(&self, index: usize) -> usize {
        self.widths.get(index).map_or(0, |width| *width as usize)
    }

    fn depth(&self) -> usize {
        self.count - 1 + self.front()
    }

    /// How many layers are convolutions.
    fn front(&self) -> usize {
        self.convolutions.map_or(0, |convolutions| convolutions.layers().len())
    }

    fn layer(&self, index: usize) -> Layer {
        let before = (0..index).map(|before| self.placed(before, 0).biases.end).sum();
        self.placed(index, before)
    }

    /// The layer of this index, its parameters from `start` on.
    fn placed(&self, index: usize, start: usize) -> Layer {
        let front = self.front();
        if index < front
            && let Some(convolutions) = &self.convolutions
        {
            return self.convolution(convolutions, index, start);
        }
        let inputs = match index.checked_sub(front) {
            Some(0) if front > 0 => self.placed(front - 1, 0).passes(),
            at => self.width(at.unwrap_or(0)),
        };
        let outputs = self.width(index - front + 1);
        let (weights, biases) = ranges(inputs, outputs, start);
        Layer {
            inputs,
            outputs,
            positions: 1,
            kernel: None,
            source: inputs,
            weights,
            biases,
            pooling: Pooling::None,
            last: index + 1 == self.depth(),
        }
    }

    fn convolution(&self, convolutions: &Convolutions, index: usize, start: usize) -> Layer {
        let place = convolutions.place(index, self.inputs());
        let (rows, stride, outputs) = convolutions
            .layers()
            .get(index)
            .map_or((1, 1, 1), |layer| (layer.kernel as usize, layer.stride as usize, layer.filters as usize));
        let inputs = rows * place.channels;
        let (weights, biases) = ranges(inputs, outputs, start);
        let is_last = index + 1 == self.front();
        Layer {
            inputs,
            outputs,
            positions: place.positions,
            kernel: Some(Kernel { rows, stride, channels: place.channels }),
            source: place.rows * place.channels,
            weights,
            biases,
            pooling: if is_last { convolutions.pooling() } else { Pooling::None },
            last: false,
        }
    }
}

/// Where weights and biases lie from `start` on.
fn ranges(inputs: usize, outputs: usize, start: usize) -> (Range<usize>, Range<usize>) {
    // While a shape is being checked, the product may be too large; its parameters are then never looked for.
    let middle = start.saturating_add(inputs.saturating_mul(outputs));
    (start..middle, middle..middle.saturating_add(outputs))
}
