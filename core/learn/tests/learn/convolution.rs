//! Convolutions: shapes, gradients against finite differences and PyTorch, and sums that do not depend on blocks.

use crate::gradients::{Problem, check_cuts, check_slopes};
use heijunka_learn::{Kernel, ModelShape, Targets, gradient_sum, predict, scratch_len};
use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling, ShapeError};
use heijunka_units::{CONVOLUTIONS_MAX, UNITS_MAX};
use proptest::prelude::*;
use serde::Deserialize;

fn layers(named: &[(u16, u16, u16)]) -> Vec<Convolution> {
    named
        .iter()
        .map(|(filters, kernel, stride)| Convolution { filters: *filters, kernel: *kernel, stride: *stride })
        .collect()
}

fn convolutions(channels: u32, named: &[(u16, u16, u16)], pooling: Pooling) -> Convolutions {
    Convolutions::new(channels, &layers(named), pooling).unwrap()
}

fn shape(
    widths: &[u32],
    channels: u32,
    named: &[(u16, u16, u16)],
    pooling: Pooling,
    activation: Activation,
) -> ModelShape {
    let loss = if widths.last() == Some(&1) { Loss::MeanSquaredError } else { Loss::CrossEntropy };
    ModelShape::convolutional(widths, convolutions(channels, named, pooling), activation, loss).unwrap()
}

#[test]
fn what_does_not_fit_is_refused() {
    let of = |inputs, channels, named: &[_]| {
        let convolutions = Convolutions::new(channels, &layers(named), Pooling::Max)?;
        ModelShape::convolutional(&[inputs, 1], convolutions, Activation::Relu, Loss::MeanSquaredError).map(|_| ())
    };
    assert_eq!(of(20, 2, &[]), Err(ShapeError::Convolutions(0)));
    assert_eq!(of(20, 2, &[(1, 1, 1); CONVOLUTIONS_MAX + 1]), Err(ShapeError::Convolutions(CONVOLUTIONS_MAX + 1)));
    for layer in [(0, 3, 1), (4, 0, 0), (4, 3, 0), (4, 3, 4)] {
        assert_eq!(of(20, 2, &[(4, 3, 1), layer]), Err(ShapeError::Convolution(1)), "{layer:?}");
    }
    assert_eq!(of(21, 2, &[(4, 3, 1)]), Err(ShapeError::Rows { inputs: 21, channels: 2 }));
    assert_eq!(of(20, 0, &[(4, 3, 1)]), Err(ShapeError::Rows { inputs: 20, channels: 0 }));
    assert_eq!(of(20, 2, &[(4, 11, 1)]), Err(ShapeError::Kernel { layer: 0, kernel: 11, rows: 10 }));
    assert_eq!(of(20, 2, &[(4, 3, 3), (4, 4, 1)]), Err(ShapeError::Kernel { layer: 1, kernel: 4, rows: 3 }));
    let most = (UNITS_MAX / 8) as u16;
    assert_eq!(of(8, 1, &[(most, 1, 1)]), Ok(()));
    assert_eq!(of(8, 1, &[(most + 1, 1, 1)]), Err(ShapeError::TooManyUnits));
    assert_eq!(of(u32::MAX, u32::MAX, &[(1000, 1, 1)]), Err(ShapeError::TooManyParameters));
}

#[test]
fn parameters_lie_layer_by_layer() {
    let named = [(16, 5, 2), (8, 3, 1)];
    let flat = shape(&[90, 20, 3], 3, &named, Pooling::None, Activation::Relu);
    let layers: Vec<_> = flat.layers().collect();
    let sizes: Vec<_> = layers.iter().map(|l| (l.inputs, l.outputs, l.positions, l.source, l.last)).collect();
    assert_eq!(sizes, [(15, 16, 13, 90, false), (48, 8, 11, 208, false), (88, 20, 1, 88, false), (20, 3, 1, 20, true)]);
    let kernels: Vec<_> = layers.iter().map(|layer| layer.kernel).collect();
    let kernel = |rows, stride, channels| Some(Kernel { rows, stride, channels });
    assert_eq!(kernels, [kernel(5, 2, 3), kernel(3, 1, 16), None, None]);
    let places: Vec<_> = layers.iter().map(|layer| (layer.weights.clone(), layer.biases.clone())).collect();
    assert_eq!(places, [(0..240, 240..256), (256..640, 640..648), (648..2408, 2408..2428), (2428..2488, 2488..2491)]);
    assert_eq!((flat.parameters(), flat.units()), (2491, 208 + 88 + 20 + 3));
    assert_eq!(flat.work(), 13 * 256 + 11 * 392 + 1780 + 63);
    let pooled = shape(&[90, 20, 3], 3, &named, Pooling::Mean, Activation::Relu);
    assert_eq!((pooled.parameters(), pooled.units()), (648 + 180 + 63, 208 + 88 + 8 + 20 + 3));
}

#[test]
fn every_derivative_is_the_slope_of_the_loss() {
    for pooling in [Pooling::None, Pooling::Mean, Pooling::Max] {
        for (index, (widths, channels, named)) in [
            (&[12, 2][..], 2, &[(3, 3, 1)][..]),
            (&[14, 1], 1, &[(3, 4, 2), (2, 2, 1)]),
            (&[30, 4, 3], 3, &[(7, 3, 1), (6, 3, 2), (8, 2, 1)]),
            (&[24, 3, 1], 2, &[(8, 4, 4), (7, 1, 1)]),
        ]
        .into_iter()
        .enumerate()
        {
            // Few samples where the loss has bends, so that none lies within the differences' step.
            for (activation, samples) in [(Activation::Relu, 1), (Activation::Tanh, 6)] {
                let samples = if pooling == Pooling::Max { 1 } else { samples };
                let shape = shape(widths, channels, named, pooling, activation);
                check_slopes(&Problem::new(shape, samples, index as u64));
            }
        }
    }
}

#[test]
fn sums_have_the_same_bits_wherever_samples_are_cut() {
    for pooling in [Pooling::None, Pooling::Mean, Pooling::Max] {
        for (widths, channels, named) in [
            (&[60, 10][..], 6, &[(16, 3, 1)][..]),
            (&[60, 20, 10], 3, &[(17, 4, 1), (8, 5, 2)]),
            (&[40, 1], 1, &[(8, 9, 1), (9, 6, 3), (6, 2, 1)]),
        ] {
            check_cuts(&Problem::new(shape(widths, channels, named, pooling, Activation::Tanh), 75, 5));
        }
    }
}

/// A kernel as long as the window is a fully connected layer.
#[test]
fn a_kernel_over_the_whole_window_is_a_hidden_layer() {
    let dense = Problem::new(ModelShape::dense(&[40, 12, 7], Activation::Tanh, Loss::CrossEntropy).unwrap(), 9, 1);
    for pooling in [Pooling::None, Pooling::Mean, Pooling::Max] {
        let whole = Problem::new(shape(&[40, 7], 4, &[(12, 10, 1)], pooling, Activation::Tanh), 9, 1);
        let whole = dense.with_shape(whole.shape);
        let gradients = [&dense, &whole].map(|problem| {
            let mut gradient = vec![0.0; problem.shape.parameters()];
            let loss = problem.add_gradient(0..9, &mut gradient);
            (loss, gradient)
        });
        assert!((gradients[0].0 - gradients[1].0).abs() < 1e-5);
        for (dense, whole) in gradients[0].1.iter().zip(&gradients[1].1) {
            assert!((dense - whole).abs() < 1e-5, "{dense} {whole}");
        }
    }
}

#[test]
fn not_a_number_is_not_hidden_by_pooling() {
    for pooling in [Pooling::Mean, Pooling::Max] {
        for place in [0, 7, 19] {
            let model = shape(&[20, 1], 2, &[(6, 3, 1), (4, 2, 1)], pooling, Activation::Relu);
            let mut problem = Problem::new(model, 2, 1);
            problem.x[place] = f32::NAN;
            assert!(problem.add_gradient(0..2, &mut vec![0.0; problem.shape.parameters()]).is_nan());
        }
    }
}

#[derive(Deserialize)]
struct Case {
    widths: Vec<u32>,
    channels: u32,
    layers: Vec<(u16, u16, u16)>,
    pooling: String,
    activation: String,
    loss: String,
    parameters: Vec<f32>,
    x: Vec<f32>,
    classes: Vec<u32>,
    values: Vec<f32>,
    loss_sum: f64,
    gradient: Vec<f64>,
    outputs: Vec<f64>,
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((f64::from(*found) - expected).abs() <= 2e-6 * scale, "{index}: {found}, expected {expected}");
    }
}

/// tests/reference/convolutions.py
#[test]
fn losses_gradients_and_outputs_are_those_of_pytorch() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../reference/convolutions.json")).unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let activation = if case.activation == "relu" { Activation::Relu } else { Activation::Tanh };
        let (loss, targets) = match case.loss.as_str() {
            "cross_entropy" => (Loss::CrossEntropy, Targets::Classes(&case.classes)),
            _ => (Loss::MeanSquaredError, Targets::Values(&case.values)),
        };
        let pooling = match case.pooling.as_str() {
            "mean" => Pooling::Mean,
            "max" => Pooling::Max,
            _ => Pooling::None,
        };
        let named = convolutions(case.channels, &case.layers, pooling);
        let shape = ModelShape::convolutional(&case.widths, named, activation, loss).unwrap();
        let samples = case.x.len() / shape.inputs();
        let mut scratch = vec![f32::NAN; scratch_len(&shape, samples)];
        let mut gradient = vec![0.0; shape.parameters()];
        let sum = gradient_sum(&shape, &case.parameters, &case.x, targets, None, &mut scratch, &mut gradient).unwrap();
        assert!((sum - case.loss_sum).abs() <= 2e-6 * case.loss_sum.max(1.0), "{sum}, expected {}", case.loss_sum);
        assert_close(&gradient, &case.gradient);
        let mut outputs = vec![0.0; samples * shape.outputs()];
        predict(&shape, &case.parameters, &case.x, &mut scratch, &mut outputs).unwrap();
        assert_close(&outputs, &case.outputs);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the shape, a block adds what its samples add, to the last bit but for the fully connected layers' order.
    #[test]
    fn a_block_is_the_sum_of_its_samples(
        seed: u64,
        samples in 1_usize..12,
        channels in 1_u32..8,
        named in proptest::collection::vec((1_u16..20, 1_u16..6, 1_u16..6), 1..=3),
        more in 0_u32..12,
        pooling in proptest::sample::select(vec![Pooling::None, Pooling::Mean, Pooling::Max]),
    ) {
        let named: Vec<_> = named.into_iter().map(|(filters, kernel, stride)| (filters, kernel, stride.min(kernel))).collect();
        let rows = named.iter().rev().fold(1_u32, |rows, (_, kernel, stride)| (rows - 1) * u32::from(*stride) + u32::from(*kernel)) + more;
        let problem = Problem::new(shape(&[rows * channels, 5, 2], channels, &named, pooling, Activation::Tanh), samples, seed);
        let (mut whole, mut single) = (vec![0.0; problem.shape.parameters()], vec![0.0; problem.shape.parameters()]);
        let loss = problem.add_gradient(0..samples, &mut whole);
        let losses: f64 = (0..samples).map(|row| problem.add_gradient(row..row + 1, &mut single)).sum();
        prop_assert!((loss - losses).abs() < 1e-5 * (1.0 + loss));
        for (whole, single) in whole.iter().zip(&single) {
            prop_assert!((whole - single).abs() < 1e-4 * (1.0 + whole.abs()), "{} {}", whole, single);
        }
    }
}
