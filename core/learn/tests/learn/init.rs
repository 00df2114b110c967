//! First parameters and random numbers.

use heijunka_learn::{Error, ModelShape, Running, initialize};
use heijunka_units::SplitMix64;
use heijunka_units::{Activation, Loss};

fn layer_statistics(activation: Activation) -> Vec<Running> {
    let shape = ModelShape::dense(&[100, 80, 60], activation, Loss::CrossEntropy).unwrap();
    let mut parameters = vec![f32::NAN; shape.parameters()];
    initialize(&shape, 4, &mut parameters).unwrap();
    assert!(shape.layers().all(|layer| parameters[layer.biases].iter().all(|bias| *bias == 0.0)));
    let statistics = |weights: &[f32]| {
        let mut running = Running::default();
        weights.iter().for_each(|weight| running.push(f64::from(*weight)));
        running
    };
    shape.layers().map(|layer| statistics(&parameters[layer.weights])).collect()
}

/// Five standard deviations of the mean's and the variance's estimate are allowed.
#[test]
fn variances_follow_he_and_glorot() {
    for (activation, first) in [(Activation::Relu, 2.0 / 100.0), (Activation::Tanh, 2.0 / 180.0)] {
        for (found, variance) in layer_statistics(activation).iter().zip([first, 2.0 / 140.0]) {
            let count = found.count as f64;
            assert!(found.mean.abs() < 5.0 * (variance / count).sqrt(), "{found:?}");
            assert!((found.variance() / variance - 1.0).abs() < 5.0 * (2.0 / count).sqrt(), "{found:?}");
        }
    }
}

#[test]
fn seeds_and_layers_differ() {
    let shape = ModelShape::dense(&[9, 9, 9], Activation::Relu, Loss::CrossEntropy).unwrap();
    let first = |seed| {
        let mut parameters = vec![0.0; shape.parameters()];
        initialize(&shape, seed, &mut parameters).unwrap();
        parameters
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
    let layers: Vec<_> = shape.layers().collect();
    let ratio = |index: usize| first(1)[layers[1].weights.start + index] / first(1)[layers[0].weights.start + index];
    assert_ne!(ratio(0), ratio(1));
    let error = Error::Length { what: "parameters", found: 3, expected: 180 };
    assert_eq!(initialize(&shape, 1, &mut [0.0; 3]), Err(error));
}

#[test]
fn golden_parameters() {
    let shape = ModelShape::dense(&[2, 2], Activation::Relu, Loss::MeanSquaredError).unwrap();
    let mut parameters = [0.0; 6];
    initialize(&shape, 1, &mut parameters).unwrap();
    assert_eq!(parameters, GOLDEN);
}

const GOLDEN: [f32; 6] = [-0.6722433, 0.3612038, 0.26095504, -0.8670893, 0.0, 0.0];

#[test]
fn uniform_numbers_fill_the_unit_interval() {
    let (mut random, mut running) = (SplitMix64::new(3), Running::default());
    (0..10_000).for_each(|_| running.push(random.uniform()));
    assert!(running.min >= 0.0 && running.max < 1.0);
    assert!((running.mean - 0.5).abs() < 0.015 && (running.variance() - 1.0 / 12.0).abs() < 0.004);
}
