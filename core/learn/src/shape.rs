//! What a model looks like, and where its parameters lie.

use crate::convolution::Place;
use core::ops::Range;
use heijunka_units::{Activation, Convolutions, Loss, Pooling, Shape, ShapeError};

/// A [`Shape`] that has been checked: a model that can be computed.
///
/// Parameters are one flat slice: for each layer its weights `[inputs][outputs]` row by row, then its biases
/// `[outputs]`. A convolution's inputs are `[kernel][channels]`, its outputs the filters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelShape {
    shape: Shape,
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
    /// Checks a shape.
    pub fn new(shape: Shape) -> Result<Self, ShapeError> {
        shape.check().map(|_| Self { shape })
    }

    /// A model of fully connected layers: inputs, hidden layers, outputs.
    pub fn dense(widths: &[u32], activation: Activation, loss: Loss) -> Result<Self, ShapeError> {
        Self::new(Shape::dense(widths, activation, loss)?)
    }

    /// A model that begins with convolutions. The inputs, which are the first of `widths`, are a window's rows one after
    /// another.
    pub fn convolutional(
        widths: &[u32],
        convolutions: Convolutions,
        activation: Activation,
        loss: Loss,
    ) -> Result<Self, ShapeError> {
        Self::new(Shape { convolutions: Some(convolutions), ..Shape::dense(widths, activation, loss)? })
    }

    /// Inputs, hidden layers, outputs.
    pub fn widths(&self) -> &[u32] {
        &self.shape.widths
    }

    /// What stands between the inputs and the hidden layers.
    pub fn convolutions(&self) -> Option<&Convolutions> {
        self.shape.convolutions.as_ref()
    }

    /// What follows each hidden layer and each convolution.
    pub fn activation(&self) -> Activation {
        self.shape.activation
    }

    /// What is minimized.
    pub fn loss(&self) -> Loss {
        self.shape.loss
    }

    /// Numbers that make one sample.
    pub fn inputs(&self) -> usize {
        self.width(0)
    }

    /// Numbers that the model gives for one sample: values, or one logit for each class.
    pub fn outputs(&self) -> usize {
        self.width(self.shape.widths.len() - 1)
    }

    /// Length of the slice of parameters: at least 2, at most [`PARAMETERS_MAX`](heijunka_units::PARAMETERS_MAX).
    pub fn parameters(&self) -> usize {
        self.layers().map(|layer| layer.biases.end).next_back().unwrap_or(0)
    }

    /// The layers from first to last: convolutions, then the fully connected ones.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = Layer> + ExactSizeIterator + use<'_> {
        (0..self.depth()).map(|index| self.layer(index))
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
        self.shape.widths.get(index).map_or(0, |width| *width as usize)
    }

    fn depth(&self) -> usize {
        self.shape.widths.len() - 1 + self.front()
    }

    /// How many layers are convolutions.
    fn front(&self) -> usize {
        self.shape.convolutions.as_ref().map_or(0, |convolutions| convolutions.layers.len())
    }

    fn layer(&self, index: usize) -> Layer {
        let before = (0..index).map(|before| self.placed(before, 0).biases.end).sum();
        self.placed(index, before)
    }

    /// The layer of this index, its parameters from `start` on.
    fn placed(&self, index: usize, start: usize) -> Layer {
        let front = self.front();
        if index < front
            && let Some(convolutions) = &self.shape.convolutions
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
        let place = Place::new(convolutions, index, self.inputs());
        let (rows, stride, outputs) = convolutions
            .layers
            .get(index)
            .map_or((1, 1, 1), |layer| (layer.kernel.into(), layer.stride.into(), layer.filters.into()));
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
            pooling: if is_last { convolutions.pooling } else { Pooling::None },
            last: false,
        }
    }
}

/// Where weights and biases lie from `start` on.
fn ranges(inputs: usize, outputs: usize, start: usize) -> (Range<usize>, Range<usize>) {
    let middle = start + inputs * outputs;
    (start..middle, middle..middle + outputs)
}
