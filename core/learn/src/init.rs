//! The first parameters.

use crate::error::{Error, same_length};
use crate::shape::{Layer, ModelShape};
use heijunka_units::Activation;
use heijunka_units::SplitMix64;

/// Writes the first parameters of a seed: normal weights and zero biases.
///
/// The variance of a weight is 2 / inputs before ReLU (He et al., "Delving deep into rectifiers", 2015, equation 10)
/// and 2 / (inputs + outputs) before tanh and in the last layer (Glorot and Bengio, 2010, equation 12). In a convolution
/// what feeds a unit counts as its inputs, and what a number of the source feeds, filters times kernel, as its outputs.
pub fn initialize(shape: &ModelShape, seed: u64, parameters: &mut [f32]) -> Result<(), Error> {
    same_length("parameters", parameters.len(), shape.parameters())?;
    parameters.fill(0.0);
    for (index, layer) in shape.layers().enumerate() {
        let mut random = SplitMix64::stream(seed, index as u64);
        let deviation = libm::sqrt(variance(&layer, shape.activation()));
        for weight in parameters.get_mut(layer.weights).unwrap_or_default() {
            *weight = (deviation * random.normal()) as f32;
        }
    }
    Ok(())
}

fn variance(layer: &Layer, activation: Activation) -> f64 {
    match activation {
        Activation::Relu if !layer.last => 2.0 / layer.inputs as f64,
        _ => 2.0 / (layer.inputs + layer.outputs * layer.kernel.map_or(1, |kernel| kernel.rows)) as f64,
    }
}
