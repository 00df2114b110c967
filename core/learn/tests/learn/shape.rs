//! Shapes: what is refused, and where parameters lie.

use heijunka_learn::{ModelShape, scratch_len};
use heijunka_units::{Activation, Loss, ShapeError};
use heijunka_units::{PARAMETERS_MAX, WIDTHS_MAX};

fn shape(widths: &[u32], loss: Loss) -> Result<ModelShape, ShapeError> {
    ModelShape::dense(widths, Activation::Relu, loss)
}

#[test]
fn refusals() {
    let refused = |widths: &[u32]| shape(widths, Loss::MeanSquaredError).unwrap_err();
    assert_eq!(refused(&[]), ShapeError::NoLayers);
    assert_eq!(refused(&[4]), ShapeError::NoLayers);
    assert_eq!(refused(&[4, 0, 2]), ShapeError::ZeroWidth(1));
    assert_eq!(refused(&[1; WIDTHS_MAX + 1]), ShapeError::TooManyLayers(WIDTHS_MAX + 1));
    assert_eq!(refused(&[u32::MAX; WIDTHS_MAX]), ShapeError::TooManyParameters);
    assert_eq!(shape(&[4, 1], Loss::CrossEntropy), Err(ShapeError::OneClass));
}

#[test]
fn the_bound_on_parameters_is_exact() {
    let most = PARAMETERS_MAX as u32;
    assert_eq!(shape(&[most - 1, 1], Loss::MeanSquaredError).unwrap().parameters(), PARAMETERS_MAX);
    assert_eq!(shape(&[most, 1], Loss::MeanSquaredError), Err(ShapeError::TooManyParameters));
}

#[test]
fn parameters_lie_layer_by_layer() {
    let shape = shape(&[64, 32, 10], Loss::CrossEntropy).unwrap();
    assert_eq!((shape.inputs(), shape.outputs(), shape.widths()), (64, 10, [64, 32, 10].as_slice()));
    let places: Vec<_> = shape.layers().map(|layer| (layer.weights, layer.biases, layer.last)).collect();
    assert_eq!(places, [(0..2048, 2048..2080, false), (2080..2400, 2400..2410, true)]);
    assert_eq!(shape.parameters(), 2410);
}

#[test]
fn scratch_holds_all_units_the_widest_hidden_layer_and_packed_weights() {
    let packed = |numbers| if cfg!(feature = "std") { numbers } else { 0 };
    let len = |widths: &[u32], samples| scratch_len(&shape(widths, Loss::CrossEntropy).unwrap(), samples);
    assert_eq!(len(&[64, 32, 48, 10], 3), 3 * (90 + 48) + packed(64 * 64));
    assert_eq!(len(&[64, 10], 3), 30 + packed(64 * 64));
    assert_eq!(len(&[784, 1000, 10], 8), 8 * (1010 + 1000) + packed(32_768));
    assert_eq!(len(&[64, 10], usize::MAX), usize::MAX);
}
