//! `model.safetensors`: the model in a form that other programs read.

use heijunka_learn::{Layer, ModelShape};
use safetensors::tensor::{Dtype, TensorView};
use std::ops::Range;

/// The file's bytes: per layer `layers.N.weight` of shape inputs x outputs, or kernel x channels x filters in a
/// convolution, and `layers.N.bias` of shape outputs.
pub(crate) fn to_bytes(shape: &ModelShape, parameters: &[f32]) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = parameters.iter().flat_map(|p| p.to_le_bytes()).collect();
    let mut views = Vec::new();
    for (name, dims, place) in shape.layers().enumerate().flat_map(tensors) {
        let bytes = bytes.get(place.start * 4..place.end * 4)?;
        views.push((name, TensorView::new(Dtype::F32, dims, bytes).ok()?));
    }
    safetensors::serialize(views, None).ok()
}

/// Reads the parameters back, for the model of this shape.
pub(crate) fn from_bytes(shape: &ModelShape, bytes: &[u8]) -> Result<Vec<f32>, String> {
    let file = safetensors::SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let mut parameters = Vec::new();
    for (name, dims, _) in shape.layers().enumerate().flat_map(tensors) {
        let tensor = file.tensor(&name).map_err(|error| format!("{name}: {error}"))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != dims {
            return Err(format!("{name} is not of 32-bit floats with shape {dims:?}"));
        }
        let numbers = tensor.data().as_chunks::<4>().0.iter().map(|number| f32::from_le_bytes(*number));
        parameters.extend(numbers);
    }
    if parameters.iter().all(|p| p.is_finite()) { Ok(parameters) } else { Err("a parameter is not finite".into()) }
}

/// Name, dimensions and place among the parameters of a layer's weights and biases.
fn tensors((index, layer): (usize, Layer)) -> [(String, Vec<usize>, Range<usize>); 2] {
    let weight = match layer.kernel {
        Some(kernel) => vec![kernel.rows, kernel.channels, layer.outputs],
        None => vec![layer.inputs, layer.outputs],
    };
    [
        (format!("layers.{index}.weight"), weight, layer.weights),
        (format!("layers.{index}.bias"), vec![layer.outputs], layer.biases),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling};

    #[test]
    fn a_model_survives_the_file() {
        let shape = |widths: &[u32]| ModelShape::dense(widths, Activation::Relu, Loss::MeanSquaredError).unwrap();
        let parameters: Vec<f32> = (0..23).map(|i| i as f32).collect();
        let bytes = to_bytes(&shape(&[3, 4, 1]), &parameters[..21]).unwrap();
        assert_eq!(from_bytes(&shape(&[3, 4, 1]), &bytes).unwrap(), parameters[..21]);
        assert!(from_bytes(&shape(&[3, 5, 1]), &bytes).is_err());
        assert!(from_bytes(&shape(&[3, 4, 1]), &bytes[..50]).is_err());
    }

    #[test]
    fn a_convolution_has_three_dimensions() {
        let shape = |kernel| {
            let layers = [Convolution { filters: 2, kernel, stride: 1 }];
            let convolutions = Convolutions::new(2, &layers, Pooling::Mean).unwrap();
            ModelShape::convolutional(&[8, 1], convolutions, Activation::Relu, Loss::MeanSquaredError).unwrap()
        };
        let parameters: Vec<f32> = (0..17).map(|i| i as f32).collect();
        let bytes = to_bytes(&shape(3), &parameters).unwrap();
        assert_eq!(from_bytes(&shape(3), &bytes).unwrap(), parameters);
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        assert_eq!(file.tensor("layers.0.weight").unwrap().shape(), [3, 2, 2]);
        let refused = from_bytes(&shape(2), &bytes).unwrap_err();
        assert!(refused.contains("layers.0.weight") && refused.contains("[2, 2, 2]"), "{refused}");
    }
}
