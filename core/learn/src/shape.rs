//! What a model looks like, and where its parameters lie.

use core::ops::Range;

/// Most widths a shape may have: inputs, hidden layers, outputs.
pub const WIDTHS_MAX: usize = 8;

/// Most parameters a model may have (256 MiB of them).
pub const PARAMETERS_MAX: usize = 64 * 1024 * 1024;

/// What follows each hidden layer.
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
}

/// A fully connected feed-forward model. `[d, 1]` with mean squared error is linear regression, `[d, k]` with
/// cross-entropy is softmax regression, widths between them are hidden layers.
///
/// Parameters are one flat slice: for each layer its weights `[inputs][outputs]` row by row, then its biases
/// `[outputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModelShape {
    widths: [u32; WIDTHS_MAX],
    count: usize,
    activation: Activation,
    loss: Loss,
}

/// One fully connected layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Units that feed it.
    pub inputs: usize,
    /// Its units.
    pub outputs: usize,
    /// Where its weights lie among the parameters.
    pub weights: Range<usize>,
    /// Where its biases lie among the parameters.
    pub biases: Range<usize>,
    /// Whether it is the last.
    pub last: bool,
}

impl ModelShape {
    /// Checks `widths`: inputs, hidden layers from first to last, outputs.
    pub fn new(widths: &[u32], activation: Activation, loss: Loss) -> Result<Self, ShapeError> {
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
        let parameters = widths.iter().zip(widths.iter().skip(1)).try_fold(0_u64, |sum, (inputs, outputs)| {
            // Products of two u32 and one addition fit into u64; the sum is checked at each layer.
            Some(sum + (u64::from(*inputs) + 1) * u64::from(*outputs)).filter(|sum| *sum <= PARAMETERS_MAX as u64)
        });
        parameters.ok_or(ShapeError::TooManyParameters)?;
        Ok(Self { widths: own, count: widths.len(), activation, loss })
    }

    /// Inputs, hidden layers, outputs.
    pub fn widths(&self) -> &[u32] {
        self.widths.get(..self.count).unwrap_or(&self.widths)
    }

    /// What follows each hidden layer.
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
        self.layer(self.count - 2).biases.end
    }

    /// The layers from first to last.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> + ExactSizeIterator + use<> {
        let shape = *self;
        (0..self.count - 1).map(move |index| shape.layer(index))
    }

    /// Units of all layers, without the inputs.
    pub(crate) fn units(&self) -> usize {
        (1..self.count).map(|index| self.width(index)).sum()
    }

    /// Width of the widest hidden layer, 0 without one.
    pub(crate) fn widest_hidden(&self) -> usize {
        (1..self.count - 1).map(|index| self.width(index)).max().unwrap_or(0)
    }

    /// The greatest of all widths.
    pub(crate) fn widest(&self) -> usize {
        (0..self.count).map(|index| self.width(index)).max().unwrap_or(0)
    }

    fn width(&self, index: usize) -> usize {
        self.widths.get(index).map_or(0, |width| *width as usize)
    }

    fn layer(&self, index: usize) -> Layer {
        let start: usize = (0..index).map(|before| (self.width(before) + 1) * self.width(before + 1)).sum();
        let (inputs, outputs) = (self.width(index), self.width(index + 1));
        let middle = start + inputs * outputs;
        Layer {
            inputs,
            outputs,
            weights: start..middle,
            biases: middle..middle + outputs,
            last: index + 2 == self.count,
        }
    }
}
