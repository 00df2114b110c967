//! The job's model as the arithmetic takes it.

use heijunka_learn::{Activation, Convolution, Convolutions, Loss, ModelShape, Pooling, ShapeError};
use heijunka_wire::Shape;

/// The shape of the wire, checked.
pub(crate) fn model_shape(shape: &Shape) -> Result<ModelShape, ShapeError> {
    let activation = match shape.activation {
        heijunka_wire::Activation::Relu => Activation::Relu,
        heijunka_wire::Activation::Tanh => Activation::Tanh,
    };
    let loss = match shape.loss {
        heijunka_wire::Loss::MeanSquaredError => Loss::MeanSquaredError,
        heijunka_wire::Loss::CrossEntropy => Loss::CrossEntropy,
    };
    match &shape.convolutions {
        None => ModelShape::new(&shape.widths, activation, loss),
        Some(named) => ModelShape::convolutional(&shape.widths, convolutions(named)?, activation, loss),
    }
}

fn convolutions(named: &heijunka_wire::Convolutions) -> Result<Convolutions, ShapeError> {
    let pooling = match named.pooling {
        heijunka_wire::Pooling::None => Pooling::None,
        heijunka_wire::Pooling::Mean => Pooling::Mean,
        heijunka_wire::Pooling::Max => Pooling::Max,
    };
    let layer = |layer: &heijunka_wire::Convolution| Convolution {
        filters: layer.filters.into(),
        kernel: layer.kernel.into(),
        stride: layer.stride.into(),
    };
    let layers: Vec<Convolution> = named.layers.iter().map(layer).collect();
    Convolutions::new(named.channels, &layers, pooling)
}
