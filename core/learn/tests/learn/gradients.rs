//! Gradients against finite differences and against each other.

use heijunka_learn::{
    Batch, Error, ModelShape, Targets, add_gradient, gradient_sum, initialize, loss_sum, predict, scratch_len,
};
use heijunka_units::SplitMix64;
use heijunka_units::{Activation, Loss};
use proptest::prelude::*;

pub(crate) struct Problem {
    pub(crate) shape: ModelShape,
    parameters: Vec<f32>,
    pub(crate) x: Vec<f32>,
    classes: Vec<u32>,
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Problem {
    pub(crate) fn new(shape: ModelShape, samples: usize, seed: u64) -> Self {
        let mut random = SplitMix64::new(seed);
        let mut parameters = vec![0.0; shape.parameters()];
        initialize(&shape, seed, &mut parameters).unwrap();
        parameters.iter_mut().for_each(|w| *w += 0.1 * random.normal() as f32);
        let mut normals = |count| (0..count).map(|_| random.normal() as f32).collect::<Vec<_>>();
        let (x, values) = (normals(samples * shape.inputs()), normals(samples * shape.outputs()));
        let weights = normals(samples).iter().map(|z| z.abs()).collect();
        let classes = (0..samples).map(|_| (random.next_u64() % shape.outputs() as u64) as u32).collect();
        Self { shape, parameters, x, classes, values, weights }
    }

    /// The same numbers for a shape of as many inputs, outputs and parameters.
    pub(crate) fn with_shape(&self, shape: ModelShape) -> Self {
        let Self { parameters, x, classes, values, weights, .. } = self;
        Self {
            shape,
            parameters: parameters.clone(),
            x: x.clone(),
            classes: classes.clone(),
            values: values.clone(),
            weights: weights.clone(),
        }
    }

    fn targets(&self, rows: std::ops::Range<usize>) -> Targets<'_> {
        match self.shape.loss() {
            Loss::CrossEntropy => Targets::Classes(&self.classes[rows]),
            Loss::MeanSquaredError => {
                Targets::Values(&self.values[rows.start * self.shape.outputs()..rows.end * self.shape.outputs()])
            }
        }
    }

    pub(crate) fn add_gradient(&self, rows: std::ops::Range<usize>, gradient: &mut [f32]) -> f64 {
        let mut scratch = vec![f32::NAN; scratch_len(&self.shape, rows.len())];
        let x = &self.x[rows.start * self.shape.inputs()..rows.end * self.shape.inputs()];
        let (targets, weights) = (self.targets(rows.clone()), Some(&self.weights[rows]));
        gradient_sum(&self.shape, &self.parameters, x, targets, weights, &mut scratch, gradient).unwrap()
    }

    fn loss(&self, parameters: &[f32]) -> f64 {
        let samples = self.weights.len();
        let mut outputs = vec![0.0; samples * self.shape.outputs()];
        let mut scratch = vec![0.0; scratch_len(&self.shape, samples)];
        predict(&self.shape, parameters, &self.x, &mut scratch, &mut outputs).unwrap();
        loss_sum(&self.shape, &outputs, self.targets(0..samples), Some(&self.weights)).unwrap()
    }
}

/// Central differences, whose error is the third derivative's and the rounding of two losses.
#[test]
fn every_derivative_is_the_slope_of_the_loss() {
    let widths: [&[u32]; 5] = [&[4, 3], &[3, 4, 2], &[3, 4, 4, 2], &[3, 3, 4, 3, 2], &[2, 6, 7]];
    for (index, widths) in widths.iter().enumerate() {
        for activation in [Activation::Relu, Activation::Tanh] {
            for loss in [Loss::CrossEntropy, Loss::MeanSquaredError] {
                let shape = ModelShape::dense(widths, activation, loss).unwrap();
                check_slopes(&Problem::new(shape.clone(), 6, index as u64));
            }
        }
    }
}

pub(crate) fn check_slopes(problem: &Problem) {
    const STEP: f32 = 1.0 / 512.0;
    let mut gradient = vec![0.0; problem.parameters.len()];
    problem.add_gradient(0..problem.weights.len(), &mut gradient);
    for (index, derivative) in gradient.iter().enumerate() {
        let (mut above, mut below) = (problem.parameters.clone(), problem.parameters.clone());
        above[index] += STEP;
        below[index] -= STEP;
        let distance = f64::from(above[index]) - f64::from(below[index]);
        let slope = (problem.loss(&above) - problem.loss(&below)) / distance;
        let shape = &problem.shape;
        assert!((slope - f64::from(*derivative)).abs() < 3e-3, "{shape:?} {index}: {derivative}, slope {slope}");
    }
}

/// Sizes around those where other kernels take over.
#[test]
fn a_block_is_the_sum_of_its_samples() {
    let widths: [&[u32]; 7] =
        [&[5, 5, 5], &[6, 6, 6], &[7, 6, 5], &[6, 7, 9], &[33, 6, 6], &[6, 17, 33], &[9, 33, 40, 21, 7]];
    for samples in [1, 2, 3, 4, 5, 6, 7, 8, 9, 64] {
        for widths in widths {
            let shape = ModelShape::dense(widths, Activation::Tanh, Loss::CrossEntropy).unwrap();
            let problem = Problem::new(shape.clone(), samples, 3);
            let (mut whole, mut single) = (vec![0.0; shape.parameters()], vec![0.0; shape.parameters()]);
            let loss = problem.add_gradient(0..samples, &mut whole);
            let losses: f64 = (0..samples).map(|row| problem.add_gradient(row..row + 1, &mut single)).sum();
            assert!((loss - losses).abs() < 1e-5 * loss, "{samples} {widths:?}");
            for (whole, single) in whole.iter().zip(&single) {
                assert!((whole - single).abs() < 1e-5 * samples as f32, "{samples} {widths:?}: {whole} {single}");
            }
        }
    }
}

/// However many samples are computed at once.
#[test]
fn sums_have_the_same_bits_wherever_samples_are_cut() {
    let widths: [&[u32]; 5] = [&[12, 16, 10], &[12, 40, 33, 10], &[300, 20, 10], &[3, 4, 5, 2], &[5, 1]];
    for (widths, activation) in widths.into_iter().zip([Activation::Relu, Activation::Tanh].into_iter().cycle()) {
        let loss = if widths.last() == Some(&1) { Loss::MeanSquaredError } else { Loss::CrossEntropy };
        check_cuts(&Problem::new(ModelShape::dense(widths, activation, loss).unwrap(), 75, 5));
    }
}

/// Of 75 samples.
pub(crate) fn check_cuts(problem: &Problem) {
    let samples = problem.weights.len();
    let sum = |pieces: &[usize]| {
        let (mut gradient, mut loss, mut first) = (vec![0.0; problem.parameters.len()], 0.0, 0);
        let mut scratch = vec![f32::NAN; scratch_len(&problem.shape, samples)];
        for piece in pieces {
            let rows = first..first + piece;
            let x = &problem.x[rows.start * problem.shape.inputs()..rows.end * problem.shape.inputs()];
            let batch = Batch { x, targets: problem.targets(rows.clone()), weights: Some(&problem.weights[rows]) };
            add_gradient(&problem.shape, &problem.parameters, batch, &mut scratch, &mut gradient, &mut loss).unwrap();
            first += piece;
        }
        assert_eq!(first, samples);
        (gradient, loss.to_bits())
    };
    let whole = sum(&[75]);
    for pieces in [[8, 16, 24, 8, 19].as_slice(), &[64, 11], &[8, 8, 8, 8, 8, 8, 8, 8, 11], &[32, 43]] {
        assert_eq!(sum(pieces), whole, "{:?} {pieces:?}", problem.shape);
    }
}

#[test]
fn extreme_logits_give_finite_losses() {
    let shape = ModelShape::dense(&[1, 3], Activation::Relu, Loss::CrossEntropy).unwrap();
    let outputs = [1e30, -1e30, 0.0];
    assert_eq!(loss_sum(&shape, &outputs, Targets::Classes(&[0]), None), Ok(0.0));
    assert_eq!(loss_sum(&shape, &outputs, Targets::Classes(&[2]), None), Ok(f64::from(1e30_f32)));
}

#[test]
fn not_a_number_is_not_hidden_by_relu() {
    let shape = ModelShape::dense(&[2, 3, 1], Activation::Relu, Loss::MeanSquaredError).unwrap();
    let mut problem = Problem::new(shape.clone(), 2, 1);
    problem.x[1] = f32::NAN;
    assert!(problem.add_gradient(0..2, &mut vec![0.0; shape.parameters()]).is_nan());
}

#[test]
fn no_samples_add_nothing() {
    let shape = ModelShape::dense(&[2, 3, 1], Activation::Relu, Loss::MeanSquaredError).unwrap();
    let mut gradient = vec![1.0; shape.parameters()];
    assert_eq!(Problem::new(shape.clone(), 0, 1).add_gradient(0..0, &mut gradient), 0.0);
    assert_eq!(gradient, vec![1.0; shape.parameters()]);
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_changed() {
    let shape = ModelShape::dense(&[2, 3], Activation::Relu, Loss::CrossEntropy).unwrap();
    let (parameters, x, classes) = ([0.5_f32; 9], [1.0_f32; 4], Targets::Classes(&[0, 2]));
    let mut gradient = [7.0_f32; 9];
    let enough = scratch_len(&shape, 2);
    let mut try_with =
        |parameters: &[f32], x: &[f32], targets: Targets<'_>, weights: Option<&[f32]>, scratch: usize| {
            gradient_sum(&shape, parameters, x, targets, weights, &mut vec![0.0; scratch], &mut gradient).unwrap_err()
        };
    let length = |what, found, expected| Error::Length { what, found, expected };
    assert_eq!(try_with(&parameters[1..], &x, classes, None, enough), length("parameters", 8, 9));
    assert_eq!(try_with(&parameters, &x[1..], classes, None, enough), length("inputs", 3, 2));
    assert_eq!(try_with(&parameters, &x, Targets::Classes(&[0]), None, enough), length("targets", 1, 2));
    assert_eq!(
        try_with(&parameters, &x, Targets::Classes(&[0, 3]), None, enough),
        Error::Class { class: 3, classes: 3 }
    );
    assert_eq!(try_with(&parameters, &x, Targets::Values(&[0.0; 6]), None, enough), Error::TargetKind);
    assert_eq!(try_with(&parameters, &x, classes, Some(&[1.0]), enough), length("sample weights", 1, 2));
    assert_eq!(try_with(&parameters, &x, classes, None, enough - 1), length("scratch", enough - 1, enough));
    assert_eq!(gradient, [7.0; 9]);
    let result = gradient_sum(&shape, &parameters, &x, classes, None, &mut vec![0.0; enough], &mut gradient[1..]);
    assert_eq!(result, Err(length("gradient", 8, 9)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A sample of weight 2 counts as two samples, one of weight 0 as none.
    #[test]
    fn weights_count_samples(seed: u64, samples in 1_usize..20, hidden in 1_u32..20, relu: bool, classes: bool) {
        let activation = if relu { Activation::Relu } else { Activation::Tanh };
        let loss = if classes { Loss::CrossEntropy } else { Loss::MeanSquaredError };
        let mut problem = Problem::new(ModelShape::dense(&[3, hidden, 4], activation, loss).unwrap(), samples, seed);
        problem.weights = (0..samples).map(|row| (row % 3) as f32).collect();
        let mut weighted = vec![0.0; problem.parameters.len()];
        problem.add_gradient(0..samples, &mut weighted);
        problem.weights = vec![1.0; samples];
        let mut repeated = vec![0.0; problem.parameters.len()];
        for row in (0..samples).flat_map(|row| std::iter::repeat_n(row, row % 3)) {
            problem.add_gradient(row..row + 1, &mut repeated);
        }
        for (weighted, repeated) in weighted.iter().zip(&repeated) {
            prop_assert!((weighted - repeated).abs() <= 1e-4 * (1.0 + weighted.abs()), "{weighted} {repeated}");
        }
    }
}
